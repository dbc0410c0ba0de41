// What the library needs of the compiler, told in a sentence before anything else is.

// No #pragma once: min and max may become macros between two headers. Every header that stands on
// no other of the library includes this one, so that it comes before all else. After an error the
// compiler looks for a file that does not exist, which ends its work: what would follow are
// thousands of lines without a cause.
#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 202002L
#error "Kasmina needs C++20: compile with -std=c++20, or link kasmina::kasmina, which asks for it"
#include <kasmina/ends_here>
#elif defined(__clang__) && !defined(__apple_build_version__) && __clang_major__ < 16
#error "Kasmina needs clang 16 or later, or g++ 12 or later"
#include <kasmina/ends_here>
#elif defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 12
#error "Kasmina needs g++ 12 or later, or clang 16 or later"
#include <kasmina/ends_here>
#elif !defined(__cpp_exceptions)
#error "Kasmina tells mistakes by exceptions: compile without -fno-exceptions"
#include <kasmina/ends_here>
#elif defined(min) || defined(max)
#error "min and max are macros: define NOMINMAX before windows.h is included"
#include <kasmina/ends_here>
#endif
