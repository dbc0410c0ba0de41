// No seed is dead (B-8): every blueprint under every blend algorithm, in a slot of a model.
#include <cstdint>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "blueprints/seed_trial.hpp"
#include "blueprints/stillborn.hpp"
#include "slot/open_gates.hpp"
#include "support/catch.hpp"

namespace kasmina::no_dead_seeds_test {
namespace {

using B = backends::Eigen<float>;

struct OnMaps {
    using Model =
        MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints::with<test::Stillborn>, test::OpenPolicies>;
    static constexpr std::string_view slot = "r0c1";
    static constexpr Index images = 8;
    static constexpr Index side = 8;

    /// noop has nothing to train, and its gate nothing to choose from.
    static bool nothing_to_train(std::string_view name) {
        return name == "noop" || name == "stillborn";
    }

    static Model make_model(B::Context& context) {
        Generator generator(5);
        return {context,
                hosts::Cnn<B>(
                    context, {.classes = 3, .base = 8, .blocks = 2, .height = side, .width = side}),
                Model::Registry{}, generator};
    }

    static Tensor<B> input(B::Context& context) {
        return Tensor<B>::from_host(context, {images, side, side, 3},
                                    testing::normal_values<float>(images * side * side * 3, 2));
    }

    static Variable<B> loss(const Variable<B>& logits) {
        return ops::cross_entropy(logits, std::vector<std::int32_t>{0, 1, 2, 0, 1, 2, 0, 1});
    }
};

TEST_CASE("no seed is dead: all that it trains moves, behind the host and blended",
          "[B-8][I-7][I-8][I-9]") {
    // A step of 1e-3 leaves bottleneck's map so close to 0 that its normalisation still amplifies
    // the second gradient.
    test::check_lives<OnMaps>(
        [](std::string_view name) { return std::size_t{name == "bottleneck" ? 2U : 1U}; });
}

TEST_CASE("a branch that starts at 0 under a ReLU is found dead", "[B-8]") {
    for (const Incubation incubation : {Incubation::feedback, Incubation::straight_through}) {
        test::Trial<OnMaps> trial("stillborn", BlendAlgorithm::add, incubation);
        trial.advance_to(Stage::training);
        const test::Findings findings = trial.train(test::sgd<B>(), 4);
        CHECK(findings.without_gradient == test::Names{"seed/conv.weight"});
        CHECK(findings.unmoved == test::Names{"seed/conv.weight"});
        CHECK(findings.metrics.back().parameter_health->vanishing);
    }
}

TEST_CASE("a seed without parameters has the gradient ratio 0 in its slot", "[B-8][I-4]") {
    test::Trial<OnMaps> trial("noop", BlendAlgorithm::add, Incubation::feedback);
    for (const Stage stage : {Stage::training, Stage::blending}) {
        trial.advance_to(stage);
        const SeedMetrics metrics = trial.train(test::sgd<B>(), 2).metrics.back();
        CHECK(metrics.seed_parameters == 0);
        CHECK(metrics.gradient_ratio == 0.0);
        CHECK(metrics.gradient_norm_average == 0.0);
    }
}

}  // namespace
}  // namespace kasmina::no_dead_seeds_test
