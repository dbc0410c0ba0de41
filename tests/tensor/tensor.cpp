// Tensor: owning, move-only, of several types, reached from the host by readings alone.
#include <concepts>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/tensor/tensor.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina {

#define KASMINA_TENSOR_BACKENDS test::Eigen32, test::Oracle, test::Device64

TEMPLATE_TEST_CASE("a tensor gives back the values it was given", "[E-2]",
                   KASMINA_TENSOR_BACKENDS) {
    using Scalar = typename TestType::Scalar;
    static_assert(!std::copyable<Tensor<TestType>> && std::movable<Tensor<TestType>>);
    typename TestType::Context context{};
    const std::vector<Scalar> values{1, 2, 3, 4, 5, 6};
    const auto tensor = Tensor<TestType>::from_host(context, Shape{2, 3}, values);
    CHECK(tensor.shape() == Shape{2, 3});
    CHECK(tensor.size() == 6);
    CHECK(!tensor.empty());
    CHECK(tensor.to_host(context) == values);
    CHECK(Tensor<TestType>::full(context, Shape{3}, 7).to_host(context) ==
          std::vector<Scalar>{7, 7, 7});
}

TEMPLATE_TEST_CASE("a tensor may hold integers and doubles whatever the backend's scalar", "[E-2]",
                   KASMINA_TENSOR_BACKENDS) {
    typename TestType::Context context{};
    const std::vector<std::int32_t> ids{-100, 0, 2147483647};
    auto integers = Tensor<TestType, std::int32_t>::from_host(context, Shape{3}, ids);
    static_assert(std::same_as<typename decltype(integers)::Value, std::int32_t>);
    CHECK(integers.to_host(context) == ids);
    integers.fill(context, 4);
    CHECK(integers.to_host(context) == std::vector<std::int32_t>{4, 4, 4});
    const std::vector<std::int64_t> counts{std::int64_t{1} << 40};
    CHECK(Tensor<TestType, std::int64_t>::from_host(context, Shape{1}, counts).to_host(context) ==
          counts);
    const std::vector<double> sums{1e300, 0.1};
    CHECK(Tensor<TestType, double>::from_host(context, Shape{2}, sums).to_host(context) == sums);
}

TEMPLATE_TEST_CASE("a clone has memory of its own", "[E-2]", KASMINA_TENSOR_BACKENDS) {
    using Scalar = typename TestType::Scalar;
    typename TestType::Context context{};
    auto original = Tensor<TestType>::full(context, Shape{2}, 1);
    const auto clone = original.clone(context);
    original.assign(context, std::vector<Scalar>{8, 9});
    CHECK(clone.to_host(context) == std::vector<Scalar>{1, 1});
    CHECK(clone.data() != original.data());
    const auto moved = std::move(original);
    CHECK(moved.to_host(context) == std::vector<Scalar>{8, 9});
}

TEMPLATE_TEST_CASE("a tensor takes the values of another of its shape", "[E-2]",
                   KASMINA_TENSOR_BACKENDS) {
    using Scalar = typename TestType::Scalar;
    typename TestType::Context context{};
    auto to = Tensor<TestType>::full(context, Shape{2}, 1);
    const auto from = Tensor<TestType>::full(context, Shape{2}, 5);
    to.copy_from(context, from);
    CHECK(to.to_host(context) == std::vector<Scalar>{5, 5});
    const auto other = Tensor<TestType>::full(context, Shape{1, 2}, 7);
    CHECK_THROWS_AS(to.copy_from(context, other), ShapeError);
    CHECK(to.to_host(context) == std::vector<Scalar>{5, 5});
}

TEMPLATE_TEST_CASE("what is pending are the values of the moment when it was asked for", "[E-2]",
                   KASMINA_TENSOR_BACKENDS) {
    using Scalar = typename TestType::Scalar;
    typename TestType::Context context{};
    auto tensor = Tensor<TestType>::full(context, Shape{1}, 3);
    auto one = tensor.read(context);
    tensor.fill(context, 4);
    CHECK(one.get() == Scalar(3));
    CHECK(one.get() == Scalar(3));
    const auto several = Tensor<TestType>::full(context, Shape{2}, 1);
    auto two = several.read(context);
    CHECK(two.size() == 2);
    CHECK_THROWS_AS(two.get(), ShapeError);
    const std::span<const Scalar> values = two.values();
    CHECK(std::vector<Scalar>(values.begin(), values.end()) == std::vector<Scalar>{1, 1});
}

TEMPLATE_TEST_CASE("a default tensor is empty, and so is one without elements", "[E-2]",
                   KASMINA_TENSOR_BACKENDS) {
    typename TestType::Context context{};
    const Tensor<TestType> none;
    CHECK(none.empty());
    CHECK(none.size() == 0);
    CHECK(none.to_host(context).empty());
    CHECK(Tensor<TestType>::full(context, Shape{0, 3}, 1).to_host(context).empty());
}

TEMPLATE_TEST_CASE("values that do not fill a tensor change nothing", "[E-2]",
                   KASMINA_TENSOR_BACKENDS) {
    using Scalar = typename TestType::Scalar;
    typename TestType::Context context{};
    auto tensor = Tensor<TestType>::full(context, Shape{2, 2}, 5);
    CHECK_THROWS_AS(tensor.assign(context, std::vector<Scalar>{1, 2, 3}), ShapeError);
    CHECK(tensor.to_host(context) == std::vector<Scalar>{5, 5, 5, 5});
    CHECK_THROWS_AS(Tensor<TestType>::from_host(context, Shape{2}, std::vector<Scalar>{1}),
                    ShapeError);
}

}  // namespace kasmina
