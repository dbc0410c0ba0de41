# Fails where a header makes text of numbers, or numbers of text, by what asks the locale. What it
# does not see, std::to_string of a fraction, the compiler does: no_locale.hpp.
include(${CMAKE_CURRENT_LIST_DIR}/forbid_lines.cmake)

forbid_lines("numbers that depend on the locale"
  "printf|<sstream>|stringstream|<iomanip>|sto[dfi]\\(|strto[dfl]|ato[fi]\\(|<locale>|std::cout"
  "^ *//")
