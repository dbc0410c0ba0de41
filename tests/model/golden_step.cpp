// Whole training steps of a model with a seed, and SGD, against PyTorch's recorded numbers (B-7).
#include "support/golden.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/blueprints/cnn/conv_heavy.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/cnn/conv_small.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/sgd.hpp>

#include "model/token_cnn.hpp"
#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"
#include "support/golden_module.hpp"

namespace kasmina::golden_step_test {
namespace {

using OnMaps = BlueprintList<cnn::ConvLight, cnn::ConvSmall, cnn::ConvHeavy>;
using OnRows = BlueprintList<test::OnRows<cnn::ConvSmall>, test::OnRows<cnn::ConvHeavy>>;

/// Whether it was that blueprint: its steps were recorded without a layer scale.
template <class Blueprint, class Slot>
bool germinated_loud(Slot& slot, const std::string& name, const GerminationOptions& options) {
    if (name != Blueprint::name) return false;
    slot.template germinate<Blueprint>(options, {.layer_scale = false});
    return true;
}

template <class... Loud, class Slot>
void bring_to_recorded_stage(Slot& slot, const test::GoldenCase& golden) {
    const bool multiplies = golden.option("algorithm") == "multiply";
    const bool blends = golden.option("stage") == "blending";
    REQUIRE((blends || golden.option("stage") == "training"));
    const GerminationOptions options{
        .algorithm = multiplies ? BlendAlgorithm::multiply : BlendAlgorithm::add,
        .tempo_epochs = 1,
        .alpha_target = blends ? golden.number("alpha") : 1.0,
        .incubation = Incubation::straight_through};
    const std::string& name = golden.option("blueprint");
    if (!(germinated_loud<Loud>(slot, name, options) || ...)) slot.germinate(name, options);
    REQUIRE(slot.advance().advanced);
    if (!blends) return;
    REQUIRE(slot.advance().advanced);
    slot.step_epoch();
    REQUIRE(slot.alpha() == golden.number("alpha"));
    REQUIRE(slot.stage() == Stage::blending);
}

/// Host or seed, after an optimiser step, as recorded under "after<step>.<prefix>".
template <class B>
void check_values_after(typename B::Context& context, const nn::Contents<B>& contents,
                        const test::GoldenCase& golden, const std::string& after) {
    const auto check = [&](const std::string& name, const std::vector<typename B::Scalar>& values) {
        const test::GoldenTensor& recorded = golden.at(after + name);
        INFO(golden.file() << " " << after << name);
        CAPTURE(test::relative_error(values, recorded));
        CHECK(test::agrees(values, recorded));
    };
    for (const auto& [name, parameter] : contents.parameters) {
        check(name, parameter->value().to_host(context));
    }
    for (const auto& [name, state] : contents.states) {
        check(name, test::scalars_of<B>(context, state));
    }
}

template <class Host, class Blueprints, class... Loud>
void check_recorded_steps(const std::string& name) {
    using B = typename Host::Backend;
    using Scalar = typename B::Scalar;
    const test::GoldenCase golden = test::read_golden("training/" + name);
    INFO(name);
    Generator generator(1);
    typename B::Context context{};
    MorphogeneticModel<Host, Blueprints, test::OpenPolicies> model(
        context,
        Host(context, {.classes = golden.count("classes"),
                       .base = golden.count("base"),
                       .blocks = golden.count("blocks"),
                       .height = golden.count("height"),
                       .width = golden.count("width")}),
        Blueprints{}, generator);
    auto& slot = model.slot(golden.option("slot"));
    bring_to_recorded_stage<Loud...>(slot, golden);
    CHECK(slot.isolated() == (golden.option("isolated") == "true"));
    const nn::Contents<B> contents = model.contents();
    const auto host = test::without_prefix<B>(contents, "host/");
    const auto seed = test::without_prefix<B>(contents, "slots/" + slot.name() + "/seed/");
    test::load_golden<B>(context, host, golden, "host.");
    test::load_golden<B>(context, seed, golden, "seed.");

    optim::Sgd<B> sgd;
    for (const auto& members : {model.host_parameters(), model.seed_parameters()}) {
        const std::size_t group = sgd.add_group(
            {.learning_rate = golden.number("lr"), .momentum = golden.number("momentum")});
        sgd.synchronise(group, members);
    }
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    std::vector<Scalar> losses;
    const std::size_t steps = static_cast<std::size_t>(golden.count("steps"));
    for (std::size_t step = 0; step < steps; ++step) {
        const std::string number = std::to_string(step);
        const test::GoldenTensor& images = golden.at("input." + number);
        const test::GoldenTensor& recorded_labels = golden.at("labels." + number);
        const std::vector<std::int32_t> labels(recorded_labels.values.begin(),
                                               recorded_labels.values.end());
        tape.clear();
        const auto input =
            Tensor<B>::from_host(context, test::shape_of(images), images.as<Scalar>());
        const Variable<B> logits = model.forward(pass, input);
        const Variable<B> loss = ops::cross_entropy(logits, labels);
        sgd.zero_gradients();
        tape.backward(loss);
        losses.push_back(loss.item());
        if (step == 0) {
            CHECK(test::agrees(logits.to_host(), golden.at("output.0")));
            test::check_golden_gradients<B>(context, host, golden, "host.");
            test::check_golden_gradients<B>(context, seed, golden, "seed.");
        }
        sgd.step(context);
        if (step == 0 || step + 1 == steps) {
            const std::string after = "after" + std::to_string(step + 1);
            check_values_after<B>(context, host, golden, after + ".host.");
            check_values_after<B>(context, seed, golden, after + ".seed.");
        }
    }
    CAPTURE(test::relative_error(losses, golden.at("losses")));
    CHECK(test::agrees(losses, golden.at("losses")));
}

TEMPLATE_TEST_CASE("a model's training steps with an isolated seed are PyTorch's",
                   "[B-7][S-3][I-1][I-2][H-7]", test::Chosen32, test::Chosen64) {
    for (const std::string name :
         {"conv_light_training", "conv_small_multiply", "conv_heavy_blending_isolated"}) {
        check_recorded_steps<hosts::Cnn<TestType>, OnMaps, cnn::ConvLight, cnn::ConvHeavy>(name);
    }
}

// Only a transformer host lets a blending seed send gradients into the host.
TEST_CASE("a model's training steps with a coupled seed are PyTorch's",
          "[B-7][S-3][I-3][H-3][H-7]") {
    for (const std::string name : {"conv_small_multiply_coupled", "conv_heavy_blending_coupled"}) {
        check_recorded_steps<test::TokenCnn<test::Chosen64>, OnRows, test::OnRows<cnn::ConvHeavy>>(
            name);
    }
}

}  // namespace
}  // namespace kasmina::golden_step_test
