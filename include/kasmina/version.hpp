// The library's version, as checkpoints note it.
#pragma once

#include <string_view>

namespace kasmina {

/// As CMake knows it.
inline constexpr std::string_view version = "0.1.0";

}  // namespace kasmina
