// Ten steps of AdamW over a transformer host and its blending seed, of every blueprint, against
// PyTorch's numbers (B-7).
#include "support/golden.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/blueprints/transformer.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/adamw.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"
#include "support/golden_module.hpp"

namespace kasmina::transformer_steps_test {
namespace {

/// Three positions, as the recorded one has, with ALiBi's slopes.
struct Window : masks::Sliding {
    constexpr Window() : masks::Sliding{.window = 3} {}
    bool operator==(const Window&) const = default;
};
using Blueprints =
    BlueprintList<transformer::Noop, transformer::Norm, transformer::Lora, transformer::LoraLarge,
                  transformer::Attention, transformer::FlexAttention<Window, scores::Alibi>,
                  transformer::MlpSmall, transformer::Mlp>;

std::vector<std::int32_t> whole_numbers(const test::GoldenTensor& recorded) {
    return {recorded.values.begin(), recorded.values.end()};
}

/// Gives the name of the blueprint.
template <class B>
std::string check_recorded_steps(const std::string& name) {
    using Scalar = typename B::Scalar;
    const test::GoldenCase golden = test::read_golden(name);
    INFO(name);
    const Index vocabulary = golden.count("vocabulary");
    const Shape shape{golden.count("batch"), golden.count("time")};
    Generator generator(1);
    typename B::Context context{};
    MorphogeneticModel<hosts::Transformer<B>, Blueprints, test::OpenPolicies> model(
        context,
        hosts::Transformer<B>(context, {.vocabulary = vocabulary,
                                        .width = golden.count("width"),
                                        .heads = golden.count("heads"),
                                        .layers = golden.count("layers"),
                                        .segments = golden.count("segments"),
                                        .block = golden.count("block"),
                                        .dropout = 0.0}),
        Blueprints{}, generator);
    auto& slot = model.slot(golden.option("slot"));
    slot.germinate(golden.option("blueprint"),
                   {.algorithm = golden.option("algorithm") == "multiply" ? BlendAlgorithm::multiply
                                                                          : BlendAlgorithm::add,
                    .tempo_epochs = 1,
                    .alpha_target = golden.number("alpha")});
    while (slot.stage() != Stage::blending) REQUIRE(slot.advance().advanced);
    slot.step_epoch();
    REQUIRE(slot.alpha() == golden.number("alpha"));
    REQUIRE_FALSE(slot.isolated());
    const nn::Contents<B> contents = model.contents();
    const auto host = test::without_prefix<B>(contents, "host/");
    const auto seed = test::without_prefix<B>(contents, "slots/" + slot.name() + "/seed/");
    test::load_golden<B>(context, host, golden, "host.");
    test::load_golden<B>(context, seed, golden, "seed.");

    optim::AdamW<B> adamw;
    adamw.add_group({.learning_rate = golden.number("lr"),
                     .epsilon = golden.number("eps"),
                     .weight_decay = golden.number("weight_decay")});
    adamw.synchronise(0, model.parameters());
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    std::vector<Scalar> losses;
    const Index steps = golden.count("steps");
    for (Index step = 0; step < steps; ++step) {
        const std::string number = std::to_string(step);
        tape.clear();
        const TokenIds<B> ids(context, shape, whole_numbers(golden.at("input." + number)),
                              vocabulary);
        const Variable<B> logits = model.forward(pass, ids);
        const Variable<B> loss =
            ops::cross_entropy(logits, whole_numbers(golden.at("labels." + number)));
        adamw.zero_gradients();
        tape.backward(loss);
        losses.push_back(loss.item());
        if (step == 0) {
            CHECK(test::agrees(logits.to_host(), golden.at("output.0")));
            test::check_golden_gradients<B>(context, host, golden, "host.");
            test::check_golden_gradients<B>(context, seed, golden, "seed.");
        }
        adamw.step(context);
    }
    const auto check_after = [&](const nn::Contents<B>& of, const std::string& prefix) {
        for (const auto& [own, parameter] : of.parameters) {
            const test::GoldenTensor& recorded =
                golden.at("after" + std::to_string(steps) + "." + prefix + own);
            INFO(golden.file() << " " << prefix << own);
            const auto values = parameter->value().to_host(context);
            CAPTURE(test::relative_error(values, recorded));
            CHECK(test::agrees(values, recorded));
        }
    };
    check_after(host, "host.");
    check_after(seed, "seed.");
    CAPTURE(test::relative_error(losses, golden.at("losses")));
    CHECK(test::agrees(losses, golden.at("losses")));
    return golden.option("blueprint");
}

TEMPLATE_TEST_CASE("ten steps of a transformer with a blending seed are PyTorch's",
                   "[B-7][H-2][H-7][I-3]", test::Chosen32, test::Chosen64) {
    const auto names = test::golden_cases("transformer_training/");
    std::set<std::string> blueprints;
    for (const std::string& name : names) blueprints.insert(check_recorded_steps<TestType>(name));
    CHECK(blueprints.size() == Blueprints::names().size());
}

}  // namespace
}  // namespace kasmina::transformer_steps_test
