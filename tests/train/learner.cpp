// A seed learns gently behind the host, and starts anew when the network hears it.
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>

#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/learner.hpp>

#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "train/small_run.hpp"

namespace kasmina::learner_test {
namespace {

using B = test::Eigen32;
using Model = MorphogeneticModel<test::DropoutCnn<B>, CnnBlueprints, test::OpenPolicies>;
using Learner = train::Learner<Model, optim::SgdRule>;

constexpr train::LearnerOptions<optim::SgdRule> options{
    .host = {.learning_rate = 0.05, .momentum = 0.9},
    .seeds = {.learning_rate = 0.2, .momentum = 0.9},
    .lesson_rate = 0.05,
    .lesson_every = 1};

struct Run {
    void step() {
        const auto batch = batches.next(context);
        static_cast<void>(learner.step(model, batch.input, test::loss_of<B>(batch.labels)));
    }

    /// Steps of the parameters that a group steps in a slot; nothing where it steps none there.
    [[nodiscard]] std::optional<int> steps_of(std::size_t group, const std::string& slot) {
        std::optional<int> steps;
        for (const auto& tracked : learner.optimiser().tracked(group)) {
            if (tracked.name.starts_with("slots/" + slot + "/")) {
                steps = static_cast<int>(tracked.steps);
            }
        }
        return steps;
    }

    B::Context context{};
    Generator generator{1};
    Model model{context, test::DropoutCnn<B>(context), CnnBlueprints{}, generator};
    test::NoiseBatches<B> batches{4};
    Learner learner{model, options, Generator(7)};
};

TEST_CASE("a seed behind the host learns at a share of the rate of seeds", "[I-9][E-5]") {
    Run run;
    auto& slot = run.model.slot("early");
    slot.germinate("conv_light");
    slot.advance();
    run.step();
    CHECK(run.steps_of(Learner::lesson_group, "early") == 1);
    CHECK_FALSE(run.steps_of(Learner::seed_group, "early"));
    CHECK(run.learner.optimiser().options(Learner::lesson_group).learning_rate == 0.2 * 0.05);
    run.learner.set_learning_rates(0.01, 0.1);
    CHECK(run.learner.optimiser().options(Learner::seed_group).learning_rate == 0.1);
    CHECK(run.learner.optimiser().options(Learner::lesson_group).learning_rate == 0.1 * 0.05);

    // Half the rate, half the way: what the first step of plain SGD moves.
    const auto moved = [](double lesson_rate) {
        Run other;
        auto chosen = options;
        chosen.seeds.momentum = 0.0;
        chosen.lesson_rate = lesson_rate;
        other.learner = Learner(other.model, chosen, Generator(7));
        other.model.slot("early").germinate("conv_light");
        other.model.slot("early").advance();
        const auto before = test::values_of(other.model, "slots/early/");
        other.step();
        const auto after = test::values_of(other.model, "slots/early/");
        double way = 0.0;
        for (const auto& [name, values] : before) {
            for (std::size_t i = 0; i < values.size(); ++i) {
                way += std::abs(after.at(name)[i] - values[i]);
            }
        }
        return way;
    };
    CHECK(moved(1.0) > 0.0);
    CHECK(moved(0.5) == Approx(0.5 * moved(1.0)).epsilon(1e-3));
}

TEST_CASE("a seed that is heard goes to the other seeds, with no momentum of its lessons",
          "[I-9][E-5]") {
    Run run;
    for (const char* name : {"early", "late"}) {
        run.model.slot(name).germinate("conv_light");
        run.model.slot(name).advance();
    }
    for (int step = 0; step < 3; ++step) run.step();
    run.model.slot("early").advance();
    REQUIRE(run.model.slot("early").stage() == Stage::blending);
    run.model.step_epoch();  // off from amplitude 0, at which nothing reaches it
    run.step();
    CHECK(run.steps_of(Learner::seed_group, "early") == 1);
    CHECK_FALSE(run.steps_of(Learner::lesson_group, "early"));
    // The other one goes on as it was.
    CHECK(run.steps_of(Learner::lesson_group, "late") == 4);
    CHECK_FALSE(run.steps_of(Learner::seed_group, "late"));
    CHECK_FALSE(run.steps_of(Learner::host_group, "early"));
}

TEST_CASE("a lesson rate that is no positive number is refused", "[E-2][I-9]") {
    Run run;
    for (const double rate : {0.0, -1.0, std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN()}) {
        auto chosen = options;
        chosen.lesson_rate = rate;
        CHECK_THROWS_AS(Learner(run.model, chosen), OptionError);
    }
}

}  // namespace
}  // namespace kasmina::learner_test
