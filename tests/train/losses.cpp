// Losses of a batch with targets: what they come to, and what a recorded step knows of them.
#include <cmath>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/train/losses.hpp>
#include <kasmina/train/source.hpp>
#include <kasmina/train/step_recorder.hpp>

#include "support/catch.hpp"

namespace kasmina::losses_test {
namespace {

using B = backends::Eigen<float>;

struct Batch {
    Tensor<B> input;
    Tensor<B> targets;
};

template <class Loss>
constexpr bool is_a_loss = train::LossOfBatch<Loss, Variable<B>, Batch, B> &&
                           train::RepeatableLoss<train::LossOnBatch<Loss, Batch>>;

static_assert(is_a_loss<train::MeanSquaredError>);
static_assert(is_a_loss<train::L1Loss>);
static_assert(is_a_loss<train::HuberLoss>);
static_assert(is_a_loss<train::BinaryCrossEntropyWithLogits>);
static_assert(is_a_loss<train::KlDivergence>);

TEST_CASE("losses of a batch read its targets", "[N-3]") {
    B::Context context;
    Tape<B> tape(context);
    const auto tensor = [&](const std::vector<float>& values) {
        return Tensor<B>::from_host(context, {2, 1}, values);
    };
    const Batch batch{tensor({0, 0}), tensor({1, 0})};
    const auto output = tape.constant(Shape{2, 1}, std::vector<float>{3, 0.5F});
    CHECK(train::MeanSquaredError{}(output, batch).item() == Approx((4 + 0.25) / 2));
    CHECK(train::L1Loss{}(output, batch).item() == Approx(2.5 / 2));
    CHECK(train::HuberLoss{.delta = 2.0}(output, batch).item() == Approx((2 + 0.125) / 2));
    CHECK(train::BinaryCrossEntropyWithLogits{}(output, batch).item() ==
          Approx((std::log1p(std::exp(-3.0)) + std::log1p(std::exp(0.5))) / 2));
    CHECK(train::KlDivergence{}(output, batch).item() == Approx(-3.0 / 2));
}

TEST_CASE("a recorded step knows targets and options of its loss", "[N-3][X-2]") {
    B::Context context;
    const std::vector<float> values{1, 0};
    const Batch batch{{}, Tensor<B>::from_host(context, {2}, values)};
    const Batch other{{}, Tensor<B>::from_host(context, {2}, values)};
    CHECK(train::HuberLoss{}.reads(batch) == train::HuberLoss{}.reads(batch));
    CHECK(train::HuberLoss{}.reads(batch) != train::HuberLoss{}.reads(other));
    CHECK(train::HuberLoss{}.reads(batch) != train::HuberLoss{.delta = 2.0}.reads(batch));
    CHECK(train::KlDivergence{}.reads(batch) !=
          train::KlDivergence{{.log_target = true}}.reads(batch));
}

}  // namespace
}  // namespace kasmina::losses_test
