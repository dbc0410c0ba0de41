// A pointwise callable that is not written for numbers of any kind.
// std_function expects: a_pointwise_callable_uses_kasmina_math_and_no_std_function
// std_function_in_a_lambda expects: a_pointwise_callable_uses_kasmina_math_and_no_std
// comparison expects: a_pointwise_callable_uses_kasmina_math_and_no_std_function_or_comparison
// bare_constant expects: a_pointwise_callable_uses_kasmina_math_and_no_std_function
// another_arity expects: TakesNumbers: give the pointwise callable
// another_arity expects: with one number for each operand
// not_const expects: const `template <class V> V operator()(const V& x, ...) const`
// of_one_type expects: const `template <class V> V operator()(const V& x, ...) const`
// gives_nothing expects: GivesANumber: return a number of the kind
#include <cmath>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

using namespace kasmina;
using Cpu = backends::Eigen<float>;

struct Wave {
    template <class V>
    V operator()(const V& x) const {
#if defined(std_function)
        return std::sin(x);
#elif defined(bare_constant)
        return 0.5;
#else
        return math::tanh(x) + V(0.5) * x / 2;
#endif
    }
};

auto wave(const Variable<Cpu>& x) {
    return ops::pointwise(Wave{}, x);
}

auto more(const Variable<Cpu>& x) {
#if defined(std_function_in_a_lambda)
    return ops::pointwise([](auto v) { return std::sin(v); }, x);
#elif defined(comparison)
    return ops::pointwise([](auto v) { return v > 0 ? v : 0.1 * v; }, x);
#elif defined(another_arity)
    return ops::pointwise([](const auto& v) { return v; }, x, x);
#elif defined(not_const)
    return ops::pointwise([n = 0](const auto& v) mutable { return v * ++n; }, x);
#elif defined(of_one_type)
    return ops::pointwise([](float v) { return v; }, x);
#elif defined(gives_nothing)
    return ops::pointwise([](const auto&) {}, x);
#else
    return ops::pointwise([](const auto& a, const auto& b) { return math::maximum(a, 0.1 * b); }, x,
                          x);
#endif
}
