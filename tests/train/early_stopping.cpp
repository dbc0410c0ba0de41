// Early stopping: when it is enough, and the best network back, seeds in their stages and all.
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/train/early_stopping.hpp>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "train/still_run.hpp"

namespace kasmina::early_stopping_test {
namespace {

using B = test::StillBackend;
using Model = test::StillModel;
using Stopping = train::EarlyStopping<Model>;

/// After how many epochs it is enough.
[[nodiscard]] int epochs_until_stop(Model& model, Stopping stopping,
                                    const std::vector<double>& scores) {
    int epoch = 0;
    for (const double score : scores) {
        ++epoch;
        if (stopping.watch(model, score)) return epoch;
    }
    return 0;
}

TEST_CASE("a run stops when its score has not improved for so long", "[N-6]") {
    B::Context context;
    Model model = test::still_model(context);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto stops = [&](train::EarlyStoppingOptions options, std::vector<double> scores) {
        return epochs_until_stop(model, Stopping(options), scores);
    };
    CHECK(stops({.patience = 2}, {1, 2, 3, 3, 3, 9}) == 5);
    CHECK(stops({.patience = 2}, {1, 2, 1, 3, 1, 4}) == 0);
    CHECK(stops({.patience = 2, .falls = true}, {3, 2, 1, 1, 1}) == 5);
    CHECK(stops({.patience = 1, .least_improvement = 0.5}, {1, 1.6, 2.1}) == 3);
    CHECK(stops({.patience = 2}, {nan, nan, 5}) == 2);
    CHECK(stops({.patience = 2}, {1, nan, nan}) == 3);
    CHECK_THROWS_AS(Stopping({.patience = 0}), OptionError);
    CHECK_THROWS_AS(Stopping({.least_improvement = -1.0}), OptionError);
    CHECK_THROWS_AS(Stopping({.least_improvement = nan}), OptionError);
}

TEST_CASE("the best network comes back with the seeds that it had", "[N-6]") {
    B::Context context;
    Model model = test::still_model(context);
    Stopping stopping({.patience = 3});
    CHECK_THROWS_AS(stopping.bring_back(model), StateError);
    auto& slot = model.slot("point");
    slot.germinate("conv_light");
    REQUIRE(slot.advance().advanced);
    REQUIRE_FALSE(stopping.watch(model, 5.0));
    const auto best = test::values_of(model);
    const ModelState state = state_of(model);
    for (const auto& named : model.parameters()) named.parameter->value().fill(context, 0.5);
    CHECK_FALSE(stopping.watch(model, 4.0));
    slot.prune("test", "test");
    CHECK_FALSE(stopping.watch(model, 4.0));
    CHECK(stopping.watch(model, 5.0));
    CHECK(stopping.best() == 5.0);
    CHECK(stopping.best_epoch() == 1);
    stopping.bring_back(model);
    CHECK(state_of(model) == state);
    CHECK(test::values_of(model) == best);
    Stopping careless({.keep_best = false});
    static_cast<void>(careless.watch(model, 1.0));
    CHECK_THROWS_AS(careless.bring_back(model), StateError);
    Stopping taken = std::move(stopping);
    CHECK_THROWS_AS(stopping.bring_back(model), LifetimeError);
    CHECK_THROWS_AS(static_cast<void>(stopping.watch(model, 9.0)), LifetimeError);
    CHECK_THROWS_AS(static_cast<void>(stopping.state(model)), LifetimeError);
    taken.bring_back(model);
    CHECK(test::values_of(model) == best);
    stopping = std::move(taken);
    CHECK_NOTHROW(stopping.bring_back(model));
}

TEST_CASE("early stopping is a part of a checkpoint, best network and all", "[N-6][C-6]") {
    const test::TemporaryFolder folder;
    B::Context context;
    Model model = test::still_model(context);
    model.slot("point").germinate("conv_light");
    Stopping stopping({.patience = 2, .falls = true});
    CHECK_FALSE(stopping.watch(model, 1.0));
    const auto best = test::values_of(model);
    for (const auto& named : model.parameters()) named.parameter->value().fill(context, 0.5);
    CHECK_FALSE(stopping.watch(model, 2.0));
    checkpoint::save(folder / "run", model, stopping);
    Model other = test::still_model(context);
    Stopping resumed;
    checkpoint::load(folder / "run", other, resumed);
    CHECK(resumed.best() == 1.0);
    CHECK(resumed.watch(other, 1.5));
    resumed.bring_back(other);
    CHECK(test::values_of(other) == best);

    auto state = stopping.state(model);
    state.epochs = 0;
    CHECK_THROWS_AS(resumed.restore(other, state), StateError);
    state = stopping.state(model);
    state.best.reset();
    CHECK_THROWS_AS(resumed.restore(other, state), StateError);
    // Nothing would be better than a NaN.
    state = stopping.state(model);
    state.best = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(resumed.restore(other, state), StateError);
    CHECK(resumed.best() == 1.0);
}

}  // namespace
}  // namespace kasmina::early_stopping_test
