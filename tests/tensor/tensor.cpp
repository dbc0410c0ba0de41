// Tensor: owning, move-only, reached from the host by copies alone.
#include <concepts>
#include <utility>
#include <vector>

#include <kasmina/tensor/tensor.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina {

TEMPLATE_TEST_CASE("a tensor gives back the values it was given", "[E-2]", test::Eigen32,
                   test::Oracle) {
    using Scalar = typename TestType::Scalar;
    static_assert(!std::copyable<Tensor<TestType>> && std::movable<Tensor<TestType>>);
    const std::vector<Scalar> values{1, 2, 3, 4, 5, 6};
    const auto tensor = Tensor<TestType>::from_host(Shape{2, 3}, values);
    CHECK(tensor.shape() == Shape{2, 3});
    CHECK(tensor.size() == 6);
    CHECK(!tensor.empty());
    CHECK(tensor.to_host() == values);
    CHECK(Tensor<TestType>::full(Shape{3}, 7).to_host() == std::vector<Scalar>{7, 7, 7});
}

TEMPLATE_TEST_CASE("a clone has memory of its own", "[E-2]", test::Eigen32, test::Oracle) {
    using Scalar = typename TestType::Scalar;
    auto original = Tensor<TestType>::full(Shape{2}, 1);
    const auto clone = original.clone();
    original.assign(std::vector<Scalar>{8, 9});
    CHECK(clone.to_host() == std::vector<Scalar>{1, 1});
    CHECK(clone.data() != original.data());
    const auto moved = std::move(original);
    CHECK(moved.to_host() == std::vector<Scalar>{8, 9});
}

TEMPLATE_TEST_CASE("a default tensor is empty, and so is one without elements", "[E-2]",
                   test::Eigen32, test::Oracle) {
    const Tensor<TestType> none;
    CHECK(none.empty());
    CHECK(none.size() == 0);
    CHECK(none.to_host().empty());
    CHECK(Tensor<TestType>::full(Shape{0, 3}, 1).to_host().empty());
}

TEMPLATE_TEST_CASE("values that do not fill a tensor change nothing", "[E-2]", test::Eigen32,
                   test::Oracle) {
    using Scalar = typename TestType::Scalar;
    auto tensor = Tensor<TestType>::full(Shape{2, 2}, 5);
    CHECK_THROWS_AS(tensor.assign(std::vector<Scalar>{1, 2, 3}), ShapeError);
    CHECK(tensor.to_host() == std::vector<Scalar>{5, 5, 5, 5});
    CHECK_THROWS_AS(Tensor<TestType>::from_host(Shape{2}, std::vector<Scalar>{1}), ShapeError);
}

}  // namespace kasmina
