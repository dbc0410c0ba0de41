# Fails where a header draws random numbers past the one generator (spec E-3), or meets a user's
# mistake with an assert (spec E-2).
include(${CMAKE_CURRENT_LIST_DIR}/forbid_lines.cmake)

forbid_lines("random numbers that are not the generator's"
  "(^|[^a-zA-Z_])s?rand\\(|random_device|mt19937|minstd_rand|<random>" "^ *//")
forbid_lines("asserts" "<cassert>|<assert\\.h>|(^|[^a-zA-Z_])assert\\(" "^ *//")
