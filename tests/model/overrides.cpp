// Amplitudes as arguments of a pass: what an override does, and that it changes nothing.
#include <cmath>
#include <cstddef>
#include <thread>
#include <vector>

#include <kasmina/model/model.hpp>

#include "model/grown_network.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"

namespace kasmina::overrides_test {
namespace {

using test::grow;
using test::grow_to_half;
using test::make_network;
using test::poison;
using Double = test::Chosen64;
using Model = test::Network<Double>;

constexpr Index batch = 4;

/// On a context of its own, as threads that evaluate one model do once its own work is done.
std::vector<double> evaluation(const Model& model, const AlphaOverrides& overrides = {}) {
    Double::synchronise(model.context());
    Double::Context context{};
    Tape<Double> tape(context, Recording::none);
    Pass<Double> pass(tape, Mode::evaluation);
    const auto input = test::make_images<Double>(context, batch, test::four_slots);
    return model.forward(pass, input, overrides).to_host();
}

TEST_CASE("an override is an amplitude for one pass and changes nothing", "[A-8]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    const std::vector<double> host = evaluation(model);
    grow_to_half(model, "r1c0");
    const std::vector<double> half = evaluation(model);
    CHECK(half != host);
    CHECK(evaluation(model, AlphaOverrides{}.with("r1c0", 0.5)) == half);
    CHECK(evaluation(model, AlphaOverrides{}.with("r1c0", 0.0)) == host);
    CHECK(evaluation(model, AlphaOverrides{}.with("r1c0", 1.0)) != half);
    CHECK(model.slot("r1c0").alpha() == 0.5);
    CHECK(evaluation(model) == half);
}

TEST_CASE("an override per sample is each sample's own amplitude", "[A-8][A-7]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    grow_to_half(model, "r1c0");
    const std::vector<double> off = evaluation(model, AlphaOverrides{}.with("r1c0", 0.0));
    const std::vector<double> on = evaluation(model, AlphaOverrides{}.with("r1c0", 1.0));
    const std::vector<double> mixed =
        evaluation(model, AlphaOverrides{}.with("r1c0", std::vector<double>{0.0, 1.0, 1.0, 0.0}));
    REQUIRE(mixed.size() == 3 * batch);
    for (std::size_t i = 0; i < mixed.size(); ++i) {
        const std::size_t sample = i / 3;
        const double expected = sample == 1 || sample == 2 ? on[i] : off[i];
        CHECK(mixed[i] == Approx(expected).epsilon(1e-12));
    }
}

TEST_CASE("an override of 0 does not run a broken seed", "[A-8]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    const std::vector<double> host = evaluation(model);
    grow_to_half(model, "r0c1");
    poison(model, "r0c1");
    CHECK(std::isnan(evaluation(model)[0]));
    CHECK(evaluation(model, AlphaOverrides{}.with("r0c1", 0.0)) == host);
}

TEST_CASE("an override that does not fit is an error", "[A-8]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    grow_to_half(model, "r1c0");
    grow(model, "r1c1", Stage::germinated);
    CHECK_THROWS_AS(evaluation(model, AlphaOverrides{}.with("r9c9", 0.5)), UnknownNameError);
    CHECK_THROWS_AS(evaluation(model, AlphaOverrides{}.with("r0c0", 0.5)), OptionError);
    CHECK_THROWS_AS(evaluation(model, AlphaOverrides{}.with("r1c1", 0.5)), OptionError);
    CHECK_NOTHROW(evaluation(model, AlphaOverrides{}.with("r0c0", 0.0)));
    CHECK_THROWS_AS(evaluation(model, AlphaOverrides{}.with("r1c0", std::vector<double>{0.1, 0.2})),
                    OptionError);
}

TEST_CASE("an override shows what a seed in training would do", "[A-8][G-10]") {
    for (const auto incubation : {Incubation::feedback, Incubation::straight_through}) {
        Double::Context context{};
        Model model = make_network<Double>(context);
        const std::vector<double> host = evaluation(model);
        grow(model, "r1c1", Stage::training, {.incubation = incubation});
        CHECK(evaluation(model) == host);
        CHECK(evaluation(model, AlphaOverrides{}.with("r1c1", 0.0)) == host);
        const std::vector<double> full = evaluation(model, AlphaOverrides{}.with("r1c1", 1.0));
        CHECK(full != host);
        model.slot("r1c1").advance();
        REQUIRE(model.slot("r1c1").stage() == Stage::blending);
        CHECK(evaluation(model, AlphaOverrides{}.with("r1c1", 1.0)) == full);
    }
}

TEST_CASE("several threads evaluate one model with amplitudes of their own", "[A-8][S-11]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    grow_to_half(model, "r1c0");
    const Model& shared = model;
    const std::vector<double> alphas{0.0, 0.25, 0.5, 1.0};
    std::vector<std::vector<double>> expected;
    for (const double alpha : alphas) {
        expected.push_back(evaluation(shared, AlphaOverrides{}.with("r1c0", alpha)));
    }
    std::vector<std::vector<double>> seen(alphas.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < alphas.size(); ++i) {
        threads.emplace_back([&, i] {
            for (int round = 0; round < 5; ++round) {
                seen[i] = evaluation(shared, AlphaOverrides{}.with("r1c0", alphas[i]));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(seen == expected);
}

}  // namespace
}  // namespace kasmina::overrides_test
