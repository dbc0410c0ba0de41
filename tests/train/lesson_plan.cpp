// Lessons come with each k-th step of a seed, and nothing else is otherwise for it.
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/trainer.hpp>

#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "train/small_run.hpp"

namespace kasmina::lesson_plan_test {
namespace {

using B = test::Eigen32;
using Model = MorphogeneticModel<test::DropoutCnn<B>, CnnBlueprints, test::OpenPolicies>;
using Options = train::LearnerOptions<optim::SgdRule>;

[[nodiscard]] Model make_model(B::Context& context, std::uint64_t seed = 1) {
    Generator generator(seed);
    return Model(context, test::DropoutCnn<B>(context), CnnBlueprints{}, generator);
}

[[nodiscard]] Options options_of(int lesson_every) {
    return {.host = {.learning_rate = 0.05, .momentum = 0.9},
            .seeds = {.learning_rate = 0.05, .momentum = 0.9},
            .lesson_rate = 0.5,
            .lesson_every = lesson_every,
            .max_gradient_norm = 0.5};
}

void plant(Model& model, const char* slot, const GerminationOptions& options = {}) {
    model.slot(slot).germinate("conv_light", options);
    model.slot(slot).advance();
}

/// A model that is stepped.
struct Run {
    using Learner = train::Learner<Model, optim::SgdRule>;

    explicit Run(int lesson_every) : learner(model, options_of(lesson_every), Generator(7)) {}

    void step() {
        const auto batch = batches.next(context);
        static_cast<void>(learner.step(model, batch.input, test::loss_of<B>(batch.labels)));
    }

    /// Steps that the optimiser has taken with the seed in a slot.
    [[nodiscard]] std::optional<int> steps_of(const std::string& slot) {
        std::optional<int> steps;
        for (const auto& tracked : learner.optimiser().tracked(Learner::lesson_group)) {
            if (tracked.name.starts_with("slots/" + slot + "/")) {
                steps = static_cast<int>(tracked.steps);
            }
        }
        return steps;
    }

    [[nodiscard]] std::map<std::string, std::vector<float>> seed_gradients() {
        std::map<std::string, std::vector<float>> found;
        for (const auto& [name, parameter] : model.seed_parameters()) {
            if (parameter->has_gradient()) found[name] = parameter->gradient().to_host(context);
        }
        return found;
    }

    B::Context context{};
    Model model = make_model(context);
    test::NoiseBatches<B> batches{4};
    Learner learner;
};

TEST_CASE("a seed gets a lesson with its first step and then with each k-th", "[I-9]") {
    for (const int every : {1, 2, 3, 5}) {
        CAPTURE(every);
        Run run(every);
        for (int step = 0; step < 2; ++step) run.step();
        plant(run.model, "early");
        for (int step = 0; step < 11; ++step) {
            CAPTURE(step);
            run.step();
            CHECK(run.steps_of("early") == 1 + step / every);
        }
    }
}

TEST_CASE("by default with each fourth step", "[I-9]") {
    CHECK(Options{}.lesson_every == 4);
}

TEST_CASE("seeds are counted each by itself, and have their lessons whoever else has any",
          "[I-9][J-3]") {
    Run alone(3);
    Run together(3);
    for (Run* run : {&alone, &together}) plant(run->model, "early");
    for (int step = 0; step < 8; ++step) {
        if (step == 2) plant(together.model, "late");
        if (step == 6) together.model.slot("late").prune("asked", "user");
        alone.step();
        together.step();
        CHECK(together.steps_of("early") == 1 + step / 3);
        if (step >= 2 && step < 6) CHECK(together.steps_of("late") == 1 + (step - 2) / 3);
    }
    CHECK(test::values_of(together.model, "slots/early/") ==
          test::values_of(alone.model, "slots/early/"));
}

TEST_CASE("the host is bit for bit the one that nobody learns behind, however often lessons come",
          "[I-1][I-9]") {
    Run alone(1);
    for (int step = 0; step < 9; ++step) alone.step();
    for (const int every : {1, 2, 4}) {
        CAPTURE(every);
        Run run(every);
        plant(run.model, "early");
        const auto before = test::values_of(run.model, "slots/early/");
        for (int step = 0; step < 9; ++step) run.step();
        CHECK(test::host_values(run.model) == test::host_values(alone.model));
        CHECK(run.learner.random().state() == alone.learner.random().state());
        CHECK(test::values_of(run.model, "slots/early/") != before);
    }
}

TEST_CASE("between two lessons a seed stays as it is, with the gradients of the last in sight",
          "[I-9][I-4]") {
    Run run(4);
    plant(run.model, "early");
    run.step();
    const auto gradients = run.seed_gradients();
    const auto values = test::values_of(run.model, "slots/early/");
    REQUIRE_FALSE(gradients.empty());
    for (int step = 0; step < 3; ++step) {
        // As an end of an epoch may, or a shadow that changes places.
        if (step == 1) run.learner.optimiser().zero_gradients();
        run.step();
        CHECK(run.seed_gradients() == gradients);
        CHECK(test::values_of(run.model, "slots/early/") == values);
    }
    run.step();
    CHECK(run.seed_gradients() != gradients);
    CHECK(test::values_of(run.model, "slots/early/") != values);
}

TEST_CASE("a step that fails takes no lesson away", "[I-9][E-2]") {
    Run run(3);
    Run unharmed(3);
    for (Run* each : {&run, &unharmed}) plant(each->model, "early");
    for (int step = 0; step < 7; ++step) {
        const auto gradients = run.seed_gradients();
        test::NoiseBatches<B> others(9);
        const auto batch = others.next(run.context);
        CHECK_THROWS_AS(run.learner.step(run.model, batch.input,
                                         [](const Variable<B>&) -> Variable<B> {
                                             throw StateError("no loss", "here", "one", "none",
                                                              "nothing");
                                         }),
                        StateError);
        if (step % 3 != 0) CHECK(run.seed_gradients() == gradients);
        run.step();
        unharmed.step();
        CHECK(run.steps_of("early") == 1 + step / 3);
        CHECK(test::values_of(run.model) == test::values_of(unharmed.model));
    }
}

TEST_CASE("a seed that the host's own gradient teaches is taught with each step", "[I-2]") {
    Run run(4);
    plant(run.model, "early", {.incubation = Incubation::straight_through});
    for (int step = 0; step < 6; ++step) run.step();
    CHECK(run.steps_of("early") == 6);
}

TEST_CASE("lessons with less than each step are refused", "[E-2][I-9]") {
    B::Context context{};
    Model model = make_model(context);
    for (const int every : {0, -3}) {
        CHECK_THROWS_AS((train::Learner<Model, optim::SgdRule>(model, options_of(every))),
                        OptionError);
    }
}

/// Leaves a seed in training.
struct Nobody {
    struct State {
        using Fields = reflect::List<>;
    };
    [[nodiscard]] std::vector<Decision> decide(const EpochObservation&) const { return {}; }
    [[nodiscard]] State state() const { return {}; }
    void restore(const State&) const {}
};

/// Four batches an epoch, and knows where in it it stands.
class FourBatches {
public:
    struct State {
        Generator::State random;
        int left;
        int handed;
    };

    explicit FourBatches(B::Context& context) : context_(&context) {}

    void start_epoch() { left_ = 4; }
    [[nodiscard]] std::optional<test::NoiseBatches<B>::Batch> next() {
        if (left_ == 0) return std::nullopt;
        --left_;
        ++handed_;
        return batches_.next(*context_);
    }
    /// So many of the whole run.
    [[nodiscard]] int handed() const noexcept { return handed_; }

    [[nodiscard]] State state() const { return {batches_.state(), left_, handed_}; }
    void restore(const State& state) {
        batches_.restore(state.random);
        left_ = state.left;
        handed_ = state.handed;
    }

private:
    B::Context* context_;
    test::NoiseBatches<B> batches_{11};
    int left_ = 0;
    int handed_ = 0;
};

/// A trainer that may be stopped between two steps.
struct StoppedRun {
    using Trainer =
        train::Trainer<Model, optim::SgdRule, FourBatches, std::vector<LabelledBatch<B>>, Nobody>;
    using State = decltype(std::declval<Trainer&>().state(std::declval<Model&>()));

    explicit StoppedRun(B::Context& on)
        : context(on),
          model(make_model(on)),
          trainer(model, FourBatches(on), test::held_out<B>(on), options_of(3), Nobody{},
                  {.epochs = 6, .random_guess_loss = 1.1, .random = Generator(1)}) {
        plant(model, "early");
    }

    /// Runs to that step, across epochs; keeps what was measured at the end of each.
    void run_to(int step) {
        static_cast<void>(trainer.run_until(
            model, [&] { return trainer.source().handed() == step; },
            [this](const train::EpochResult& result) {
                measured.push_back(result.report.slots[0].metrics);
            }));
    }

    B::Context& context;
    Model model;
    Trainer trainer;
    std::vector<SeedMetrics> measured{};
};

TEST_CASE("a run that is saved between two lessons goes on to the bit, in what it measures too",
          "[P-7][I-9]") {
    B::Context context{};
    StoppedRun whole(context);
    whole.run_to(100);
    REQUIRE(whole.measured.size() == 6);
    REQUIRE(whole.measured.back().gradient_ratio);
    for (const bool moved : {false, true}) {
        for (int at = 1; at < 20; ++at) {
            CAPTURE(moved, at);
            StoppedRun run(context);
            run.run_to(at);
            StoppedRun fresh(context);
            for (std::size_t i = 0; i < run.model.slots().size(); ++i) {
                fresh.model.slots()[i].restore(run.model.slots()[i].state());
            }
            for (const auto& [name, parameter] : fresh.model.contents().parameters) {
                for (const auto& other : run.model.contents().parameters) {
                    if (other.name != name) continue;
                    parameter->value().copy_from(context, other.parameter->value());
                }
            }
            const auto states = run.model.contents().states;
            for (const auto& [name, state] : fresh.model.contents().states) {
                for (const auto& other : states) {
                    if (other.name == name) state.copy_from(context, other.state.clone(context));
                }
            }
            StoppedRun::State state = run.trainer.state(run.model);
            REQUIRE(state.learner.lessons.size() == 1);
            CHECK(state.learner.lessons[0].steps_to_wait == 2 - (at - 1) % 3);
            if (moved) {
                auto next = fresh.trainer.prepare(fresh.model, std::move(state));
                fresh.trainer.exchange(next);
            } else {
                fresh.trainer.restore(fresh.model, state);
            }
            fresh.measured = run.measured;
            fresh.run_to(100);
            CHECK(fresh.measured == whole.measured);
            CHECK(test::values_of(fresh.model) == test::values_of(whole.model));
        }
    }
}

TEST_CASE("a state of lessons that cannot be is refused, and one that is taken back leaves nothing",
          "[P-7][E-2]") {
    B::Context context{};
    StoppedRun run(context);
    StoppedRun unharmed(context);
    for (StoppedRun* each : {&run, &unharmed}) each->run_to(6);
    StoppedRun::State state = run.trainer.state(run.model);
    REQUIRE(state.learner.lessons[0].gradients.size() > 1);
    auto& lesson = state.learner.lessons[0];
    const auto refused = [&]<class Expected>(std::type_identity<Expected>,
                                             const std::string& named) {
        const std::string text =
            test::error_text<Expected>([&] { run.trainer.restore(run.model, state); });
        INFO(text);
        CHECK(test::mentions(text, named));
    };
    SECTION("a wait that cannot be") {
        lesson.steps_to_wait = -1;
        refused(std::type_identity<StateError>{}, "waiting for -1");
    }
    SECTION("a slot twice") {
        state.learner.lessons.push_back({lesson.slot, lesson.seed_id, 1, {}});
        refused(std::type_identity<StateError>{}, "each slot once");
    }
    SECTION("a slot that is not there") {
        lesson.slot = "nowhere";
        refused(std::type_identity<UnknownNameError>{}, "nowhere");
    }
    SECTION("a parameter that is not there") {
        lesson.gradients[0].name = "seed/no.weight";
        refused(std::type_identity<UnknownNameError>{}, "seed/no.weight");
    }
    SECTION("another shape") {
        lesson.gradients[0].values = Tensor<B>::full(context, {7}, 0.0F);
        refused(std::type_identity<ShapeError>{}, "(7)");
    }
    SECTION("taken back") {
        for (auto& gradient : lesson.gradients) {
            gradient.values = Tensor<B>::full(context, gradient.values.shape(), 3.0F);
        }
        lesson.steps_to_wait = 0;
        auto next = run.trainer.prepare(run.model, state);
        run.trainer.exchange(next);
        run.trainer.exchange(next);
    }
    for (StoppedRun* each : {&run, &unharmed}) each->run_to(100);
    CHECK(run.measured == unharmed.measured);
    CHECK(test::values_of(run.model) == test::values_of(unharmed.model));
}

}  // namespace
}  // namespace kasmina::lesson_plan_test
