// The library's version; CMakeLists.txt reads it from here.
#pragma once

#include <string_view>

#define KASMINA_VERSION_MAJOR 0
#define KASMINA_VERSION_MINOR 1
#define KASMINA_VERSION_PATCH 0

/// As one number, to be compared: 1002003 is 1.2.3.
#define KASMINA_VERSION \
    (KASMINA_VERSION_MAJOR * 1000000 + KASMINA_VERSION_MINOR * 1000 + KASMINA_VERSION_PATCH)

#define KASMINA_TEXT_OF(value) #value
#define KASMINA_VERSION_TEXT(major, minor, patch) \
    KASMINA_TEXT_OF(major) "." KASMINA_TEXT_OF(minor) "." KASMINA_TEXT_OF(patch)

namespace kasmina {

/// In words, as checkpoints note it.
inline constexpr std::string_view version =
    KASMINA_VERSION_TEXT(KASMINA_VERSION_MAJOR, KASMINA_VERSION_MINOR, KASMINA_VERSION_PATCH);

}  // namespace kasmina

#undef KASMINA_VERSION_TEXT
#undef KASMINA_TEXT_OF
