# Fails where a header asks the standard library whether a number is finite: under -ffast-math the
# compiler answers by itself, wrongly (finite.hpp).
include(${CMAKE_CURRENT_LIST_DIR}/forbid_lines.cmake)

forbid_lines("questions that -ffast-math answers" "(^|[^a-z_])is(finite|nan|inf|normal)\\(" "^ *//")
