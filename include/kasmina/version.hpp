// The library's version; CMakeLists.txt reads it from here.
#pragma once

#define KASMINA_VERSION_MAJOR 0
#define KASMINA_VERSION_MINOR 1
#define KASMINA_VERSION_PATCH 0

/// As one number, to be compared: 1002003 is 1.2.3.
#define KASMINA_VERSION \
    (KASMINA_VERSION_MAJOR * 1000000 + KASMINA_VERSION_MINOR * 1000 + KASMINA_VERSION_PATCH)
