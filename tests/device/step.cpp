// A whole training step on the test device: nothing waits but whoever reads the loss.
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/registry.hpp>

#include "device/training.hpp"
#include "support/device/device_like.hpp"

namespace kasmina::step_test {
namespace {

using B = test::DeviceLike<float>;
using Training = test::Training<B, BlueprintList<cnn::ConvLight>>;

TEST_CASE("a training step with a blended seed, clipping and health waits for its loss alone",
          "[device][H-7][I-4][I-9][P-3]") {
    const Stage stage = GENERATE(Stage::training, Stage::blending, Stage::holding);
    const auto incubation = GENERATE(Incubation::feedback, Incubation::straight_through);
    CAPTURE(name_of(stage), name_of(incubation));
    B::Context context;
    Training training(context);
    training.grow("conv_light", BlendAlgorithm::add, stage, "r1c0", incubation);
    static_cast<void>(training.step().loss.get());

    for (int i = 0; i < 3; ++i) {
        const std::uint64_t waits = context.waits();
        auto step = training.step();
        CHECK(context.waits() == waits);
        CHECK(context.queued() > 50);  // all of the step is still to be done

        CHECK(std::isfinite(step.loss.get()));
        CHECK(context.waits() == waits + 1);
        CHECK(step.norm.get() > 0.0);
        training.model.record_gradient_health();
        CHECK(training.model.slot("r1c0").record()->metrics.gradient_ratio > 0.0);
        CHECK(context.waits() == waits + 1);
    }
}

TEST_CASE("steps of which nothing is read wait for nothing", "[device]") {
    B::Context context;
    Training training(context);
    training.grow("conv_light", BlendAlgorithm::gate, Stage::blending);
    const std::uint64_t waits = context.waits();
    for (int i = 0; i < 5; ++i) static_cast<void>(training.step());
    CHECK(context.waits() == waits);
    CHECK(std::isfinite(training.step().loss.get()));
}

TEST_CASE("a step has the same bits whether the queue runs on or waits", "[device]") {
    const auto trace_of = [](test::Schedule schedule) {
        B::Context context(schedule);
        Training training(context);
        training.grow("conv_light", BlendAlgorithm::multiply, Stage::holding);
        test::Trace trace;
        for (int i = 0; i < 3; ++i) trace.push_back(training.step().loss.get());
        training.note_all(trace);
        return trace;
    };
    CHECK((trace_of(test::Schedule::at_once) == trace_of(test::Schedule::at_waits)));
}

TEST_CASE("after the first steps a training loop takes no more of the device's memory",
          "[device]") {
    B::Context context;
    Training training(context);
    training.grow("conv_light", BlendAlgorithm::add, Stage::blending);
    for (int i = 0; i < 2; ++i) static_cast<void>(training.step());
    const std::size_t taken = context.pool().statistics().allocations;
    for (int i = 0; i < 3; ++i) static_cast<void>(training.step());
    CHECK(context.pool().statistics().allocations == taken);
}

TEST_CASE("a seed pruned between forward and backward, or before the queue runs, is harmless",
          "[device][S-11]") {
    B::Context context;
    Training training(context);
    training.grow("conv_light", BlendAlgorithm::add, Stage::blending);
    static_cast<void>(training.step());
    training.model.slot("r1c0").prune("test");  // its last step is still queued

    training.grow("conv_light", BlendAlgorithm::add, Stage::blending, "r0c1");
    training.tape.clear();
    Pass<B> pass(training.tape, Mode::training, training.generator);
    const Variable<B> loss =
        ops::cross_entropy(training.model.forward(pass, training.images), training.labels);
    training.model.slot("r0c1").prune("test");
    training.tape.backward(loss);
    CHECK(std::isfinite(loss.item()));
    for (const auto& named : training.model.host_parameters()) {
        for (const float value : named.parameter->gradient().to_host(context)) {
            CHECK(std::isfinite(value));
        }
    }
    CHECK_NOTHROW(B::synchronise(context));
}

}  // namespace
}  // namespace kasmina::step_test
