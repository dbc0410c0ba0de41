// throw_header_error: what is wrong with the header of a file, and where in it.
#pragma once

#include <string>
#include <string_view>

#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

namespace detail {

[[noreturn]] KASMINA_COLD inline void throw_header_error(
    std::string_view source, std::string_view place, std::string_view what,
    std::string_view expected, std::string_view got,
    std::string_view mend = "take a whole file that has not been changed") {
    throw CheckpointError(what, std::string(source) + ": " + std::string(place), expected, got,
                          mend);
}

}  // namespace detail
}  // namespace kasmina::checkpoint::file
