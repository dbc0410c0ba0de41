// Elementary functions of registers: a few units in the last place, and the limits of the standard
// library at what is no ordinary number.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include <kasmina/backends/eigen/pack.hpp>
#include <kasmina/random/generator.hpp>

#include "eigen/on_register.hpp"
#include "support/catch.hpp"

namespace kasmina::elementary_test {
namespace {

using test::Erf;
using test::Exp;
using test::Lanes;
using test::on_register;
using test::Tanh;

struct Log {
    template <class V>
    V operator()(const V& x) const {
        return math::log(x);
    }
};
struct NormalDensity {
    template <class V>
    V operator()(const V& x) const {
        return math::normal_density(x);
    }
};
struct NormalCdf {
    template <class V>
    V operator()(const V& x) const {
        return math::normal_cdf(x);
    }
};
struct Log1p {
    template <class V>
    V operator()(const V& x) const {
        return math::log1p(x);
    }
};
struct Expm1 {
    template <class V>
    V operator()(const V& x) const {
        return math::expm1(x);
    }
};
struct Softplus {
    template <class V>
    V operator()(const V& x) const {
        return math::softplus(x);
    }
};

template <class T, class F>
T of_one(const F& function, T x) {
    Lanes<T> same{};
    same.fill(x);
    return on_register(function, same).back();
}

/// The largest error in units in the last place, for numbers that `draw` gives.
template <class T, class F, class Draw>
double worst_error(const F& function, Draw draw) {
    double worst = 0.0;
    for (int i = 0; i < 20000; ++i) {
        Lanes<T> x{};
        for (T& number : x) number = static_cast<T>(draw());
        const Lanes<T> results = on_register(function, x);
        for (std::size_t lane = 0; lane < x.size(); ++lane) {
            const auto expected = static_cast<long double>(function(static_cast<double>(x[lane])));
            const T size = std::abs(static_cast<T>(expected));
            const auto unit = static_cast<long double>(
                std::nextafter(size, std::numeric_limits<T>::infinity()) - size);
            const auto error = (static_cast<long double>(results[lane]) - expected) / unit;
            worst = std::max(worst, static_cast<double>(std::abs(error)));
        }
    }
    return worst;
}

TEMPLATE_TEST_CASE("elementary functions of a register err by two units in the last place",
                   "[eigen][pointwise]", float, double) {
    using Limits = std::numeric_limits<TestType>;
    Generator generator(3);
    const auto between = [&](double low, double high) {
        return [&generator, low, high] { return generator.uniform(low, high); };
    };
    const double most = std::log(static_cast<double>(Limits::max()));
    const double least = std::log(static_cast<double>(Limits::min()));
    // The standard library's double, which is the measure, may be half a unit off itself.
    const double bound = 2.5;
    CHECK(worst_error<TestType>(Exp{}, between(least, most - 0.01)) < bound);
    CHECK(worst_error<TestType>(Exp{}, between(-1.0, 1.0)) < bound);
    CHECK(worst_error<TestType>(Log{}, between(0.25, 4.0)) < bound);
    const auto exponent = between(least, most - 0.01);
    CHECK(worst_error<TestType>(Log{}, [&] { return std::exp(exponent()); }) < bound);
    CHECK(worst_error<TestType>(Tanh{}, between(-20.0, 20.0)) < bound);
    CHECK(worst_error<TestType>(Tanh{}, between(-0.7, 0.7)) < bound);
    const auto small = between(std::log(1e-30), 0.0);
    CHECK(worst_error<TestType>(Tanh{}, [&] { return std::exp(small()); }) < bound);
    // A quotient of two polynomials, times a number.
    const double quotient_bound = 3.5;
    CHECK(worst_error<TestType>(Erf{}, between(-7.0, 7.0)) < quotient_bound);
    CHECK(worst_error<TestType>(Erf{}, between(-1.0, 1.0)) < quotient_bound);
    CHECK(worst_error<TestType>(Erf{}, [&] { return std::exp(small()); }) < quotient_bound);
    CHECK(worst_error<TestType>(NormalDensity{}, between(-2.0, 2.0)) < quotient_bound);
    CHECK(worst_error<TestType>(NormalCdf{}, between(0.0, 40.0)) < quotient_bound);
    CHECK(worst_error<TestType>(Log1p{}, between(-0.9, 4.0)) < bound);
    CHECK(worst_error<TestType>(Log1p{}, [&] { return -std::exp(small()) / 2; }) < bound);
    CHECK(worst_error<TestType>(Log1p{}, [&] { return std::exp(small()); }) < bound);
    // Two functions one after another.
    CHECK(worst_error<TestType>(Expm1{}, between(-20.0, 20.0)) < 2 * bound);
    CHECK(worst_error<TestType>(Expm1{}, [&] { return -std::exp(small()); }) < 2 * bound);
    CHECK(worst_error<TestType>(Softplus{}, between(-30.0, 30.0)) < 2 * bound);
}

TEMPLATE_TEST_CASE("the left tail of the normal distribution is exact next to 1",
                   "[eigen][pointwise]", float, double) {
    Generator generator(4);
    double worst = 0.0;
    for (int i = 0; i < 100000; ++i) {
        const auto x = static_cast<TestType>(generator.uniform(-10.0, 0.0));
        const double exact = math::normal_cdf(static_cast<double>(x));
        worst = std::max(worst, std::abs(static_cast<double>(of_one(NormalCdf{}, x)) - exact));
    }
    CHECK(worst < static_cast<double>(std::numeric_limits<TestType>::epsilon()));
}

TEMPLATE_TEST_CASE("elementary functions of a register have the standard library's limits",
                   "[eigen][pointwise]", float, double) {
    using T = TestType;
    using Limits = std::numeric_limits<T>;
    const T infinity = Limits::infinity();
    CHECK(of_one(Exp{}, infinity) == infinity);
    CHECK(of_one(Exp{}, -infinity) == 0);
    CHECK(of_one(Exp{}, T{1000}) == infinity);
    CHECK(of_one(Exp{}, T{-1000}) == 0);
    CHECK(of_one(Exp{}, T{0}) == 1);
    CHECK(std::isnan(of_one(Exp{}, Limits::quiet_NaN())));
    CHECK(of_one(Log{}, infinity) == infinity);
    CHECK(of_one(Log{}, T{0}) == -infinity);
    CHECK(of_one(Log{}, T{1}) == 0);
    CHECK(std::isnan(of_one(Log{}, T{-1})));
    CHECK(std::isnan(of_one(Log{}, -infinity)));
    CHECK(std::isnan(of_one(Log{}, Limits::quiet_NaN())));
    CHECK(of_one(Tanh{}, infinity) == 1);
    CHECK(of_one(Tanh{}, -infinity) == -1);
    CHECK(of_one(Tanh{}, T{0}) == 0);
    CHECK(std::isnan(of_one(Tanh{}, Limits::quiet_NaN())));
    CHECK(of_one(Erf{}, infinity) == 1);
    CHECK(of_one(Erf{}, -infinity) == -1);
    CHECK(of_one(Erf{}, T{0}) == 0);
    CHECK(std::isnan(of_one(Erf{}, Limits::quiet_NaN())));
    CHECK(of_one(NormalDensity{}, infinity) == 0);
    CHECK(of_one(NormalDensity{}, T{-1000}) == 0);
    CHECK(std::isnan(of_one(NormalDensity{}, Limits::quiet_NaN())));
    CHECK(of_one(NormalCdf{}, infinity) == 1);
    CHECK(of_one(NormalCdf{}, -infinity) == 0);
    CHECK(of_one(NormalCdf{}, T{-1000}) == 0);
    CHECK(of_one(NormalCdf{}, T{0}) == Approx(0.5));
    CHECK(std::isnan(of_one(NormalCdf{}, Limits::quiet_NaN())));
    CHECK(of_one(Log1p{}, infinity) == infinity);
    CHECK(of_one(Log1p{}, T{-1}) == -infinity);
    CHECK(of_one(Log1p{}, T{0}) == 0);
    CHECK(std::isnan(of_one(Log1p{}, T{-2})));
    CHECK(std::isnan(of_one(Log1p{}, Limits::quiet_NaN())));
    CHECK(of_one(Expm1{}, infinity) == infinity);
    CHECK(of_one(Expm1{}, -infinity) == -1);
    CHECK(of_one(Expm1{}, T{0}) == 0);
    CHECK(std::isnan(of_one(Expm1{}, Limits::quiet_NaN())));
    CHECK(of_one(Softplus{}, infinity) == infinity);
    CHECK(of_one(Softplus{}, -infinity) == 0);
    CHECK(of_one(Softplus{}, T{1000}) == 1000);
    CHECK(std::isnan(of_one(Softplus{}, Limits::quiet_NaN())));
    const T denormal = Limits::min() / 8;
    CHECK(of_one(Log{}, denormal) == Approx(std::log(static_cast<double>(denormal))));
}

}  // namespace
}  // namespace kasmina::elementary_test
