// Averages of weights: what they are, whom they follow, and that evaluation leaves no trace.
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/train/averaged_weights.hpp>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "train/still_run.hpp"

namespace kasmina::averaged_weights_test {
namespace {

using B = test::StillBackend;
using Model = test::StillModel;
using Average = train::AveragedWeights<Model>;

const std::string weight = "host/head.weight";

/// Sets all values of the host and its seeds to a number.
void set(Model& model, double value) {
    for (const auto& named : model.parameters())
        named.parameter->value().fill(model.context(), value);
}

[[nodiscard]] double averaged(Average& average, Model& model, const std::string& name = weight) {
    return average.evaluate([&] { return test::values_of(model)[name][0]; });
}

TEST_CASE("an average moves by its decay, corrected for its beginning or not", "[N-6]") {
    B::Context context;
    Model model = test::still_model(context);
    Average plain({.decay = 0.9});
    Average corrected({.decay = 0.9, .bias_correction = true});
    double expected = 0.0;
    double from_nothing = 0.0;
    for (int n = 1; n <= 5; ++n) {
        const double value = n * n;
        set(model, value);
        plain.update(model);
        corrected.update(model);
        expected = n == 1 ? value : 0.9 * expected + 0.1 * value;
        from_nothing = 0.9 * from_nothing + 0.1 * value;
        CHECK(averaged(plain, model) == Approx(expected).epsilon(1e-12));
        CHECK(averaged(corrected, model) ==
              Approx(from_nothing / (1.0 - std::pow(0.9, n))).epsilon(1e-12));
        CHECK(test::values_of(model)[weight][0] == value);
    }
    CHECK_THROWS_AS(Average({.decay = 1.0}), OptionError);
    CHECK_THROWS_AS(Average({.decay = -0.1}), OptionError);
    CHECK_THROWS_AS(Average({.decay = std::nan("")}), OptionError);
}

TEST_CASE("an average follows seeds that come and go", "[N-6]") {
    B::Context context;
    Model model = test::still_model(context);
    Average average({.decay = 0.5});
    set(model, 1.0);
    average.update(model);
    model.slot("point").germinate("conv_light");
    const std::string seed = model.seed_parameters().front().name;
    set(model, 2.0);
    // What has no average yet stays as it is.
    CHECK(averaged(average, model, seed) == 2.0);
    average.update(model);
    CHECK(averaged(average, model) == 1.5);
    CHECK(averaged(average, model, seed) == 2.0);
    set(model, 4.0);
    average.update(model);
    CHECK(averaged(average, model) == 2.75);
    CHECK(averaged(average, model, seed) == 3.0);
    model.slot("point").prune("test", "test");
    set(model, 1.0);
    average.update(model);
    CHECK(averaged(average, model) == 1.875);
    CHECK(average.state(model).averages.size() == model.parameters().size());
}

TEST_CASE("nothing is stepped or saved while averages stand in the model's place", "[N-6][E-2]") {
    B::Context context;
    Model model = test::still_model(context);
    Average average;
    average.update(model);
    const auto state = average.state(model);
    average.evaluate([&] {
        CHECK_THROWS_AS(average.restore(model, state), StateError);
        CHECK_THROWS_AS(average.update(model), StateError);
        CHECK_THROWS_AS(average.state(model), StateError);
        CHECK_THROWS_AS(average.evaluate([] {}), StateError);
    });
    CHECK_NOTHROW(average.update(model));
}

TEST_CASE("averages that move, end or are restored in an evaluation give the model back",
          "[N-6][E-4]") {
    B::Context context;
    Model model = test::still_model(context);
    Average average({.decay = 0.5});
    for (const double value : {1.0, 3.0}) {
        set(model, value);
        average.update(model);
    }
    const auto state = average.state(model);
    std::optional<Average> elsewhere;
    average.evaluate([&] {
        CHECK(test::values_of(model)[weight][0] == 2.0);
        CHECK_THROWS_AS(average.restore(model, state), StateError);
        elsewhere.emplace(std::move(average));
        CHECK_THROWS_AS(elsewhere->update(model), StateError);
    });
    CHECK(test::values_of(model)[weight][0] == 3.0);
    CHECK_THROWS_AS(average.update(model), LifetimeError);
    CHECK(averaged(*elsewhere, model) == 2.0);
    elsewhere->evaluate([&] { elsewhere.reset(); });
    CHECK(test::values_of(model)[weight][0] == 3.0);

    average = Average({.decay = 0.5});
    average.restore(model, state);
    Average& same = average;
    average = std::move(same);
    CHECK(averaged(average, model) == 2.0);
}

TEST_CASE("averages know their model from another, also when it is gone", "[N-6][E-4]") {
    B::Context context;
    std::optional<Model> model(test::still_model(context));
    Average average({.decay = 0.5});
    average.update(*model);
    Model other = test::still_model(context);
    CHECK_THROWS_AS(average.update(other), StateError);
    CHECK_THROWS_AS(average.state(other), StateError);
    Model moved = std::move(*model);
    CHECK_NOTHROW(average.update(moved));
    CHECK_THROWS_AS(average.update(*model), LifetimeError);
    moved = test::still_model(context);
    CHECK_THROWS_AS(average.update(moved), StateError);
    CHECK_NOTHROW(average.evaluate([] {}));
}

TEST_CASE("an average is a part of a checkpoint and goes on to the bit", "[N-6][C-6]") {
    const test::TemporaryFolder folder;
    B::Context context;
    Model model = test::still_model(context);
    Average average({.decay = 0.7, .bias_correction = true});
    for (const double value : {1.0, 3.0}) {
        set(model, value);
        average.update(model);
    }
    checkpoint::save(folder / "run", model, average);
    Model other = test::still_model(context);
    Average resumed({.decay = 0.1});
    checkpoint::load(folder / "run", other, resumed);
    CHECK(resumed.options().decay == 0.7);
    for (Model* each : {&model, &other}) set(*each, 10.0);
    average.update(model);
    resumed.update(other);
    CHECK(averaged(resumed, other) == averaged(average, model));

    auto state = average.state(model);
    state.averages[0].name = "host/other";
    CHECK_THROWS_AS(resumed.restore(other, state), UnknownNameError);
    state = average.state(model);
    state.averages[0].updates = 0;
    CHECK_THROWS_AS(resumed.restore(other, state), StateError);
    state = average.state(model);
    state.averages[1].name = state.averages[0].name;
    CHECK_THROWS_AS(resumed.restore(other, state), DuplicateNameError);
    CHECK(averaged(resumed, other) == averaged(average, model));
}

}  // namespace
}  // namespace kasmina::averaged_weights_test
