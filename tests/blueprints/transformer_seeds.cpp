// Seeds on sequences in a model: none is dead (B-8), co-adaptation begins at blending (I-3).
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/transformer.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/model/model.hpp>

#include "blueprints/seed_trial.hpp"
#include "slot/open_gates.hpp"
#include "support/catch.hpp"

namespace kasmina::transformer_seeds_test {
namespace {

using B = backends::Eigen<float>;

struct OnSequences {
    using Model =
        MorphogeneticModel<hosts::Transformer<B>, TransformerBlueprints, test::OpenPolicies>;
    static constexpr std::string_view slot = "r0c1";
    static constexpr Index batch = 2;
    static constexpr Index time = 5;

    static bool nothing_to_train(std::string_view name) { return name == "noop"; }

    /// With embeddings of the size that training gives them: a new host's are so small that the
    /// gradients of a seed that multiplies them are, too.
    static Model make_model(B::Context& context) {
        Generator generator(5);
        Model model{context,
                    hosts::Transformer<B>(context, {.vocabulary = 7,
                                                    .width = 8,
                                                    .heads = 2,
                                                    .layers = 3,
                                                    .block = time,
                                                    .dropout = 0.0}),
                    Model::Registry{}, generator};
        for (const auto& named : model.host_parameters()) {
            if (named.parameter->shape().rank() != 2) continue;
            auto values = named.parameter->value().to_host(context);
            for (float& value : values) value *= 20.0F;
            named.parameter->value().assign(context, values);
        }
        return model;
    }

    static TokenIds<B> input(B::Context& context) {
        return TokenIds<B>(context, {batch, time},
                           std::vector<std::int32_t>{0, 1, 2, 3, 4, 6, 5, 4, 0, 2}, 7);
    }

    static Variable<B> loss(const Variable<B>& logits) {
        return ops::cross_entropy(logits, std::vector<std::int32_t>{1, 2, 3, 4, 5, 5, 4, 0, 2, 1});
    }
};

using Model = OnSequences::Model;

TEST_CASE("no seed on sequences is dead: all that it trains moves, behind the host and blended",
          "[B-8][I-9]") {
    test::check_lives<OnSequences>([](std::string_view) { return std::size_t{1}; });
}

std::vector<float> output_of(Model& model) {
    Tape<B> tape(model.context(), Recording::none);
    Pass<B> pass(tape, Mode::evaluation);
    return model.forward(pass, OnSequences::input(model.context())).to_host();
}

/// The host's gradients in the step at hand, block by block.
std::vector<std::vector<float>> host_gradients(Model& model) {
    Tape<B> tape(model.context());
    Pass<B> pass(tape, Mode::training);
    for (const auto& named : model.parameters()) named.parameter->zero_gradient();
    static_cast<void>(train::learn(model, pass, OnSequences::input(model.context()),
                                   [](const auto& logits) { return OnSequences::loss(logits); }));
    std::vector<std::vector<float>> gradients;
    for (const auto& named : model.host_parameters()) {
        gradients.push_back(named.parameter->gradient().to_host(model.context()));
    }
    return gradients;
}

TEST_CASE("the host's gradients change when a seed is blended, and not before", "[I-1][I-3][I-9]") {
    B::Context context;
    for (const std::string_view name : TransformerBlueprints::names()) {
        for (const Incubation incubation : {Incubation::feedback, Incubation::straight_through}) {
            if (name == "noop") continue;
            CAPTURE(name, name_of(incubation));
            Model model = OnSequences::make_model(context);
            const auto alone = host_gradients(model);
            auto& slot = model.slot(OnSequences::slot);
            slot.germinate(name, {.tempo_epochs = 2, .incubation = incubation});
            CHECK(host_gradients(model) == alone);
            slot.advance();
            REQUIRE(slot.stage() == Stage::training);
            CHECK(slot.isolated());
            CHECK(host_gradients(model) == alone);
            // A seed that has learned something: at birth it is the identity, and so is its slope.
            for (const auto& named : slot.parameters()) {
                auto values = named.parameter->value().to_host(context);
                for (float& value : values) value += 0.25F;
                named.parameter->value().assign(context, values);
            }
            CHECK(host_gradients(model) == alone);
            slot.advance();
            slot.step_epoch();
            REQUIRE(slot.stage() == Stage::blending);
            CHECK_FALSE(slot.isolated());
            CHECK(host_gradients(model) != alone);
        }
    }
}

TEST_CASE("a seed on sequences leaves the host's output alone until it is blended", "[H-4][S-10]") {
    B::Context context;
    for (const std::string_view name : TransformerBlueprints::names()) {
        for (const BlendAlgorithm algorithm :
             {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
            CAPTURE(name, name_of(algorithm));
            Model model = OnSequences::make_model(context);
            const std::vector<float> alone = output_of(model);
            auto& slot = model.slot(OnSequences::slot);
            slot.germinate(name, {.algorithm = algorithm, .tempo_epochs = 2});
            CHECK(output_of(model) == alone);
            while (slot.stage() != Stage::blending) REQUIRE(slot.advance().advanced);
            slot.step_epoch();
            CHECK(slot.alpha() == Approx(0.5));
            // Every one of them is born as the identity.
            const std::vector<float> blended = output_of(model);
            for (std::size_t i = 0; i < alone.size(); ++i) {
                CHECK(blended[i] == Approx(alone[i]).margin(1e-6));
            }
            slot.step_epoch();
            while (slot.stage() != Stage::fossilized) REQUIRE(slot.advance().advanced);
            CHECK(model.total_parameters() ==
                  nn::parameter_count(model.host()) + slot.record()->metrics.seed_parameters);
        }
    }
}

}  // namespace
}  // namespace kasmina::transformer_seeds_test
