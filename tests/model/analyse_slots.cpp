// Accuracies on a data set under several configurations, and what slots contribute to them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/model/analyse_slots.hpp>
#include <kasmina/model/mean_scores.hpp>

#include "model/grown_network.hpp"
#include "support/error_text.hpp"

namespace kasmina::analyse_slots_test {
namespace {

using B = test::Chosen32;
using Batch = LabelledBatch<B>;
using Model = test::Network<B>;
using test::four_slots;

const std::vector<std::string> players{"r0c0", "r1c0", "r0c1"};

/// Three batches of different sizes, with labels of which a network gets some right.
std::vector<Batch> make_batches(B::Context& context) {
    std::vector<Batch> batches;
    Generator generator(3);
    for (const Index size : {70, 50, 20}) {
        std::vector<std::int32_t> labels;
        for (Index i = 0; i < size; ++i) {
            labels.push_back(static_cast<std::int32_t>(generator.below(3)));
        }
        batches.push_back(
            {test::make_images<B>(context, size, four_slots, 20 + static_cast<std::uint64_t>(size)),
             ClassLabels<B>(context, labels, 3)});
    }
    return batches;
}

Model grown(B::Context& context) {
    Model model = test::make_network<B>(context, four_slots);
    test::grow_everywhere(model);
    return model;
}

/// Percentage points, one pass per batch, with the arg max looked for here.
double accuracy_of_separate_passes(const Model& model, const std::vector<Batch>& batches,
                                   const AlphaOverrides& configuration) {
    double hits = 0.0;
    double samples = 0.0;
    for (const Batch& batch : batches) {
        const auto logits = test::separate_pass(model, batch.input, configuration);
        const auto labels = batch.labels.tensor().to_host(model.context());
        for (std::size_t i = 0; i < labels.size(); ++i) {
            const auto row = logits.begin() + static_cast<std::ptrdiff_t>(3 * i);
            hits += std::max_element(row, row + 3) - row == labels[i] ? 1.0 : 0.0;
            samples += 1.0;
        }
    }
    return 100.0 * hits / samples;
}

/// Accuracies on `batches`, as analyse_slots takes them.
auto accuracies_on(const Model& model, B::Context& context, const std::vector<Batch>& batches) {
    return [&model, &context, &batches](std::span<const AlphaOverrides> configurations) {
        return mean_scores(model, context, configurations, batches, AccuracyScore{});
    };
}

/// The configuration of each set of players.
std::vector<AlphaOverrides> all_coalitions() {
    std::vector<AlphaOverrides> configurations;
    for (std::uint64_t bits = 0; bits < 8; ++bits) {
        configurations.push_back(overrides_of(Coalition::of_bits(bits), players));
    }
    return configurations;
}

TEST_CASE("mean scores of configurations are the accuracies of separate passes", "[H-5]") {
    B::Context context;
    const Model model = grown(context);
    const std::vector<Batch> batches = make_batches(context);
    const std::vector<AlphaOverrides> configurations = all_coalitions();
    const auto accuracies = accuracies_on(model, context, batches)(configurations);
    REQUIRE(accuracies.size() == 8);
    for (std::size_t k = 0; k < 8; ++k) {
        CAPTURE(k);
        CHECK(
            accuracies[k] ==
            Approx(accuracy_of_separate_passes(model, batches, configurations[k])).epsilon(1e-12));
    }
}

TEST_CASE("mean scores tell configurations apart", "[H-5]") {
    B::Context context;
    const Model model = grown(context);
    const std::vector<Batch> batches = make_batches(context);
    const std::vector<AlphaOverrides> configurations = all_coalitions();
    const auto first_logits = [](const Batch&, const Variable<B>& logits) {
        const auto values = logits.to_host();
        double sum = 0.0;
        for (std::size_t i = 0; i < values.size(); i += 3) sum += values[i];
        return sum;
    };
    const auto means = mean_scores(model, context, configurations, batches, first_logits);
    for (std::size_t k = 0; k < 8; ++k) {
        double sum = 0.0;
        for (const Batch& batch : batches) {
            const auto logits = test::separate_pass(model, batch.input, configurations[k]);
            for (std::size_t i = 0; i < logits.size(); i += 3) sum += logits[i];
        }
        CAPTURE(k);
        CHECK(means[k] == Approx(sum / 140.0).epsilon(1e-12));
        CHECK(std::ranges::count(means, means[k]) == 1);
    }
}

TEST_CASE("a score of a user's own is averaged over samples, not over batches", "[H-5]") {
    B::Context context;
    const Model model = grown(context);
    const std::vector<Batch> batches = make_batches(context);  // of 70, 50 and 20
    const auto size_of_batch = [](const Batch& batch, const Variable<B>& logits) {
        CHECK(logits.shape()[0] == batch.input.shape()[0]);
        return static_cast<double>(batch.labels.size() * batch.labels.size());
    };
    const std::vector<AlphaOverrides> two(2);
    const auto means = mean_scores(model, context, two, batches, size_of_batch);
    CHECK(means == std::vector<double>(2, (4900.0 + 2500.0 + 400.0) / 140.0));
}

TEST_CASE("a coalition's configuration runs its players and no other player", "[H-5]") {
    const AlphaOverrides overrides = overrides_of(Coalition{}.with(1), players);
    REQUIRE(overrides.entries().size() == 2);
    CHECK(overrides.find("r0c0")->values == std::vector{0.0});
    CHECK(overrides.find("r0c1")->values == std::vector{0.0});
    CHECK(overrides.find("r1c0") == nullptr);
    CHECK(overrides.find("r1c1") == nullptr);  // no player: stays as it is
}

TEST_CASE("an analysis of slots measures each coalition that it needs once, in one call", "[H-5]") {
    B::Context context;
    const Model model = grown(context);
    const std::vector<Batch> batches = make_batches(context);
    std::vector<std::size_t> calls;
    const auto counted = [&](std::span<const AlphaOverrides> configurations) {
        calls.push_back(configurations.size());
        return accuracies_on(model, context, batches)(configurations);
    };
    const std::vector<double> lost = analyse_slots(
        players, counted, [](const auto& value) { return leave_one_out(players.size(), value); });
    CHECK(calls == std::vector<std::size_t>{4});
    const double all = accuracy_of_separate_passes(model, batches, {});
    for (std::size_t i = 0; i < players.size(); ++i) {
        const double without =
            accuracy_of_separate_passes(model, batches, AlphaOverrides{}.with(players[i], 0.0));
        CHECK(lost[i] == Approx(all - without).margin(1e-9));
    }
}

TEST_CASE("wrong players, wrong coalitions, missing values and no data are errors", "[H-5][E-2]") {
    B::Context context;
    const Model model = grown(context);
    const std::vector<Batch> batches = make_batches(context);
    const std::vector<Batch> nothing;
    const auto solo_of = [&](std::vector<std::string> names, const std::vector<Batch>& data) {
        return test::error_text([&] {
            const auto solo = [&names](const auto& value) {
                return solo_contributions(names.size(), value);
            };
            static_cast<void>(analyse_slots(names, accuracies_on(model, context, data), solo));
        });
    };
    CHECK(solo_of({"r0c0"}, batches).empty());
    const std::string unknown = solo_of({"r0c0", "r9c9"}, batches);
    CHECK(test::mentions(unknown, "r9c9"));
    CHECK(test::mentions(unknown, "r1c1"));
    CHECK(test::mentions(solo_of({"r0c0", "r0c0"}, batches), "twice"));
    CHECK(test::mentions(solo_of({"r0c0"}, nothing), "at least one batch"));
    CHECK(test::mentions(
        test::error_text([&] { static_cast<void>(overrides_of(Coalition{}.with(3), players)); }),
        "player 3"));
    CHECK(test::mentions(test::error_text<ShapeError>([&] {
                             static_cast<void>(analyse_slots(
                                 players,
                                 [](std::span<const AlphaOverrides>) { return std::vector{1.0}; },
                                 [](const auto& value) { return solo_contributions(3, value); }));
                         }),
                         "4 values"));
}

}  // namespace
}  // namespace kasmina::analyse_slots_test
