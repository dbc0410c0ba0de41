// The trainer: it grows what helps, refuses what does not, and is the sum of its parts.
#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/policy/heuristic_controller.hpp>
#include <kasmina/policy/idle_controller.hpp>
#include <kasmina/train/trainer.hpp>

#include "stripes.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "train/small_run.hpp"

namespace kasmina::trainer_test {
namespace {

using B = test::Eigen32;
using Model = MorphogeneticModel<examples::PointCnn<B>, CnnBlueprints>;
using Batches = std::vector<LabelledBatch<B>>;

static_assert(RestorableController<IdleController>);

[[nodiscard]] Model make_model(B::Context& context) {
    Generator generator(1);
    return Model(context, examples::PointCnn<B>(context), {}, generator);
}

[[nodiscard]] train::LearnerOptions<optim::SgdRule> rates(double seeds) {
    return {.host = {.learning_rate = 0.05, .momentum = 0.9},
            .seeds = {.learning_rate = seeds, .momentum = 0.9}};
}

[[nodiscard]] HeuristicController one_seed() {
    return HeuristicController({.slots = {"point"},
                                .blueprints = {"conv_light"},
                                .plateau_epochs = 2,
                                .first_epoch = 3,
                                .penalty_limit = 1e-9});
}

const double ln2 = std::log(2.0);

/// What became of the seed, and the network.
struct Outcome {
    std::vector<Stage> reached;
    std::string reason;
    double accuracy = 0.0;
    std::map<std::string, std::vector<double>> host;
};

template <Controller C>
[[nodiscard]] Outcome grown(C controller, double seed_rate) {
    B::Context context;
    Model model = make_model(context);
    const Batches held_out = examples::stripes<B>(context, 8, 2);
    train::Trainer trainer(model, examples::stripes<B>(context, 64, 1), std::span(held_out),
                           rates(seed_rate), std::move(controller),
                           {.epochs = 20, .random_guess_loss = ln2}, train::CrossEntropy{},
                           train::ConstantSchedule{});
    Outcome outcome;
    trainer.run(model, [&](const train::EpochResult& epoch) {
        for (const StageChange& change : epoch.report.changes) {
            outcome.reached.push_back(change.to);
            if (change.to == Stage::pruned) outcome.reason = change.reason;
        }
    });
    outcome.accuracy = trainer.score(model);
    outcome.host = test::host_values(model);
    return outcome;
}

TEST_CASE("a seed that sees what the host cannot is kept, and the network does what it could not",
          "[J-2][J-6]") {
    const Outcome with = grown(one_seed(), 0.05);
    CHECK(with.reached == std::vector{Stage::germinated, Stage::training, Stage::blending,
                                      Stage::holding, Stage::fossilized});
    CHECK(with.accuracy > 95.0);
    CHECK(grown(IdleController{}, 0.05).accuracy == 75.0);
}

TEST_CASE("a seed that does not learn is refused, and was never there", "[J-2][J-3][J-6]") {
    const Outcome with = grown(one_seed(), 1e-12);
    REQUIRE(with.reached.size() >= 5);
    CHECK(with.reached[3] == Stage::holding);
    CHECK(with.reached[4] == Stage::pruned);
    CHECK(with.reason == "does_not_help");
    const Outcome alone = grown(IdleController{}, 1e-12);
    CHECK(with.host == alone.host);
    CHECK(with.accuracy == alone.accuracy);
}

TEST_CASE("an epoch of the trainer is one of its parts by hand", "[J-6]") {
    B::Context context;
    Model trained = make_model(context);
    Model by_hand = make_model(context);
    const Batches batches = examples::stripes<B>(context, 4, 1);
    const Batches held_out = examples::stripes<B>(context, 2, 2);
    train::Trainer trainer(trained, std::span(batches), std::span(held_out), rates(0.03),
                           one_seed(), {.epochs = 10, .random_guess_loss = ln2});
    train::Learner<Model, optim::SgdRule> learner(by_hand, rates(0.03));
    Grower grower(by_hand, one_seed(), ln2);
    for (int epoch = 0; epoch < 10; ++epoch) {
        CAPTURE(epoch);
        const train::EpochResult result = trainer.epoch(trained);
        const double factor = train::CosineSchedule{}(epoch / 10.0);
        learner.set_learning_rates(0.05 * factor, 0.03 * factor);
        double loss = 0.0;
        for (const auto& batch : batches) {
            loss += static_cast<double>(learner
                                            .step(by_hand, batch.input,
                                                  [&](const Variable<B>& out) {
                                                      return ops::cross_entropy(out, batch.labels);
                                                  })
                                            .get());
        }
        const EpochReport report =
            grower.end_epoch(by_hand, learner, loss / 4.0, [&](auto configurations) {
                return mean_scores(by_hand, context, configurations, held_out, AccuracyScore{});
            });
        CHECK(result.rate_factor == factor);
        CHECK(result.loss == loss / 4.0);
        CHECK(result.report.epoch == epoch + 1);
        CHECK(result.report.score == report.score);
        const std::size_t at_the_end =
            epoch == 9 ? grower.finish(by_hand, learner).size() : std::size_t{0};
        CHECK(result.report.changes.size() == report.changes.size() + at_the_end);
        CHECK(test::values_of(trained) == test::values_of(by_hand));
    }
}

TEST_CASE("loss, schedule, score, judge and update rule are the user's to choose", "[J-6]") {
    B::Context context;
    Model model = make_model(context);
    std::vector<double> asked;
    const auto schedule = [&asked](double done) {
        asked.push_back(done);
        return 0.5;
    };
    int losses = 0;
    const auto loss = [&losses](const Variable<B>& logits, const LabelledBatch<B>& batch) {
        ++losses;
        return ops::cross_entropy(logits, batch.labels);
    };
    const auto score = [](const LabelledBatch<B>&, const Variable<B>&) { return 32.0; };
    train::Trainer trainer(model, examples::stripes<B>(context, 3, 1),
                           examples::stripes<B>(context, 1, 2),
                           train::LearnerOptions<optim::AdamWRule>{
                               .host = {.learning_rate = 0.01}, .seeds = {.learning_rate = 0.02}},
                           IdleController{}, {.epochs = 4, .random_guess_loss = ln2}, loss,
                           schedule, score, judge::Ablation{});
    static_assert(!decltype(trainer)::LearnerType::trains_a_shadow);
    trainer.run(model, [](const train::EpochResult& epoch) {
        CHECK(epoch.rate_factor == 0.5);
        CHECK(epoch.report.score == 2.0);  // 32 of 16 samples
    });
    CHECK(asked == std::vector{0.0, 0.25, 0.5, 0.75});
    CHECK(losses == 12);
    CHECK(trainer.learner().optimiser().options(0).learning_rate == 0.005);
    CHECK(trainer.learner().optimiser().options(1).learning_rate == 0.01);
}

TEST_CASE("an observer hears of every step, in order, with the loss that the epoch's mean is of",
          "[J-6]") {
    B::Context context;
    Model model = make_model(context);
    train::Trainer trainer(model, examples::stripes<B>(context, 3, 1),
                           examples::stripes<B>(context, 1, 2), rates(0.1), IdleController{},
                           {.epochs = 2, .random_guess_loss = ln2});
    std::vector<train::StepResult> steps;
    std::vector<double> means;
    trainer.run(
        model,
        [&](const train::EpochResult& epoch) {
            REQUIRE(steps.size() == 3);
            double sum = 0.0;
            for (int i = 0; i < 3; ++i) {
                const train::StepResult& step = steps[static_cast<std::size_t>(i)];
                CHECK(step.epoch == epoch.report.epoch);
                CHECK(step.step == i + 1);
                sum += step.loss;
            }
            CHECK(epoch.loss == sum / 3);
            steps.clear();
        },
        [&](const train::StepResult& step) { steps.push_back(step); });
    CHECK(trainer.epochs_done() == 2);
}

TEST_CASE("an observer that throws ends the epoch, and the run goes on after it", "[J-6]") {
    B::Context context;
    Model model = make_model(context);
    train::Trainer trainer(model, examples::stripes<B>(context, 3, 1),
                           examples::stripes<B>(context, 1, 2), rates(0.1), IdleController{},
                           {.epochs = 2, .random_guess_loss = ln2});
    struct Enough {};
    CHECK_THROWS_AS(trainer.epoch(model, [](const train::StepResult&) { throw Enough{}; }), Enough);
    CHECK(trainer.epochs_done() == 0);
    trainer.epoch(model);
    CHECK(trainer.epochs_done() == 1);
}

TEST_CASE("training batches are scored as they are learned from, where that is asked for",
          "[J-6]") {
    B::Context context;
    Model scored = make_model(context);
    Model by_hand = make_model(context);
    const Batches batches = examples::stripes<B>(context, 4, 1);
    const auto made = [&](Model& model, bool score_training) {
        return train::Trainer(
            model, std::span(batches), examples::stripes<B>(context, 1, 2), rates(0.1),
            IdleController{},
            {.epochs = 3, .random_guess_loss = ln2, .score_training = score_training});
    };
    auto trainer = made(scored, true);
    auto silent = made(by_hand, false);
    train::Learner<Model, optim::SgdRule> learner(by_hand, rates(0.1));
    const train::EpochResult result = trainer.epoch(scored);
    std::vector<Pending<B, std::int32_t>> hits;
    for (const auto& batch : batches) {
        static_cast<void>(learner
                              .step(
                                  by_hand, batch.input,
                                  [&](const Variable<B>& logits) {
                                      return ops::cross_entropy(logits, batch.labels);
                                  },
                                  [&](const Variable<B>& logits) {
                                      hits.push_back(ops::count_correct(logits, batch.labels));
                                  })
                              .get());
    }
    int correct = 0;
    for (auto& each : hits) correct += each.get();
    REQUIRE(result.training_score);
    CHECK(*result.training_score == 100.0 * correct / 64);
    CHECK(test::values_of(scored) == test::values_of(by_hand));
    CHECK_FALSE(silent.epoch(by_hand).training_score);
}

/// A batch for a loss that needs no labels.
struct Unlabelled {
    Tensor<B> input;
};

TEST_CASE("a score that cannot take training batches is refused when it is asked to",
          "[J-6][E-2]") {
    B::Context context;
    Model model = make_model(context);
    const auto loss = [](const Variable<B>& logits, const Unlabelled& batch) {
        return ops::cross_entropy(
            logits, std::vector<std::int32_t>(static_cast<std::size_t>(batch.input.shape()[0]), 0));
    };
    const auto made = [&](bool score_training) {
        std::vector<Unlabelled> batches;
        batches.push_back({Tensor<B>::full(context, {2, 8, 8, 1}, 1.0F)});
        return train::Trainer(
            model, std::move(batches), examples::stripes<B>(context, 1, 2), rates(0.1),
            IdleController{},
            {.epochs = 1, .random_guess_loss = ln2, .score_training = score_training}, loss);
    };
    CHECK_FALSE(made(false).epoch(model).training_score);
    CHECK(test::mentions(test::error_text<OptionError>([&] { made(true); }), "score_training"));
}

TEST_CASE("a trainer without epochs, without batches or at its end says so", "[J-6][E-2]") {
    B::Context context;
    Model model = make_model(context);
    const auto made = [&](int epochs, int batches) {
        return train::Trainer(model, examples::stripes<B>(context, batches, 1),
                              examples::stripes<B>(context, 1, 2), rates(0.1), IdleController{},
                              {.epochs = epochs, .random_guess_loss = ln2});
    };
    CHECK(test::mentions(test::error_text<OptionError>([&] { made(0, 1); }), "epochs"));
    auto empty = made(1, 0);
    CHECK(test::mentions(test::error_text<OptionError>([&] { empty.epoch(model); }), "batch"));
    CHECK(empty.epochs_done() == 0);
    auto once = made(1, 1);
    once.epoch(model);
    CHECK(test::mentions(test::error_text<StateError>([&] { once.epoch(model); }), "over"));
}

TEST_CASE("the model may move between epochs", "[S-11][J-6]") {
    B::Context context;
    Model first = make_model(context);
    train::Trainer trainer(first, examples::stripes<B>(context, 2, 1),
                           examples::stripes<B>(context, 1, 2), rates(0.1), IdleController{},
                           {.epochs = 2, .random_guess_loss = ln2});
    trainer.epoch(first);
    Model moved = std::move(first);
    const auto before = test::host_values(moved);
    trainer.epoch(moved);
    CHECK(test::host_values(moved) != before);
}

}  // namespace
}  // namespace kasmina::trainer_test
