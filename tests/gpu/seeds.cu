// Every blueprint's seed trains on a GPU as it does on the reference backend, and twice alike.
#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/backends/cuda.hpp>
#include <kasmina/backends/xtensor.hpp>
#include <kasmina/blueprints/cnn.hpp>

#include "device/training.hpp"

namespace kasmina {
namespace {

using Reference = backends::Xtensor<double>;

/// Three steps with a seed of that kind in that stage.
template <class B>
test::Trace trace_of(std::string_view blueprint, BlendAlgorithm algorithm, Stage stage,
                     Incubation incubation = Incubation::feedback) {
    return test::trace_of_seed<B, CnnBlueprints>(3, blueprint, algorithm, stage, incubation);
}

/// The largest difference, relative to the greatest value or to 1.
double difference(const test::Trace& expected, const test::Trace& got) {
    if (expected.size() != got.size()) return INFINITY;
    double scale = 1.0;
    for (const double value : expected) scale = std::max(scale, std::abs(value));
    double worst = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double error = std::abs(expected[i] - got[i]) / scale;
        worst = std::isfinite(error) ? std::max(worst, error) : INFINITY;
    }
    return worst;
}

/// A mean over few values and AdamW's first steps, which divide a gradient by its own size, let
/// rounding grow: in double what is left of it is far below any fault.
void check(std::string_view blueprint, BlendAlgorithm algorithm, Stage stage,
           Incubation incubation = Incubation::feedback) {
    CAPTURE(std::string(blueprint), static_cast<int>(algorithm), std::string(name_of(stage)));
    const auto expected = trace_of<Reference>(blueprint, algorithm, stage, incubation);
    REQUIRE(expected.size() > 100);
    const auto wide = trace_of<backends::Cuda<double>>(blueprint, algorithm, stage, incubation);
    CHECK(difference(expected, wide) < 1e-7);
    CHECK((trace_of<backends::Cuda<double>>(blueprint, algorithm, stage, incubation) == wide));
    const auto narrow = trace_of<backends::Cuda<float>>(blueprint, algorithm, stage, incubation);
    CHECK(difference(expected, narrow) < 2e-2);
    CHECK((trace_of<backends::Cuda<float>>(blueprint, algorithm, stage, incubation) == narrow));
}

TEST_CASE("every seed trains on a GPU as on the reference, in every stage", "[gpu][E-1][X-3]") {
    for (const std::string_view blueprint : CnnBlueprints::names()) {
        for (const Stage stage : {Stage::training, Stage::blending, Stage::holding}) {
            check(blueprint, BlendAlgorithm::add, stage);
        }
    }
}

TEST_CASE("a seed that learns by straight-through does it on a GPU, too", "[gpu][I-2]") {
    for (const std::string_view blueprint : {"norm", "attention", "conv_light"}) {
        check(blueprint, BlendAlgorithm::add, Stage::training, Incubation::straight_through);
    }
}

TEST_CASE("every way to blend is on a GPU what it is on the reference", "[gpu][A-5]") {
    for (const BlendAlgorithm algorithm : {BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
        for (const Stage stage : {Stage::training, Stage::blending, Stage::holding}) {
            check("conv_light", algorithm, stage);
        }
    }
}

TEST_CASE("every kernel of a training step once, for sanitizers", "[.][short]") {
    using B = backends::Cuda<float>;
    B::Context context{};
    for (const std::string_view blueprint : CnnBlueprints::names()) {
        for (const Stage stage : {Stage::training, Stage::blending}) {
            test::Training<B, CnnBlueprints> training(context);
            training.grow(blueprint, BlendAlgorithm::add, stage);
            CHECK(std::isfinite(training.step().loss.get()));
        }
    }
}

TEST_CASE("a training step on a GPU waits for nothing and allocates only at first", "[gpu][P-7]") {
    typename backends::Cuda<float>::Context context{};
    test::Training<backends::Cuda<float>, CnnBlueprints> training(context);
    training.grow("conv_heavy", BlendAlgorithm::add, Stage::blending);
    for (int i = 0; i < 3; ++i) static_cast<void>(training.step());
    const auto waits = context.waits();
    const auto allocations = context.pool().statistics().allocations;
    for (int i = 0; i < 10; ++i) static_cast<void>(training.step());
    CHECK(context.waits() == waits);
    CHECK(context.pool().statistics().allocations == allocations);
}

}  // namespace
}  // namespace kasmina
