// A network with a seed trains on the emulated card as on the reference backend, waits for nothing,
// and leaves the host alone while it learns.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/backends/xtensor.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/cnn/depthwise.hpp>
#include <kasmina/blueprints/cnn/norm.hpp>
#include <kasmina/blueprints/registry.hpp>

#include "device/training.hpp"
#include "support/cuda_emulation/emulated_cuda.hpp"

namespace kasmina::training_test {
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

/// The host's gradients of one pass, with a seed in training there ("" for none).
std::vector<std::vector<double>> host_gradients(const std::string& slot) {
    B::Context context;
    Training<B> training(context);
    if (!slot.empty()) {
        training.grow("conv_light", BlendAlgorithm::add, Stage::training, slot,
                      Incubation::straight_through);
    }
    Pass<B> pass(training.tape, Mode::training, training.generator);
    training.tape.backward(
        ops::cross_entropy(training.model.forward(pass, training.images), training.labels));
    std::vector<std::vector<double>> gradients;
    for (const auto& named : training.model.host_parameters()) {
        gradients.push_back(named.parameter->gradient().to_host(context));
    }
    return gradients;
}

}  // namespace

TEST_CASE("training on the emulated card is that of the reference, in any order of threads",
          "[cuda][E-1][X-3]") {
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

// In front of a pool (r0) the seed parts what is one pass of the host alone.
TEST_CASE("a seed in training leaves host gradients bit for bit the host's on the emulated card",
          "[I-1][I-2][cuda]") {
    const auto alone = host_gradients("");
    for (const char* slot : {"r0c0", "r1c0", "r0c1", "r1c1"}) {
        CAPTURE(slot);
        CHECK((host_gradients(slot) == alone));
    }
}

}  // namespace kasmina::training_test
