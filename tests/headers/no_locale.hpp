// Makes a warning of each std::to_string of a fraction, whose text depends on the locale; what the
// library writes must not (number_text.hpp). Included before everything else.
#pragma once

#include <string>

// Declared again with an attribute, which g++ takes after a definition.
#if defined(__GLIBCXX__) && !defined(__clang__)
namespace std {
inline namespace __cxx11 {
[[deprecated("use kasmina::number_text")]] string to_string(float);
[[deprecated("use kasmina::number_text")]] string to_string(double);
[[deprecated("use kasmina::number_text")]] string to_string(long double);
}  // namespace __cxx11
}  // namespace std
#endif
