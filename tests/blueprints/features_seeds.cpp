// Seeds on rows of features in a model: none is dead (B-8), and they live to the end (N-4).
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/features.hpp>
#include <kasmina/checkpoint/load.hpp>
#include <kasmina/checkpoint/save.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "blueprints/seed_trial.hpp"
#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::features_seeds_test {
namespace {

using B = backends::Eigen<float>;

struct OnRows {
    using Model = MorphogeneticModel<hosts::Mlp<B>, FeaturesBlueprints, test::OpenPolicies>;
    static constexpr std::string_view slot = "r0c1";

    static bool nothing_to_train(std::string_view name) { return name == "noop"; }

    static Model make_model(B::Context& context) {
        Generator generator(5);
        return {context, hosts::Mlp<B>(context, {.inputs = 6, .outputs = 3, .width = 12}),
                Model::Registry{}, generator};
    }

    static Tensor<B> input(B::Context& context) {
        return Tensor<B>::from_host(context, {9, 6}, testing::normal_values<float>(9 * 6, 2));
    }

    static Variable<B> loss(const Variable<B>& logits) {
        return ops::cross_entropy(logits, std::vector<std::int32_t>{0, 1, 2, 0, 1, 2, 0, 1, 2});
    }
};

TEST_CASE("no seed on rows is dead: all that it trains moves, behind the host and blended",
          "[N-4][B-8][I-9]") {
    test::check_lives<OnRows>([](std::string_view) { return std::size_t{1}; });
}

std::vector<float> output_of(OnRows::Model& model, Mode mode) {
    Tape<B> tape(model.context());
    Pass<B> pass(tape, mode);
    return model.forward(pass, OnRows::input(model.context())).to_host();
}

TEST_CASE("a seed on rows leaves the host's output alone until it is blended", "[N-4][H-4][S-10]") {
    B::Context context;
    for (const std::string_view name : FeaturesBlueprints::names()) {
        for (const BlendAlgorithm algorithm :
             {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
            CAPTURE(name, name_of(algorithm));
            auto model = OnRows::make_model(context);
            const std::vector<float> alone = output_of(model, Mode::evaluation);
            auto& slot = model.slot(OnRows::slot);
            slot.germinate(name, {.algorithm = algorithm, .tempo_epochs = 2});
            CHECK(output_of(model, Mode::evaluation) == alone);
            while (slot.stage() != Stage::blending) REQUIRE(slot.advance().advanced);
            CHECK(slot.isolated());
            slot.step_epoch();
            CHECK(slot.alpha() == Approx(0.5));
            // Every one of them is born as the identity.
            const std::vector<float> blended = output_of(model, Mode::evaluation);
            for (std::size_t i = 0; i < alone.size(); ++i) {
                CHECK(blended[i] == Approx(alone[i]).margin(1e-6));
            }
            slot.step_epoch();
            while (slot.stage() != Stage::fossilized) REQUIRE(slot.advance().advanced);
            CHECK_FALSE(slot.isolated());
            CHECK(model.total_parameters() ==
                  nn::parameter_count(model.host()) + slot.record()->metrics.seed_parameters);
        }
    }
}

TEST_CASE("a model on rows is saved and loaded with its seed", "[N-4][C-8]") {
    const test::TemporaryFolder folder;
    B::Context context;
    auto model = OnRows::make_model(context);
    auto& slot = model.slot(OnRows::slot);
    slot.germinate("mlp", {.algorithm = BlendAlgorithm::gate, .tempo_epochs = 3});
    while (slot.stage() != Stage::blending) REQUIRE(slot.advance().advanced);
    slot.step_epoch();
    const auto last = slot.parameters().back();
    last.parameter->value().fill(context, 0.5F);  // not as it was born
    checkpoint::save(folder / "file", model);
    auto other = OnRows::make_model(context);
    checkpoint::load(folder / "file", other);
    const auto& loaded = other.slot(OnRows::slot);
    CHECK(loaded.topology() == Topology::features);
    CHECK(loaded.stage() == Stage::blending);
    CHECK(loaded.alpha() == slot.alpha());
    CHECK(output_of(other, Mode::evaluation) == output_of(model, Mode::evaluation));
}

}  // namespace
}  // namespace kasmina::features_seeds_test
