// Tensors seen as Eigen matrices; and the kernels against Eigen's.
#include <array>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/backends/eigen/view.hpp>
#include <kasmina/random/generator.hpp>

#include "support/catch.hpp"

namespace kasmina::view_test {
namespace {

template <class T>
[[nodiscard]] Tensor<backends::Eigen<T>> drawn(typename backends::Eigen<T>::Context& context,
                                               const Shape& shape, Generator& generator) {
    std::vector<T> values(static_cast<std::size_t>(shape.elements()));
    for (T& value : values) value = static_cast<T>(generator.normal());
    return Tensor<backends::Eigen<T>>::from_host(context, shape, values);
}

TEMPLATE_TEST_CASE("a tensor and its view share memory", "[backend]", float, double) {
    using Cpu = backends::Eigen<TestType>;
    typename Cpu::Context context;
    Generator generator(1);
    auto tensor = drawn<TestType>(context, {2, 3, 5}, generator);
    auto matrix = backends::as_matrix(tensor);
    CHECK(matrix.rows() == 6);
    CHECK(matrix.cols() == 5);
    matrix(4, 2) = TestType{7};
    CHECK(tensor.to_host(context)[4 * 5 + 2] == TestType{7});
    const auto& constant = tensor;
    CHECK(backends::as_matrix(constant)(4, 2) == TestType{7});
    CHECK(backends::as_matrix(constant).sum() == Approx(matrix.sum()));
}

TEST_CASE("a view of ids has their type", "[backend]") {
    using Cpu = backends::Eigen<float>;
    Cpu::Context context;
    const auto ids = Tensor<Cpu, std::int32_t>::from_host(context, {2, 2}, std::vector{1, 2, 3, 4});
    CHECK(backends::as_matrix(ids).trace() == 5);
}

template <class T>
concept CanBeSeen = requires(T&& tensor) { backends::as_matrix(std::forward<T>(tensor)); };

TEST_CASE("no view of a temporary", "[E-2][backend]") {
    using Cpu = backends::Eigen<float>;
    STATIC_REQUIRE(CanBeSeen<Tensor<Cpu>&>);
    STATIC_REQUIRE(CanBeSeen<const Tensor<Cpu>&>);
    STATIC_REQUIRE_FALSE(CanBeSeen<Tensor<Cpu>>);
    STATIC_REQUIRE_FALSE(CanBeSeen<const Tensor<Cpu>>);
}

TEMPLATE_TEST_CASE("products are those of Eigen", "[backend]", float, double) {
    using Cpu = backends::Eigen<TestType>;
    typename Cpu::Context context(2);
    Generator generator(2);
    for (const auto& [rows, in, out] :
         {std::array<Index, 3>{1, 1, 1}, {3, 7, 5}, {33, 65, 17}, {128, 100, 96}}) {
        CAPTURE(rows, in, out);
        const auto x = drawn<TestType>(context, {rows, in}, generator);
        const auto weight = drawn<TestType>(context, {out, in}, generator);
        Tape<Cpu> tape(context);
        Pass<Cpu> pass(tape, Mode::evaluation);
        const auto y = ops::linear(pass.constant(x), pass.constant(weight));
        const backends::Matrix<TestType> expected =
            backends::as_matrix(x) * backends::as_matrix(weight).transpose();
        const std::vector<TestType> values = y.to_host();
        const Eigen::Map<const backends::Matrix<TestType>> got(values.data(), rows, out);
        const double size = std::sqrt(static_cast<double>(in));
        const double bound = std::is_same_v<TestType, float> ? 1e-6 : 1e-14;
        CHECK(static_cast<double>((got - expected).cwiseAbs().maxCoeff()) < bound * 10 * size);
    }
}

}  // namespace
}  // namespace kasmina::view_test
