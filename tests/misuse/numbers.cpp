// Numbers that are none: a network survives an overflow, says so, and has something to go back to.
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/model/snapshot.hpp>
#include <kasmina/policy/grower.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/values.hpp"

namespace kasmina::numbers_test {
namespace {

using B = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints>;

constexpr Shape images{4, 8, 8, 3};
const std::vector<std::int32_t> labels{0, 1, 2, 0};

Model make_model(B::Context& context) {
    Generator generator(1);
    return Model(context, hosts::Cnn<B>(context, {.classes = 3, .base = 4, .blocks = 2}),
                 CnnBlueprints{}, generator);
}

Tensor<B> pixels(B::Context& context, float first) {
    std::vector<float> values = testing::normal_values<float>(images.elements(), 2);
    values[0] = first;
    return Tensor<B>::from_host(context, images, values);
}

/// A training pass; its loss.
double train(Model& model, const Tensor<B>& input) {
    Tape<B> tape(model.context());
    Pass<B> pass(tape, Mode::training);
    return static_cast<double>(
        ops::cross_entropy(model.forward(pass, input), std::span<const std::int32_t>(labels))
            .item());
}

/// Whether an evaluation gives finite logits.
bool evaluates_finitely(Model& model) {
    Tape<B> tape(model.context(), Recording::none);
    Pass<B> pass(tape, Mode::evaluation);
    for (const float logit : model.forward(pass, pixels(model.context(), 0.0F)).to_host()) {
        if (!is_finite(logit)) return false;
    }
    return true;
}

TEST_CASE("running statistics survive an overflow as PyTorch's do", "[H-6]") {
    const float pixel = GENERATE(1e20F, 1e25F);  // its square overflows in the end, and at once
    CAPTURE(pixel);
    B::Context context;
    Model model = make_model(context);
    train(model, pixels(context, pixel));
    bool infinite = false;
    for (int later = 0; later < 3; ++later) {
        for (const auto& values : test::state_values<B>(context, nn::states<B>(model.host()))) {
            for (const double value : values) {
                CHECK_FALSE(is_nan(value));
                infinite = infinite || !is_finite(value);
            }
        }
        CHECK(evaluates_finitely(model));
        train(model, pixels(context, 0.0F));
    }
    CHECK(infinite == (pixel == 1e25F));
}

struct Nothing {
    std::vector<Decision> decide(const EpochObservation&) { return {}; }
};

TEST_CASE("the governor looks at states, and what it goes back to is finite", "[H-6]") {
    B::Context context;
    Model model = make_model(context);
    train(model, pixels(context, 0.0F));
    Grower<Model, Nothing> grower(model, Nothing{}, std::log(3.0));
    const auto before = test::state_values<B>(context, nn::states<B>(model.host()));
    const double loss = train(model, pixels(context, 1e25F));
    REQUIRE(is_finite(loss));  // nothing but the states tells
    const std::string text =
        test::error_text<NumericError>([&] { static_cast<void>(Snapshot<B>::of(model)); });
    CHECK(test::mentions(text, "running_var"));
    const auto accuracies = [](std::span<const AlphaOverrides> configurations) {
        return std::vector<double>(configurations.size(), 50.0);
    };
    const EpochReport report = grower.end_epoch(model, loss, accuracies);
    CHECK(report.panic == Panic::nan);
    CHECK(test::state_values<B>(context, nn::states<B>(model.host())) == before);
    CHECK_NOTHROW(Snapshot<B>::of(model));
}

TEST_CASE("a number is finite or not by its bits", "[G-7]") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    static_assert(is_finite(0.0) && is_finite(-1e308) && is_finite(1e-45F));
    static_assert(!is_finite(infinity) && !is_finite(-infinity) && !is_finite(nan));
    static_assert(is_nan(nan) && is_nan(-nan) && !is_nan(infinity) && !is_nan(1.0F));
    static_assert(is_within(0.5, 0.0, 1.0) && !is_within(nan, 0.0, 1.0) &&
                  !is_within(1.5, 0.0, 1.0) && !is_within(infinity, 0.0, infinity));
    CHECK(is_nan(std::nanf("")));
}

}  // namespace
}  // namespace kasmina::numbers_test
