// LossScore: a network that is scored by a loss, which falls, grows by it.
#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <kasmina/optim/sgd.hpp>
#include <kasmina/policy/heuristic_controller.hpp>
#include <kasmina/train/loss_score.hpp>
#include <kasmina/train/trainer.hpp>

#include "stripes.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "train/small_run.hpp"

namespace kasmina::loss_score_test {
namespace {

using B = test::Eigen32;
using Model = MorphogeneticModel<examples::PointCnn<B>, CnnBlueprints>;
using Batches = std::vector<LabelledBatch<B>>;
using Score = train::LossScore<train::CrossEntropy>;

constexpr ScoreKind validation_loss{.name = "validation loss", .falls = true, .point = 0.01};

[[nodiscard]] Model make_model(B::Context& context, const ScoreKind& score) {
    Generator generator(1);
    return Model(context, examples::PointCnn<B>(context), {}, generator, {.score = score});
}

template <class ScoreType>
[[nodiscard]] auto make_trainer(Model& model, double seed_rate, ScoreType score,
                                int first_epoch = 3) {
    B::Context& context = model.context();
    HeuristicController controller({.slots = {"point"},
                                    .blueprints = {"conv_light"},
                                    .plateau_epochs = 2,
                                    .first_epoch = first_epoch,
                                    .penalty_limit = 1e-9});
    const train::LearnerOptions<optim::SgdRule> rates{
        .host = {.learning_rate = 0.05, .momentum = 0.9},
        .seeds = {.learning_rate = seed_rate, .momentum = 0.9}};
    return train::Trainer(model, examples::stripes<B>(context, 32, 1),
                          examples::stripes<B>(context, 4, 2), rates, controller, {.epochs = 30},
                          train::CrossEntropy{}, train::ConstantSchedule{}, score);
}

TEST_CASE("the score is the mean loss over samples, however they are cut into batches", "[N-3]") {
    B::Context context;
    Model model = make_model(context, validation_loss);
    const Batches batches = examples::stripes<B>(context, 2, 3);
    const auto images = batches[1].input.to_host(context);
    const std::vector<float> some(images.begin(), images.begin() + 4 * 64);
    const LabelledBatch<B> parts[]{
        {batches[0].input.clone(context),
         ClassLabels<B>(context, batches[0].labels.tensor().to_host(context), 2)},
        {Tensor<B>::from_host(context, {4, 8, 8, 1}, some),
         ClassLabels<B>(context, {{1, 0, 0, 0}}, 2)}};
    const auto mean = [&](std::span<const LabelledBatch<B>> data) {
        return mean_scores(model, context, std::array{AlphaOverrides{}}, data, Score{})[0];
    };
    const double whole = mean(parts);
    const double first = mean(std::span(parts, 1));
    const double second = mean(std::span(parts + 1, 1));
    CHECK(whole == Approx((16.0 * first + 4.0 * second) / 20.0).epsilon(1e-12));
    CHECK(first != second);
}

TEST_CASE("a score of the other direction than the model's is refused before training",
          "[N-3][E-2]") {
    B::Context context;
    Model rises = make_model(context, ScoreKind::accuracy());
    Model falls = make_model(context, validation_loss);
    const auto told = [](const auto& make) { return test::error_text<OptionError>(make); };
    CHECK(test::mentions(told([&] { static_cast<void>(make_trainer(rises, 0.05, Score{})); }),
                         "ModelOptions::score"));
    CHECK(
        test::mentions(told([&] { static_cast<void>(make_trainer(falls, 0.05, AccuracyScore{})); }),
                       "validation loss"));
}

/// What became of the seed, and the network.
struct Outcome {
    std::vector<Stage> reached;
    std::string reason;
    double loss = 0.0;
    std::map<std::string, std::vector<double>> host;
};

[[nodiscard]] Outcome grown(double seed_rate, int first_epoch) {
    B::Context context;
    Model model = make_model(context, validation_loss);
    auto trainer = make_trainer(model, seed_rate, Score{}, first_epoch);
    Outcome outcome;
    trainer.run(model, [&](const train::EpochResult& epoch) {
        CHECK(epoch.report.score_kind == validation_loss);
        for (const StageChange& change : epoch.report.changes) {
            outcome.reached.push_back(change.to);
            if (change.to == Stage::pruned) outcome.reason = change.reason;
        }
    });
    outcome.loss = trainer.score(model);
    outcome.host = test::host_values(model);
    return outcome;
}

TEST_CASE("a seed that lowers the loss is kept, and one that does not leaves no trace",
          "[J-2][J-3][N-3]") {
    const Outcome alone = grown(0.05, 1000);
    REQUIRE(alone.reached.empty());
    const Outcome helped = grown(0.05, 3);
    CHECK(helped.reached == std::vector{Stage::germinated, Stage::training, Stage::blending,
                                        Stage::holding, Stage::fossilized});
    CHECK(helped.loss < 0.5 * alone.loss);
    const Outcome useless = grown(1e-12, 3);
    REQUIRE(useless.reached.size() >= 5);
    CHECK(useless.reached[3] == Stage::holding);
    CHECK(useless.reached[4] == Stage::pruned);
    CHECK(useless.reason == "does_not_help");
    CHECK(useless.host == alone.host);
    CHECK(useless.loss == alone.loss);
}

}  // namespace
}  // namespace kasmina::loss_score_test
