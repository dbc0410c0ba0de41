// Numbers that are not finite.
#pragma once

#include <limits>

namespace kasmina::test {

inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace kasmina::test
