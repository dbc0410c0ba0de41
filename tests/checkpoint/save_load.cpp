// What is saved comes back in fresh objects to the last bit.
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/train/averaged_weights.hpp>

#include "checkpoint/comes_back.hpp"
#include "checkpoint/file/support.hpp"
#include "checkpoint/life.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::save_load_test {
namespace {

template <class B>
using Life = test::Life<B, optim::SgdRule>;

TEST_CASE("a model, its trainer and a struct of the user's come back to the last bit",
          "[C-1][C-6][C-8][K]") {
    test::check_all_comes_back<test::Eigen32>({0, 1, 2, 4, 7, 11, 13, 15, 17, 18, 19, 21, 23});
}

TEST_CASE("the life that is saved has a slot in every stage, ramps, and a shadow", "[C-8]") {
    using B = test::Eigen32;
    B::Context context;
    Life<B> life(context);
    std::map<Stage, int> met;
    int scheduled = 0;
    int ramps = 0;
    int gates = 0;
    int shadows = 0;
    int two_alive = 0;
    for (int epoch = 1; epoch <= test::LifePlan::epochs; ++epoch) {
        life.epoch();
        int alive = 0;
        for (const SlotState& slot : state_of(life.model).slots) {
            ++met[slot.stage];
            scheduled += slot.scheduled_prune.has_value() ? 1 : 0;
            ramps += slot.alpha && slot.alpha->mode == AlphaMode::up ? 1 : 0;
            gates += slot.seed && slot.seed->has_gate_network ? 1 : 0;
            alive += slot.seed.has_value() ? 1 : 0;
        }
        two_alive += alive == 2 ? 1 : 0;
        shadows += life.trainer.state(life.model).learner.judge.shadow.has_value() ? 1 : 0;
    }
    for (const Stage stage :
         {Stage::dormant, Stage::germinated, Stage::training, Stage::blending, Stage::holding,
          Stage::fossilized, Stage::pruned, Stage::embargoed, Stage::resetting}) {
        CAPTURE(name_of(stage));
        // A pruned slot rests for the rest of one tick's epoch: no epoch ends in it.
        if (stage != Stage::pruned) CHECK(met[stage] > 0);
    }
    CHECK(scheduled >= 2);
    CHECK(ramps >= 4);
    CHECK(gates >= 4);
    CHECK(shadows >= 4);
    CHECK(two_alive >= 4);
    CHECK(life.trainer.grower().controller().accuracies.size() == test::LifePlan::epochs - 1);
}

TEST_CASE("equal states give equal bytes, in whatever order the parts are named", "[C-1]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    life.grow(4);
    checkpoint::save(folder / "a", life.model, life.trainer);
    checkpoint::save(folder / "b", life.model, life.trainer);
    CHECK(test::get(folder / "a") == test::get(folder / "b"));
    checkpoint::save(folder / "c", life.diary, life.trainer, life.model);
    Life<B> fresh(context, 99);
    checkpoint::load(folder / "c", fresh.trainer, fresh.model);
    CHECK(state_of(fresh.model) == state_of(life.model));
}

TEST_CASE("a model alone is enough to infer with, and a dormant slot empties a full one", "[C-8]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    checkpoint::save(folder / "young", life.model);
    life.grow(11);
    checkpoint::save(folder / "grown", life.model, life.trainer);

    // Other policies, no gates to open, no trainer.
    using Plain = MorphogeneticModel<test::DropoutCnn<B>, CnnBlueprints::with<test::Noisy>>;
    Generator generator(5);
    Plain model(context, test::DropoutCnn<B>(context), {}, generator);
    checkpoint::load(folder / "grown", model);
    CHECK(model.slot("late").stage() == Stage::fossilized);
    CHECK(model.slot("early").stage() == Stage::blending);
    const auto batch = test::NoiseBatches<B>(3).next(context);
    const auto logits = [&](const auto& of) {
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::evaluation);
        return of.forward(pass, batch.input).to_host();
    };
    CHECK(logits(model) == logits(life.model));

    checkpoint::load(folder / "young", life.model);
    CHECK(life.model.slot("late").stage() == Stage::dormant);
    CHECK(life.model.active_seeds() == 0);
}

TEST_CASE("a seed without parameters, frozen parameters, auto-forward gates and prunes come back",
          "[C-8]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    const auto make = [&](std::uint64_t seed, bool automatic) {
        Generator generator(seed);
        ModelOptions<test::OpenPolicies> options;
        options.slots.auto_forward.g2 = automatic;
        return typename Life<B>::Model(context, test::DropoutCnn<B>(context), {}, generator,
                                       std::move(options));
    };
    auto model = make(1, true);
    model.slot("early").germinate("noop");
    model.slot("early").advance();
    model.slot("late").germinate("conv_heavy");
    model.slot("late").parameters()[1].parameter->set_trainable(false);
    model.host_parameters()[0].parameter->set_trainable(false);
    checkpoint::save(folder / "file", model);
    auto other = make(2, false);
    other.slot("late").germinate("norm");
    checkpoint::load(folder / "file", other);
    CHECK(state_of(other) == state_of(model));
    CHECK(other.slot("early").record()->blueprint == "noop");
    CHECK(other.slot("early").stage() == Stage::training);
    CHECK(other.slot("early").options().auto_forward.g2);
    CHECK_FALSE(other.slot("late").parameters()[1].parameter->trainable());
    CHECK(other.slot("late").parameters()[0].parameter->trainable());
    CHECK_FALSE(other.host_parameters()[0].parameter->trainable());
    CHECK(test::values_of(other) == test::values_of(model));

    model.slot("late").prune("governor_nan");
    checkpoint::save(folder / "file", model);
    checkpoint::load(folder / "file", other);
    CHECK(other.slot("late").stage() == Stage::pruned);
    CHECK(other.slot("late").record()->metrics.auto_pruned);
    CHECK(other.slot("late").record()->metrics.prune_reason == "governor_nan");
    CHECK(other.slot("late").parameters().empty());
}

TEST_CASE("parts that work alone are saved by themselves", "[C-1][C-6]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    life.grow(4);
    optim::Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.5, .momentum = 0.9});
    sgd.add_group({.learning_rate = 0.25, .momentum = 0.9});
    sgd.synchronise(0, life.model.host_parameters());
    sgd.synchronise(1, life.model.seed_parameters());
    {
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::training, life.trainer.learner().random());
        const auto batch = test::NoiseBatches<B>(3).next(context);
        tape.backward(test::loss_of<B>(batch.labels)(life.model.forward(pass, batch.input)));
    }
    sgd.step(context);
    Generator random(8);
    static_cast<void>(random());
    test::LifeStream<B> batches(context, 4);
    batches.start_epoch();
    static_cast<void>(batches.next());
    const auto source = checkpoint::named("batches", batches);
    Grower grower(life.model, test::LifeController{}, 1.0);
    checkpoint::save(folder / "all", life.model, sgd, life.trainer.learner(), grower, random,
                     source);

    Life<B> fresh(context, 99);
    optim::Sgd<B> other;
    other.add_group({.learning_rate = 1.0, .momentum = 0.9});
    other.add_group({.learning_rate = 1.0, .momentum = 0.9});
    Generator other_random(1);
    test::LifeStream<B> other_batches(context, 5);
    const auto other_source = checkpoint::named("batches", other_batches);
    Grower other_grower(fresh.model, test::LifeController{}, 3.0);
    checkpoint::load(folder / "all", fresh.model, other, fresh.trainer.learner(), other_grower,
                     other_random, other_source);
    CHECK(other_random.state() == random.state());
    CHECK(other_batches.state().left == 3);
    CHECK(other.tracked(1).size() == sgd.tracked(1).size());
    checkpoint::save(folder / "again", fresh.model, other, fresh.trainer.learner(), other_grower,
                     other_random, other_source);
    CHECK(test::get(folder / "all") == test::get(folder / "again"));
}

TEST_CASE("a learner goes on with the options that it was saved with", "[C-6][E-5]") {
    using B = test::Eigen32;
    using Model = Life<B>::Model;
    using Learner = train::Learner<Model, optim::SgdRule>;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    life.grow(3);  // a seed has lessons
    Learner learner(life.model, {.host = {.learning_rate = 0.1},
                                 .seeds = {.learning_rate = 0.2},
                                 .lesson_rate = 0.5,
                                 .lesson_every = 1,
                                 .max_gradient_norm = 0.01});
    checkpoint::save(folder / "file", life.model, learner);
    Model model = Life<B>::make_model(context, 9);
    Learner other(model, {.host = {.learning_rate = 1.0}, .seeds = {.learning_rate = 1.0}});
    checkpoint::load(folder / "file", model, other);
    test::NoiseBatches<B> batches(3);
    for (int step = 0; step < 3; ++step) {
        const auto batch = batches.next(context);
        const auto take = [&](Learner& each, Model& of) {
            each.set_learning_rates(0.1, 0.2);
            static_cast<void>(each.step(of, batch.input, test::loss_of<B>(batch.labels)));
        };
        take(learner, life.model);
        take(other, model);
    }
    CHECK(test::values_of(model) == test::values_of(life.model));
}

TEST_CASE("an optimiser steps the seeds that a load has made", "[C-8][H-7]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    life.grow(4);
    const std::size_t tracked = life.trainer.learner().optimiser().tracked(1).size();
    REQUIRE(tracked > 0);
    checkpoint::save(folder / "file", life.model, life.trainer);
    Life<B> fresh(context, 99);
    CHECK(fresh.trainer.learner().optimiser().tracked(1).empty());
    checkpoint::load(folder / "file", fresh.model, fresh.trainer);
    CHECK(fresh.trainer.learner().optimiser().tracked(1).size() == tracked);
}

TEST_CASE("what is remembered of a seed that has gone is not saved, whoever holds its parameters",
          "[C-1][C-8][N-6]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    auto& slot = life.model.slot("late");
    slot.germinate("norm");
    const auto held = life.model.seed_parameters();  // a user's, or a tape's
    train::AveragedWeights<Life<B>::Model> average;
    average.update(life.model);
    optim::Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.5});
    sgd.synchronise(0, life.model.parameters());
    slot.prune("test");
    const auto loads = [&](std::size_t values) {
        checkpoint::save(folder / "file", life.model, average, sgd);
        Life<B> fresh(context, 99);
        train::AveragedWeights<Life<B>::Model> other;
        optim::Sgd<B> other_sgd;
        other_sgd.add_group({.learning_rate = 1.0});
        checkpoint::load(folder / "file", fresh.model, other, other_sgd);
        CHECK(other.state(fresh.model).averages.size() == values);
        CHECK(other_sgd.tracked(0).size() == values);
    };
    loads(life.model.host_parameters().size());
    // The next seed of that slot has parameters of the same names, and nothing of the first.
    while (slot.stage() != Stage::dormant) slot.step_epoch();
    slot.germinate("norm");
    REQUIRE(life.model.seed_parameters().front().name == held.front().name);
    loads(life.model.host_parameters().size());

    // Nothing could be restored of a parameter that is none of the model's.
    Parameter<B> own(Tensor<B>::full(context, {2}, 1.0F));
    sgd.synchronise(0, std::vector<nn::NamedParameter<B>>{{"mine", &own}});
    CHECK(test::mentions(test::error_text<UnknownNameError>(
                             [&] { checkpoint::save(folder / "file", life.model, sgd); }),
                         "mine"));
}

TEST_CASE("peek shows what is in a file without a model", "[C-1]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    life.grow(11);
    checkpoint::save(folder / "file", checkpoint::Note{"before the holidays"}, life.model,
                     life.trainer, life.diary);
    const checkpoint::Seen seen = checkpoint::peek(folder / "file");
    CHECK(seen.library == version);
    CHECK(seen.note == "before the holidays");
    CHECK(seen.bytes == std::filesystem::file_size(folder / "file"));
    REQUIRE(seen.parts.size() == 3);
    CHECK(seen.parts[0].name == "model");
    CHECK(seen.parts[1].name == "trainer");
    CHECK(seen.parts[1].schema == 1);
    REQUIRE(seen.model);
    CHECK(*seen.model == state_of(life.model));
    CHECK(seen.model->slots[1].record->blueprint == "noisy");
    CHECK(seen.tensors.size() > 20);
}

TEST_CASE("a tape of before a load finds values and no freed memory", "[E-4][C-3]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    life.grow(4);
    checkpoint::save(folder / "file", life.model);
    life.epoch();
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training, life.trainer.learner().random());
    const auto batch = test::NoiseBatches<B>(3).next(context);
    const Variable<B> loss = test::loss_of<B>(batch.labels)(life.model.forward(pass, batch.input));
    const auto* weight = life.model.host_parameters()[0].parameter->value().data();
    checkpoint::load(folder / "file", life.model);
    CHECK(life.model.host_parameters()[0].parameter->value().data() == weight);
    tape.backward(loss);  // of no use, and no harm: sanitizers see what it reads
    CHECK(std::isfinite(loss.item()));
}

TEST_CASE("gradients that were measured before a load are not those of the network after it",
          "[C-3][I-7]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    life.grow(4);
    checkpoint::save(folder / "file", life.model);
    life.model.launch_gradient_health();
    const SlotState before = life.model.slot("late").state();
    checkpoint::load(folder / "file", life.model);
    life.model.record_gradient_health();
    // Nothing has a gradient yet.
    CHECK(life.model.slot("late").state().record->metrics.gradient_norm_average <=
          before.record->metrics.gradient_norm_average);
}

}  // namespace
}  // namespace kasmina::save_load_test
