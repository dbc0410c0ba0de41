// The typed seed walks the lifecycle; gates refuse without changing it.
#include <concepts>
#include <utility>
#include <variant>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/norm.hpp>
#include <kasmina/slot/typed_seed.hpp>

#include "support/catch.hpp"

namespace kasmina::typed_seed_test {
namespace {

using Backend = backends::Eigen<double>;
using Blueprint = cnn::Norm;
template <Stage S>
using SeedIn = Seed<S, Blueprint, Backend>;

Backend::Context& shared_context() {
    static Backend::Context context;
    return context;
}

SeedIn<Stage::germinated> newborn(const GerminationOptions& options = {.tempo_epochs = 3}) {
    Generator generator(7);
    return germinate_seed<Blueprint, Backend>(shared_context(), 8, generator, {}, options);
}

/// What the strict gates ask of a seed in training and in holding.
void make_worthy(SeedRecord& record) {
    record.metrics.record_score(50.0);
    record.metrics.record_score(52.0);
    record.metrics.gradient_ratio = 0.5;
    record.metrics.record_contribution({2.5, 0.1, 5}, judge::MeasureKind::shadow);
}

SeedIn<Stage::training> in_training() {
    return std::move(newborn()).advance<Stage::training>(StrictGates{}).next();
}

SeedIn<Stage::blending> in_blending() {
    auto seed = in_training();
    make_worthy(seed.record());
    for (int epoch = 0; epoch < 3; ++epoch) seed.tick();
    return std::move(seed).advance<Stage::blending>(StrictGates{}).next();
}

SeedIn<Stage::holding> in_holding() {
    auto seed = in_blending();
    for (int epoch = 0; epoch < 3; ++epoch) seed.tick();
    return std::move(seed).advance<Stage::holding>(StrictGates{}).next();
}

template <class S>
concept has_module = requires(S& seed) { seed.module(); };

}  // namespace

TEST_CASE("a typed seed is move-only and only live stages have a module", "[L-4]") {
    static_assert(std::movable<SeedIn<Stage::training>>);
    static_assert(!std::copy_constructible<SeedIn<Stage::training>>);
    static_assert(has_module<SeedIn<Stage::germinated>>);
    static_assert(has_module<SeedIn<Stage::fossilized>>);
    static_assert(!has_module<SeedIn<Stage::pruned>>);
    static_assert(!has_module<SeedIn<Stage::embargoed>>);
    SUCCEED();
}

TEST_CASE("a seed that earns it goes from germinated to fossilized", "[L-4][G-8]") {
    auto held = in_holding();
    make_worthy(held.record());
    auto result = std::move(held).advance<Stage::fossilized>(StrictGates{});
    REQUIRE(result.passed());
    SeedIn<Stage::fossilized> last = std::move(result).next();
    CHECK(last.alpha().alpha == 1.0);
    REQUIRE(last.record().history.size() == 5);
    CHECK(last.record().history.back().from == Stage::holding);
    CHECK(last.record().history.back().to == Stage::fossilized);
    CHECK(last.record().history[2].epochs_in_from == 3);
}

TEST_CASE("a refused seed comes back as it was, with the verdict", "[L-4][G-3]") {
    auto seed = in_training();
    seed.tick();
    auto result = std::move(seed).advance<Stage::blending>(StrictGates{});
    REQUIRE_FALSE(result.passed());
    CHECK(result.gate.gate() == Gate::g2);
    CHECK(result.gate.failed("training_improvement"));
    CHECK(result.gate.failed("seed_gradient_ratio_measured"));
    SeedIn<Stage::training> same = std::move(result).same();
    CHECK(same.record().metrics.epochs_in_stage == 1);
    CHECK(same.record().history.size() == 2);
}

TEST_CASE("asking for the seed that is not there throws", "[L-4]") {
    auto refused = std::move(in_training()).advance<Stage::blending>(StrictGates{});
    CHECK_THROWS_AS(std::move(refused).next(), GateError);
    auto passed = std::move(newborn()).advance<Stage::training>(StrictGates{});
    CHECK_THROWS_AS(std::move(passed).same(), GateError);
}

TEST_CASE("a blending seed ramps over its tempo with its ticks", "[A-3][L-8]") {
    auto seed = in_blending();
    CHECK(seed.record().metrics.epochs_in_stage == 0);
    CHECK(seed.alpha().alpha == 0.0);
    seed.tick();
    CHECK(seed.alpha().alpha == Approx(0.1173104278).epsilon(1e-9));
    seed.tick();
    CHECK(seed.alpha().alpha == Approx(0.8826895722).epsilon(1e-9));
    CHECK(seed.alpha().mode == AlphaMode::up);
    seed.tick();
    CHECK(seed.alpha().alpha == 1.0);
    CHECK(seed.alpha().mode == AlphaMode::hold);
}

TEST_CASE("a gate-blended seed ramps linearly whatever was asked", "[A-6]") {
    auto seed = std::move(newborn({.algorithm = BlendAlgorithm::gate,
                                   .curve = AlphaCurve::sigmoid,
                                   .tempo_epochs = 4}))
                    .advance<Stage::training>(StrictGates{})
                    .next();
    make_worthy(seed.record());
    for (int epoch = 0; epoch < 3; ++epoch) seed.tick();
    auto blending = std::move(seed).advance<Stage::blending>(StrictGates{}).next();
    blending.tick();
    CHECK(blending.alpha().alpha == 0.25);
}

TEST_CASE("pruning leaves the record and the reason, at alpha 0", "[L-4][S-4]") {
    SeedIn<Stage::pruned> gone = std::move(in_holding()).prune("no use");
    CHECK(gone.record().metrics.prune_reason == "no use");
    CHECK_FALSE(gone.record().metrics.auto_pruned);
    CHECK(std::move(in_holding()).prune("governor_nan").record().metrics.auto_pruned);
    CHECK(gone.record().seed_id == "norm");
    CHECK(gone.record().history.back().to == Stage::pruned);
    CHECK(gone.alpha().alpha == 0.0);
}

}  // namespace kasmina::typed_seed_test
