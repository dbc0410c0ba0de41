// A network with a seed trains on the emulated card as on the reference backend, and waits for
// nothing.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <kasmina/backends/xtensor.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/cnn/depthwise.hpp>
#include <kasmina/blueprints/cnn/norm.hpp>
#include <kasmina/blueprints/registry.hpp>

#include "device/training.hpp"
#include "support/cuda_emulation/emulated_cuda.hpp"

namespace kasmina {
namespace {

using B = test::EmulatedCuda<double>;
template <class Backend>
using Training = test::Training<Backend, BlueprintList<cnn::ConvLight, cnn::Depthwise, cnn::Norm>>;

/// What three steps with seeds of all kinds leave behind.
template <class Backend>
test::Trace trace_on(typename Backend::Context& context) {
    Training<Backend> training(context);
    training.grow("conv_light", BlendAlgorithm::gate, Stage::blending, "r1c0");
    training.grow("norm", BlendAlgorithm::multiply, Stage::holding, "r0c1");
    training.grow("depthwise", BlendAlgorithm::add, Stage::training, "r1c1");
    test::Trace trace;
    for (int i = 0; i < 3; ++i) trace.push_back(training.step().loss.get());
    training.note_all(trace);
    return trace;
}

}  // namespace

TEST_CASE("training on the emulated card is that of the reference, in any order of threads",
          "[cuda]") {
    backends::Xtensor<double>::Context reference;
    const test::Trace expected = trace_on<backends::Xtensor<double>>(reference);
    B::Context context(1);
    const test::Trace got = trace_on<B>(context);
    CHECK_NOTHROW(B::synchronise(context));
    REQUIRE(got.size() == expected.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        worst = std::max(worst, std::abs(got[i] - expected[i]) / (1.0 + std::abs(expected[i])));
    }
    CHECK(worst < 1e-8);
    B::Context other(2);
    CHECK((trace_on<B>(other) == got));
}

TEST_CASE("steps on the emulated card wait for nothing and take no more of its memory", "[cuda]") {
    B::Context context;
    Training<B> training(context);
    training.grow("conv_light", BlendAlgorithm::add, Stage::blending);
    for (int i = 0; i < 2; ++i) static_cast<void>(training.step());
    const auto waits = context.waits();
    const auto allocations = context.pool().statistics().allocations;
    auto step = training.step();
    CHECK(context.waits() == waits);
    CHECK(context.pool().statistics().allocations == allocations);
    CHECK(std::isfinite(step.loss.get()));
    CHECK(context.waits() == waits + 1);
}

}  // namespace kasmina
