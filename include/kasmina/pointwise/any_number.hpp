// AnyNumber: stands for every kind of number, to find out early what a pointwise callable asks of
// it.
#pragma once

#include <concepts>
#include <type_traits>

#include <kasmina/pointwise/dual.hpp>

namespace kasmina {

/// The rule and its mend, as the compiler spells them out where a callable makes a built-in number
/// of the one that it was given - with std::sin(x), say, or x > 0 - or gives one back.
struct a_pointwise_callable_uses_kasmina_math_and_no_std_function_or_comparison {};

/// Has what numbers of any kind have (math.hpp), and nothing more. Never made.
struct AnyNumber {
    AnyNumber() = default;
    constexpr explicit AnyNumber(int) {}
    constexpr explicit AnyNumber(unsigned) {}
    constexpr explicit AnyNumber(long) {}
    constexpr explicit AnyNumber(unsigned long) {}
    constexpr explicit AnyNumber(long long) {}
    constexpr explicit AnyNumber(unsigned long long) {}
    constexpr explicit AnyNumber(float) {}
    constexpr explicit AnyNumber(double) {}

    /// Not explicit: of a constant, or of what a function of built-in numbers gave.
    template <class C,
              class Rule = a_pointwise_callable_uses_kasmina_math_and_no_std_function_or_comparison>
    constexpr AnyNumber(C) {  // NOLINT(google-explicit-constructor)
        static_assert(
            !std::same_as<Rule, Rule>,
            "a pointwise callable gives numbers of the kind that it is given: use "
            "kasmina::math::exp(x) and its like in place of std::exp(x), and write V(0.5) "
            "where a constant stands alone");
    }

    template <class Rule = a_pointwise_callable_uses_kasmina_math_and_no_std_function_or_comparison>
    constexpr operator double() const {  // NOLINT(google-explicit-constructor)
        static_assert(
            !std::same_as<Rule, Rule>,
            "a pointwise callable runs on numbers of any kind - built-in, SIMD, dual: use "
            "kasmina::math::exp(x) and its like in place of std::exp(x), and "
            "math::maximum, relu, clamp or select_equal in place of a comparison");
        return 0.0;
    }

    // clang-format off
    friend constexpr AnyNumber operator-(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber operator+(const AnyNumber&, const AnyNumber&) { return {}; }
    friend constexpr AnyNumber operator-(const AnyNumber&, const AnyNumber&) { return {}; }
    friend constexpr AnyNumber operator*(const AnyNumber&, const AnyNumber&) { return {}; }
    friend constexpr AnyNumber operator/(const AnyNumber&, const AnyNumber&) { return {}; }
    template <Arithmetic C>
    friend constexpr AnyNumber operator+(const AnyNumber&, C) { return {}; }
    template <Arithmetic C>
    friend constexpr AnyNumber operator+(C, const AnyNumber&) { return {}; }
    template <Arithmetic C>
    friend constexpr AnyNumber operator-(const AnyNumber&, C) { return {}; }
    template <Arithmetic C>
    friend constexpr AnyNumber operator-(C, const AnyNumber&) { return {}; }
    template <Arithmetic C>
    friend constexpr AnyNumber operator*(const AnyNumber&, C) { return {}; }
    template <Arithmetic C>
    friend constexpr AnyNumber operator*(C, const AnyNumber&) { return {}; }
    template <Arithmetic C>
    friend constexpr AnyNumber operator/(const AnyNumber&, C) { return {}; }
    template <Arithmetic C>
    friend constexpr AnyNumber operator/(C, const AnyNumber&) { return {}; }

    friend constexpr AnyNumber exp_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber log_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber sqrt_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber tanh_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber sigmoid_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber erf_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber normal_density_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber normal_cdf_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber log1p_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber expm1_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber softplus_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber max_of(const AnyNumber&, const AnyNumber&) { return {}; }
    friend constexpr AnyNumber relu_of(const AnyNumber&) { return {}; }
    friend constexpr AnyNumber clamp_of(const AnyNumber&, double, double) { return {}; }
    friend constexpr AnyNumber select_equal_of(const AnyNumber&, double, const AnyNumber&, const AnyNumber&) { return {}; }
    // clang-format on
};

/// Takes one number for each operand.
template <class Function, class... Numbers>
concept TakesNumbers = std::invocable<const Function&, const Numbers&...>;

/// Gives a number of the kind that it is given.
template <class Function, class... Numbers>
concept GivesANumber =
    std::same_as<std::invoke_result_t<const Function&, const Numbers&...>, AnyNumber>;

}  // namespace kasmina
