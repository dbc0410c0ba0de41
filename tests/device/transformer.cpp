// A transformer on the test device: the reference's bits for each seed, and one wait a step.
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/backends/xtensor.hpp>
#include <kasmina/blueprints/transformer.hpp>
#include <kasmina/generation/next_logits.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/train/learn.hpp>

#include "device/training.hpp"
#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/device/device_like.hpp"

namespace kasmina::transformer_test {
namespace {

using Device = test::DeviceLike<float>;
using Reference = backends::Xtensor<float>;

const std::vector<std::int32_t> ids{0, 1, 2, 3, 4, 6, 5, 4, 0, 2};
const std::vector<std::int32_t> next{1, 2, 3, 4, 5, 5, 4, 0, 2, 1};

/// A small transformer whose logits are made in chunks, with a seed half blended in.
template <class B>
struct Run {
    using Host = hosts::Transformer<B, hosts::LogitsInChunks>;
    using Model = MorphogeneticModel<Host, TransformerBlueprints, test::OpenPolicies>;

    Run(typename B::Context& with, std::string_view blueprint)
        : context(with),
          generator(5),
          model(context,
                Host(context, {.vocabulary = 7, .width = 8, .heads = 2, .layers = 3, .block = 5}),
                TransformerBlueprints{}, generator),
          input(context, {2, 5}, ids, 7),
          labels(context, next, 7),
          tape(context) {
        auto& slot = model.slot("r0c1");
        slot.germinate(blueprint, {.tempo_epochs = 1, .alpha_target = 0.5});
        while (slot.stage() != Stage::blending) REQUIRE(slot.advance().advanced);
        slot.step_epoch();
        optimiser.add_group({.learning_rate = 0.01});
        optimiser.synchronise(0, model.parameters());
    }

    Pending<B> step() {
        tape.clear();
        optimiser.zero_gradients();
        Pass<B> pass(tape, Mode::training, generator);
        const auto loss = train::learn(model, pass, input, [this](const auto& output) {
            return cross_entropy(output, labels, {.rows_at_once = 4});
        });
        optimiser.step(context);
        return loss.read();
    }

    test::Trace trace() {
        test::Trace found;
        for (int i = 0; i < 2; ++i) found.push_back(step().get());
        for (const auto& named : model.parameters()) {
            test::note(found, named.parameter->value().to_host(context));
        }
        generation::NextLogits logits(model, context);
        test::note(found, logits.start(std::vector<std::int32_t>{1, 2}));
        test::note(found, logits.next(3));
        return found;
    }

    typename B::Context& context;
    Generator generator;
    Model model;
    TokenIds<B> input;
    ClassLabels<B> labels;
    Tape<B> tape;
    optim::AdamW<B> optimiser;
};

TEST_CASE("a transformer with a seed has the reference's bits on a device, and writes the same",
          "[device][H-2][N-9]") {
    const auto trace_of = []<class B>(std::type_identity<B>, std::string_view blueprint) {
        typename B::Context context{};
        Run<B> run(context, blueprint);
        return run.trace();
    };
    for (const std::string_view name : {"attention", "mlp", "norm"}) {
        CAPTURE(name);
        const test::Trace expected = trace_of(std::type_identity<Reference>{}, name);
        REQUIRE(expected.size() > 1000);
        CHECK((trace_of(std::type_identity<Device>{}, name) == expected));
    }
}

TEST_CASE("a step of a transformer waits for its loss alone", "[device][H-2][P-3]") {
    Device::Context context;
    Run<Device> run(context, "flex_attention");
    static_cast<void>(run.step().get());
    const std::uint64_t waits = context.waits();
    auto loss = run.step();
    CHECK(context.waits() == waits);
    CHECK(loss.get() > 0.0F);
    CHECK(context.waits() == waits + 1);
}

}  // namespace
}  // namespace kasmina::transformer_test
