// Registers and dual numbers: as accurate as built-in numbers, and PyTorch's derivatives at
// corners.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include <kasmina/backend/backend.hpp>
#include <kasmina/backends/eigen.hpp>

#include "eigen/on_register.hpp"
#include "support/catch.hpp"

namespace kasmina::numbers_test {
namespace {

using backends::eigen_detail::lanes;
using backends::eigen_detail::load;
using backends::eigen_detail::Pack;
using backends::eigen_detail::store;
using backends::eigen_detail::Vector;
using test::Erf;
using test::Exp;
using test::Tanh;

static_assert(CompleteBackend<backends::Eigen<float>>);
static_assert(CompleteBackend<backends::Eigen<double>>);

struct Log {
    template <class V>
    V operator()(const V& x) const {
        return math::log(x * x + 2);
    }
};
struct Sqrt {
    template <class V>
    V operator()(const V& x) const {
        return math::sqrt(x * x + 1);
    }
};
struct Sigmoid {
    template <class V>
    V operator()(const V& x) const {
        return math::sigmoid(x);
    }
};
struct Constants {
    template <class V>
    V operator()(const V& x) const {
        const V square = -x * -x;
        return 2.0F * (square + 1.5) / (3 + square) + 1 / (2 - -square) + (square - 0.25) / 4 +
               (1.5 + square) * 2;
    }
};
struct Choices {
    template <class V>
    V operator()(const V& x) const {
        return math::relu(x) + math::clamp(x, -1.5, 2.5) + math::maximum(x, -x) +
               math::select_equal(x, 0.5, x * x, -x);
    }
};

template <class T, class F>
double worst_error(const F& function) {
    double worst = 0.0;
    for (int i = -2000; i < 2000; ++i) {
        test::Lanes<T> values{};
        for (std::size_t lane = 0; lane < values.size(); ++lane) {
            values[lane] = static_cast<T>(0.005 * (i + 0.3 * static_cast<double>(lane)));
        }
        const test::Lanes<T> results = test::on_register(function, values);
        for (std::size_t lane = 0; lane < values.size(); ++lane) {
            const double expected = function(static_cast<double>(values[lane]));
            const double error = std::abs(static_cast<double>(results[lane]) - expected);
            worst = std::max(worst, error / std::max(std::abs(expected), 1e-3));
        }
    }
    return worst;
}

TEMPLATE_TEST_CASE("a register of numbers computes what a number does", "[eigen][pointwise]", float,
                   double) {
    const double tolerance = std::is_same_v<TestType, float> ? 2e-6 : 1e-12;
    CHECK(worst_error<TestType>(Exp{}) < tolerance);
    CHECK(worst_error<TestType>(Log{}) < tolerance);
    CHECK(worst_error<TestType>(Sqrt{}) < tolerance);
    CHECK(worst_error<TestType>(Tanh{}) < tolerance);
    CHECK(worst_error<TestType>(Erf{}) < tolerance);
    CHECK(worst_error<TestType>(Sigmoid{}) < tolerance);
    CHECK(worst_error<TestType>(Constants{}) < tolerance);
    CHECK(worst_error<TestType>(Choices{}) < tolerance);
}

template <class F>
double slope(const F& function, double x) {
    return function(Dual<double, 1>::variable(x, 0)).derivatives[0];
}

TEST_CASE("dual numbers give the slope of every function", "[pointwise]") {
    const auto check = [](const auto& function) {
        for (const double x : {-2.7, -1.1, -0.3, 0.2, 0.9, 3.1}) {
            CAPTURE(x);
            const double step = 1e-5;
            const double expected = (function(x + step) - function(x - step)) / (2 * step);
            CHECK(slope(function, x) == Approx(expected).epsilon(1e-7).margin(1e-9));
        }
    };
    check(Exp{});
    check(Log{});
    check(Sqrt{});
    check(Tanh{});
    check(Erf{});
    check(Sigmoid{});
    check(Constants{});
    check(Choices{});
}

TEST_CASE("at corners derivatives are PyTorch's", "[pointwise]") {
    const auto relu = [](const auto& x) { return math::relu(x); };
    CHECK(slope(relu, 0.0) == 0.0);
    CHECK(slope(relu, -0.0) == 0.0);
    CHECK(slope(relu, 1e-300) == 1.0);

    const auto clamp = [](const auto& x) { return math::clamp(x, 0.0, 1.0); };
    CHECK(slope(clamp, 0.0) == 1.0);
    CHECK(slope(clamp, 1.0) == 1.0);
    CHECK(slope(clamp, 1.0001) == 0.0);
    CHECK(slope(clamp, -1e-9) == 0.0);

    using Number = Dual<double, 2>;
    const Number tie = math::maximum(Number::variable(2.0, 0), Number::variable(2.0, 1));
    CHECK(tie.derivatives[0] == 0.5);
    CHECK(tie.derivatives[1] == 0.5);
    const Number second = math::maximum(Number::variable(1.0, 0), Number::variable(2.0, 1));
    CHECK(second.derivatives[0] == 0.0);
    CHECK(second.derivatives[1] == 1.0);
}

TEST_CASE("a sigmoid far from 0 neither overflows nor loses its slope's sign", "[pointwise]") {
    const auto sigmoid = [](const auto& x) { return math::sigmoid(x); };
    for (const double x : {-1e6, -800.0, 800.0, 1e6}) {
        CAPTURE(x);
        CHECK(math::sigmoid(x) == Approx(x > 0 ? 1.0 : 0.0));
        CHECK(slope(sigmoid, x) == 0.0);
    }
}

TEMPLATE_TEST_CASE("a NaN stays one through every choice", "[pointwise]", float, double) {
    using T = TestType;
    const T nan = std::numeric_limits<T>::quiet_NaN();
    const auto first_lane = [](const Pack<T>& pack) {
        std::array<T, static_cast<std::size_t>(lanes<T>)> values{};
        store(values.data(), pack.values);
        return values[0];
    };
    const auto check = [&](const auto& function) {
        CHECK(std::isnan(function(nan)));
        CHECK(std::isnan(first_lane(function(Pack<T>(nan)))));
        CHECK(std::isnan(function(Dual<T, 1>::variable(nan, 0)).value));
    };
    check([](const auto& x) { return math::relu(x); });
    check([](const auto& x) { return math::clamp(x, -1.0, 1.0); });
    check([](const auto& x) { return math::maximum(x, x * 0 + 1); });
    check([](const auto& x) { return math::tanh(x); });
    check([](const auto& x) { return math::sigmoid(x); });
    check([]<class V>(const V& x) { return math::maximum(V(1), x); });
}

}  // namespace
}  // namespace kasmina::numbers_test
