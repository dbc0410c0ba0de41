// Seeds that learn behind the host leave no trace in it nor in each other, and share its work.
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/learner.hpp>

#include "model/logging_host.hpp"
#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "train/noisy_seed.hpp"
#include "train/small_run.hpp"

namespace kasmina::isolation_test {
namespace {

using B = test::Eigen32;

[[nodiscard]] train::LearnerOptions<optim::SgdRule> options_of(
    std::optional<double> max_gradient_norm = {}) {
    return {.host = {.learning_rate = 0.05, .momentum = 0.9},
            .seeds = {.learning_rate = 0.05, .momentum = 0.9},
            .lesson_rate = 0.5,
            .lesson_every = 2,
            .max_gradient_norm = max_gradient_norm};
}

/// Puts a seed in training; what it is born as depends on no other seed's birth.
template <class Model>
void plant(Model& model, std::string_view slot, std::string_view blueprint, Incubation incubation) {
    model.generator() = Generator(slot.size());
    model.slot(slot).germinate(blueprint, {.incubation = incubation});
    REQUIRE(model.slot(slot).advance().advanced);
}

// ---- no trace ---------------------------------------------------------------------------------

struct Kind {
    std::string_view blueprint;
    Incubation incubation;
};

/// Only a noisy seed draws random numbers and keeps statistics.
constexpr std::array kinds{
    Kind{"conv_light", Incubation::feedback}, Kind{"conv_light", Incubation::straight_through},
    Kind{"noisy", Incubation::feedback}, Kind{"noisy", Incubation::straight_through}};

struct SeedLeft {
    std::map<std::string, std::vector<double>> values;
    Generator::State random;

    friend bool operator==(const SeedLeft&, const SeedLeft&) = default;
};

/// What a run leaves: of the host and the learner's random stream, and of each seed.
struct Left {
    std::map<std::string, std::vector<double>> host;
    Generator::State random;
    std::map<std::string, SeedLeft> seeds;

    [[nodiscard]] bool has_host_of(const Left& other) const {
        return host == other.host && random == other.random;
    }
};

/// With seeds in these slots from the first step on.
[[nodiscard]] Left after(int steps, std::optional<double> max_gradient_norm,
                         const std::map<std::string, Kind>& seeds) {
    using Seeds = CnnBlueprints::with<test::Noisy>;
    using Model = MorphogeneticModel<test::DropoutCnn<B>, Seeds, test::OpenPolicies>;
    B::Context context{};
    Generator generator(1);
    Model model(context, test::DropoutCnn<B>(context), Seeds{}, generator);
    for (const auto& [slot, kind] : seeds) plant(model, slot, kind.blueprint, kind.incubation);
    train::Learner<Model, optim::SgdRule> learner(model, options_of(max_gradient_norm),
                                                  Generator(7));
    test::NoiseBatches<B> batches(4);
    for (int step = 0; step < steps; ++step) {
        const auto batch = batches.next(context);
        static_cast<void>(learner.step(model, batch.input, test::loss_of<B>(batch.labels)));
    }
    Left left{test::host_values(model), learner.random().state(), {}};
    for (const auto& [slot, kind] : seeds) {
        left.seeds[slot] = {test::values_of(model, "slots/" + slot + "/"),
                            model.slot(slot).random_stream()->state()};
    }
    return left;
}

constexpr int nine = 9;
/// Below the norm of every gradient here: a quiet seed has a small one.
constexpr double binding = 0.002;

TEST_CASE("the host has what seeds could disturb, and clipping binds it and them", "[I-1][H-7]") {
    const Left before = after(0, {}, {});
    const Left free = after(nine, {}, {});
    const Left clipped = after(nine, binding, {});
    for (const char* name : {"host/norm1.running_mean", "host/norm2.running_var"}) {
        CAPTURE(name);
        CHECK(free.host.at(name) != before.host.at(name));
    }
    CHECK(free.random != before.random);
    CHECK(free.random == clipped.random);
    CHECK(free.host != clipped.host);
    for (const Kind& kind : kinds) {
        CAPTURE(kind.blueprint, name_of(kind.incubation));
        // One step, so that all before the clipping is the same.
        const Left unbound = after(1, {}, {{"early", kind}});
        const Left bound = after(1, binding, {{"early", kind}});
        CHECK(unbound.seeds.at("early").values != bound.seeds.at("early").values);
        CHECK(unbound.seeds.at("early").random == bound.seeds.at("early").random);
    }
}

TEST_CASE("a run with seeds behind the host is bit for bit the host's alone, and each seed's alone",
          "[I-1][I-2][I-9]") {
    const auto clip = GENERATE(std::optional<double>(), std::optional<double>(binding));
    CAPTURE(clip.value_or(0.0));
    const Left alone = after(nine, clip, {});
    std::map<std::string, std::vector<SeedLeft>> one;  // by slot, and in the order of the kinds
    for (const char* slot : {"early", "late"}) {
        for (const Kind& kind : kinds) {
            CAPTURE(slot, kind.blueprint, name_of(kind.incubation));
            const Left with = after(nine, clip, {{slot, kind}});
            CHECK(with.has_host_of(alone));
            const SeedLeft born = after(0, clip, {{slot, kind}}).seeds.at(slot);
            one[slot].push_back(with.seeds.at(slot));
            CHECK(one[slot].back().values != born.values);
            CHECK((one[slot].back().random != born.random) == (kind.blueprint == "noisy"));
        }
    }
    // What reaches the late slot is the host's while the early seed is behind the host, so the
    // late one has the lessons that it has without it.
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        for (std::size_t k = 0; k < kinds.size(); ++k) {
            CAPTURE(kinds[i].blueprint, name_of(kinds[i].incubation));
            CAPTURE(kinds[k].blueprint, name_of(kinds[k].incubation));
            const Left two = after(nine, clip, {{"early", kinds[i]}, {"late", kinds[k]}});
            CHECK(two.has_host_of(alone));
            CHECK(two.seeds.at("early") == one["early"][i]);
            CHECK(two.seeds.at("late") == one["late"][k]);
        }
    }
}

// ---- shared work ------------------------------------------------------------------------------

using test::Log;
/// Slots at the boundaries 1 to 4: r0c0, r1c0, r0c1 and r1c1.
constexpr hosts::CnnOptions four_slots{
    .classes = 3, .base = 4, .blocks = 2, .height = 8, .width = 8};

/// What a step with lessons runs, and the one after it, which has none.
[[nodiscard]] std::array<Log, 2> work(const std::vector<std::string>& slots,
                                      Incubation incubation = Incubation::feedback) {
    using Host = test::LoggingHost<B>;
    using Model = MorphogeneticModel<Host, CnnBlueprints, test::OpenPolicies>;
    Log log;
    B::Context context{};
    Generator generator(1);
    Model model(context, Host(context, log, four_slots), CnnBlueprints{}, generator);
    for (const std::string& slot : slots) plant(model, slot, "conv_light", incubation);
    train::Learner<Model, optim::SgdRule> learner(model, options_of());
    const Tensor<B> images = Tensor<B>::full(context, {2, 8, 8, 3}, 0.5F);
    const std::vector<std::int32_t> labels{0, 2};
    std::array<Log, 2> logs;
    for (Log& each : logs) {
        log = {};
        static_cast<void>(learner.step(model, images, test::loss_of<B>(labels)));
        each = log;
    }
    return logs;
}

TEST_CASE("a lesson runs nothing of what is before its slot, and what is behind it once", "[I-9]") {
    const Log host{.segments = {{{0, 4}, 1}}, .stems = 1, .heads = 1};
    CHECK(work({}) == std::array{host, host});
    CHECK(work({"r1c1"}) == std::array{Log{{{{0, 4}, 1}}, 1, 2}, host});
    CHECK(work({"r0c1"}) == std::array{Log{{{{0, 3}, 1}, {{3, 4}, 2}}, 1, 2}, host});
    CHECK(work({"r0c0"}) == std::array{Log{{{{0, 1}, 1}, {{1, 4}, 2}}, 1, 2}, host});
    CHECK(work({"r0c0", "r1c1"}) == std::array{Log{{{{0, 1}, 1}, {{1, 4}, 2}}, 1, 3}, host});
    // For the first of the two seeds the way to the end is one segment.
    CHECK(work({"r0c0", "r0c1"}) ==
          std::array{Log{{{{0, 1}, 1}, {{1, 3}, 1}, {{1, 4}, 1}, {{3, 4}, 2}}, 1, 3}, host});
}

TEST_CASE("the straight-through runs the host once", "[I-2]") {
    const auto logs = work({"r0c0", "r1c1"}, Incubation::straight_through);
    const Log once{.segments = {{{0, 1}, 1}, {{1, 4}, 1}}, .stems = 1, .heads = 1};
    CHECK(logs == std::array{once, once});
}

}  // namespace
}  // namespace kasmina::isolation_test
