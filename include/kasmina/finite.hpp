// is_finite and is_nan: asked of a number's bits, so that no compiler flag can answer for it.
#pragma once

#include <kasmina/requirements.hpp>

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace kasmina {

/// Whether the compiler takes every number for finite (-ffast-math, -Ofast): it then drops each
/// comparison that only a NaN would fail, and what must keep a NaN asks for its bits.
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
inline constexpr bool numbers_are_taken_for_finite = true;
#else
inline constexpr bool numbers_are_taken_for_finite = false;
#endif

namespace detail {

/// An unsigned integer as wide as a floating-point number.
template <std::floating_point T>
using Bits = std::conditional_t<sizeof(T) == sizeof(std::uint32_t), std::uint32_t, std::uint64_t>;

/// The bits of a number without its sign: in the order of magnitudes, infinity and NaNs last.
template <std::floating_point T>
[[nodiscard]] constexpr Bits<T> magnitude_bits(T value) noexcept {
    static_assert(sizeof(T) == sizeof(Bits<T>) && std::numeric_limits<T>::is_iec559,
                  "a float or a double is asked whether it is finite");
    constexpr Bits<T> sign = Bits<T>{1} << (8 * sizeof(T) - 1);
    return std::bit_cast<Bits<T>>(value) & ~sign;
}

template <std::floating_point T>
inline constexpr Bits<T> infinity_bits = magnitude_bits(std::numeric_limits<T>::infinity());

}  // namespace detail

/// Neither infinite nor NaN. Under -ffast-math and -Ofast std::isfinite is true of everything, and
/// so is any comparison that would do the same; this is not.
template <std::floating_point T>
[[nodiscard]] constexpr bool is_finite(T value) noexcept {
    return detail::magnitude_bits(value) < detail::infinity_bits<T>;
}

template <std::floating_point T>
[[nodiscard]] constexpr bool is_nan(T value) noexcept {
    return detail::magnitude_bits(value) > detail::infinity_bits<T>;
}

/// At least `low` and at most `high`; a NaN is within nothing.
template <std::floating_point T>
[[nodiscard]] constexpr bool is_within(T value, T low, T high) noexcept {
    return is_finite(value) && value >= low && value <= high;
}

}  // namespace kasmina
