// What a save or a load refuses, by name; and whatever fails, nothing is changed.
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/train/averaged_weights.hpp>
#include <kasmina/train/early_stopping.hpp>

#include "checkpoint/all_of.hpp"
#include "checkpoint/edited.hpp"
#include "checkpoint/file/support.hpp"
#include "checkpoint/life.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::refused_test {
namespace {

template <class B>
using Life = test::Life<B, optim::SgdRule>;

TEST_CASE("a part that was not saved, and names that are taken, are refused by name", "[C-2]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    checkpoint::save(folder / "file", life.model);
    const std::string before = test::get(folder / "file");
    std::string text = test::error_text<CheckpointError>(
        [&] { checkpoint::load(folder / "file", life.model, life.trainer); });
    CHECK(test::mentions(text, "the part trainer"));
    CHECK(test::mentions(text, "got model"));
    Generator random(1);
    const auto twice = [&](auto&& call) {
        CHECK(test::mentions(test::error_text<DuplicateNameError>(call), "a second a"));
    };
    Generator other(2);
    twice([&] {
        checkpoint::save(folder / "file", checkpoint::named("a", random),
                         checkpoint::named("a", other));
    });
    twice([&] {
        checkpoint::load(folder / "file", checkpoint::named("a", random),
                         checkpoint::named("a", other));
    });
    // What belongs to a model is found by the names of its tensors.
    for (const bool saves : {true, false}) {
        const auto refused = [&](auto& part, const std::string& name) {
            text = test::error_text<OptionError>([&] {
                if (saves) checkpoint::save(folder / "file", checkpoint::named(name, part));
                if (!saves) checkpoint::load(folder / "file", checkpoint::named(name, part));
            });
            CHECK(test::mentions(text, "model for a model, and for nothing else"));
        };
        refused(random, "model");
        refused(life.model, "network");
    }
    text = test::error_text<OptionError>(
        [&] { checkpoint::save(folder / "file", checkpoint::named("slots", random)); });
    CHECK(test::mentions(text, "slots"));
    CHECK(test::get(folder / "file") == before);
}

TEST_CASE("a state that could not be read back is not written over one that can", "[C-2][E-6]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    checkpoint::save(folder / "file", life.model, life.diary);
    const std::string before = test::get(folder / "file");
    life.diary.losses = {1.0, std::numeric_limits<double>::quiet_NaN()};
    const std::string text = test::error_text<NumericError>(
        [&] { checkpoint::save(folder / "file", life.model, life.diary); });
    CHECK(test::mentions(text, "diary: $.losses[1]"));
    CHECK(test::get(folder / "file") == before);

    const auto refused = [&](const std::string& mentioned) {
        const std::string why = test::error_text<CheckpointError>(
            [&] { checkpoint::save(folder / "file", life.model, life.diary); });
        INFO(why);
        CHECK(test::mentions(why, mentioned));
        CHECK(test::get(folder / "file") == before);
    };
    life.diary.losses.assign(1'000'001, 0.0);
    refused("diary: $.losses: too many values");
    life.diary.losses.clear();
    life.diary.last.assign(std::size_t{17} << 20, 'x');
    refused("diary: $: too long a JSON document");
    life.diary.last = "\xff";
    refused("diary: $.last: a text that is not UTF-8");
}

TEST_CASE("what fails in the last part leaves the first as it was", "[C-3]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> saved(context);
    saved.grow(11);
    checkpoint::save(folder / "file", saved.model, saved.trainer, saved.diary);

    Life<B> life(context, 7);
    Life<B> unharmed(context, 7);
    life.grow(9);
    unharmed.grow(9);
    const std::string before = test::all_of(life, folder);
    const auto refused = [&](const std::string& mentioned) {
        const std::string text = test::error_text<CheckpointError>(
            [&] { checkpoint::load(folder / "broken", life.model, life.trainer, life.diary); });
        INFO(text);
        CHECK(test::mentions(text, mentioned));
        CHECK(test::all_of(life, folder) == before);
    };
    test::Edited file(folder / "file");
    SECTION("a record that is not whole") {
        test::Json record = file.record("kasmina/diary");
        record.erase("last");
        file.set_record("kasmina/diary", record);
        file.write(folder / "broken");
        refused("the field last");
    }
    SECTION("a controller that says no when all else is in its place") {
        test::Json record = file.record("kasmina/trainer");
        record["grower"]["controller"]["accuracies"] = std::vector<double>(1001, 0.5);
        file.set_record("kasmina/trainer", record);
        file.write(folder / "broken");
        refused("at most 1000 accuracies");
    }
    SECTION("an optimiser's state of a parameter that the model has not") {
        test::Json record = file.record("kasmina/trainer");
        test::Json& entry = record["learner"]["optimiser"]["groups"][0]["parameters"][0];
        REQUIRE(entry["name"] == "host/conv1.weight");
        file.tensor(entry["first"]).entry.name =
            "trainer/learner/optimiser/groups/0/parameters/host/no.weight/first";
        entry["first"] = "trainer/learner/optimiser/groups/0/parameters/host/no.weight/first";
        entry["name"] = "host/no.weight";
        file.set_record("kasmina/trainer", record);
        file.write(folder / "broken");
        refused("host/no.weight");
    }
    SECTION("a tensor of the last part too many") {
        file.tensors.push_back(file.tensors[0]);
        file.tensors.back().entry.name = "diary/more";
        file.write(folder / "broken");
        refused("diary/more");
    }
    // And it trains on as one that nothing was tried with.
    life.grow(13);
    unharmed.grow(13);
    CHECK(test::values_of(life.model) == test::values_of(unharmed.model));
}

TEST_CASE("an optimiser of another rule is refused by both names, and nothing is changed",
          "[C-2][C-3][E-2]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    const auto made = [&]<class Optimiser>(Optimiser optimiser) {
        optimiser.add_group({.learning_rate = 0.5});
        optimiser.synchronise(0, life.model.host_parameters());
        return optimiser;
    };
    auto sgd = made(optim::Sgd<B>());
    auto adamw = made(optim::AdamW<B>());
    const auto refused = [&](auto& saved, auto& given, const std::string& was,
                             const std::string& is) {
        checkpoint::save(folder / "file", life.model, saved);
        const std::string text = test::error_text<CheckpointError>(
            [&] { checkpoint::load(folder / "file", life.model, given); });
        INFO(text);
        CHECK(test::mentions(text, "kasmina/optimiser: $.rule: "));
        CHECK(test::mentions(text, "the state is of an optimiser with another rule"));
        CHECK(test::mentions(text, "expected " + is + ", the rule of the optimiser that is given"));
        CHECK(test::mentions(text, "got " + was + ";"));
        CHECK(test::mentions(text, "give an optimiser with the rule " + was));
        CHECK(given.options(0).learning_rate == 0.5);
    };
    refused(sgd, adamw, "sgd", "adamw");
    refused(adamw, sgd, "adamw", "sgd");
    // What the words say.
    checkpoint::load(folder / "file", life.model);
    checkpoint::load(folder / "file", life.model, adamw);
    checkpoint::load(folder / "file", adamw, life.model);
}

TEST_CASE("what a controller was told of scores is for scores of that direction",
          "[C-2][C-4][N-3]") {
    using B = test::Eigen32;
    using Model = Life<B>::Model;
    B::Context context;
    const test::TemporaryFolder folder;
    const auto make = [&](const ScoreKind& score) {
        Generator generator(1);
        ModelOptions<test::OpenPolicies> options;
        options.score = score;
        return Model(context, test::DropoutCnn<B>(context), {}, generator, std::move(options));
    };
    const ScoreKind loss{.name = "validation loss", .falls = true, .point = 0.01};
    Model rising = make(ScoreKind::accuracy());
    Grower grower(rising, test::LifeController{});
    grower.controller().accuracies = {61.5};
    checkpoint::save(folder / "file", rising, grower);
    Model falling = make(loss);
    Grower other(falling, test::LifeController{});
    const auto text = test::error_text<CheckpointError>(
        [&] { checkpoint::load(folder / "file", falling, other); });
    INFO(text);
    CHECK(test::mentions(text, "kasmina/grower"));
    CHECK(test::mentions(text,
                         "expected scores that fall, as the model's, which is validation loss"));
    CHECK(test::mentions(text, "got scores that rise"));
    CHECK(other.controller().accuracies.empty());
    checkpoint::load(folder / "file", falling);  // without what it was told it may be

    // In schema 1 nobody said.
    test::Edited file(folder / "file");
    test::Json record = file.record("kasmina/grower");
    CHECK(record.at("schema") == 2);
    CHECK(record.at("score_falls") == false);
    record.erase("score_falls");
    record["schema"] = 1;
    file.set_record("kasmina/grower", record);
    file.write(folder / "old");
    checkpoint::load(folder / "old", falling, other);
    CHECK(other.controller().accuracies == std::vector{61.5});
}

/// Takes no state back.
struct Refusing {
    struct State {
        int number = 0;
        using Fields = reflect::List<&State::number>;
    };
    [[nodiscard]] State state() const { return {}; }
    void restore(const State&) const {
        throw StateError("no", "Refusing", "nothing", "something", "give up");
    }
};

TEST_CASE(
    "in the middle of a step of several batches nothing is saved, and a load that fails leaves it",
    "[C-3][N-6]") {
    using B = test::Eigen32;
    using Model = Life<B>::Model;
    using Learner = train::Learner<Model, optim::SgdRule>;
    B::Context context;
    const test::TemporaryFolder folder;
    const auto made = [&](Model& model) {
        return Learner(model, {.host = {.learning_rate = 0.1},
                               .seeds = {.learning_rate = 0.1},
                               .accumulate_batches = 2});
    };
    test::NoiseBatches<B> batches(3);
    const auto first = batches.next(context);
    const auto second = batches.next(context);
    const auto step = [](Learner& learner, Model& model, const auto& batch) {
        static_cast<void>(learner.step(model, batch.input, test::loss_of<B>(batch.labels)));
    };
    Model model = Life<B>::make_model(context, 1);
    Model unharmed = Life<B>::make_model(context, 1);
    Learner learner = made(model);
    Learner other = made(unharmed);
    test::Diary diary;
    checkpoint::save(folder / "between", model, learner, diary);
    test::Edited file(folder / "between");
    test::Json record = file.record("kasmina/learner");
    record["settings"]["accumulate_batches"] = 0;
    file.set_record("kasmina/learner", record);
    file.write(folder / "broken");

    step(learner, model, first);
    step(other, unharmed, first);
    const std::string text =
        test::error_text<StateError>([&] { checkpoint::save(folder / "within", model, learner); });
    CHECK(test::mentions(text, "a step is under way"));
    CHECK(test::mentions(text, "finish_step"));
    CHECK_FALSE(std::filesystem::exists(folder / "within"));
    CHECK_THROWS_AS(checkpoint::load(folder / "broken", model, learner, diary), CheckpointError);
    // A part that says no when the learner is in its place already.
    Refusing refusing;
    const auto part = checkpoint::named("refusing", refusing);
    Model apart = Life<B>::make_model(context, 1);
    Learner its = made(apart);
    checkpoint::save(folder / "refused", apart, its, part);
    CHECK_THROWS_AS(checkpoint::load(folder / "refused", model, part, learner), CheckpointError);
    CHECK_THROWS_AS(checkpoint::load(folder / "refused", model, learner, part), CheckpointError);
    CHECK(learner.batches_under_way() == 1);
    step(learner, model, second);
    step(other, unharmed, second);
    CHECK(learner.steps() == 1);
    CHECK(test::values_of(model) == test::values_of(unharmed));

    // A load that succeeds begins a step.
    step(learner, model, first);
    checkpoint::load(folder / "between", model, learner);
    CHECK(learner.batches_under_way() == 0);
}

TEST_CASE("what is no fault of the file is no error of the file's", "[C-3][E-4]") {
    using B = test::Eigen32;
    B::Context context;
    const test::TemporaryFolder folder;
    Life<B> life(context);
    checkpoint::save(folder / "file", life.model);
    const auto taken = std::move(life.model);
    CHECK(test::mentions(
        test::error_text<LifetimeError>([&] { checkpoint::load(folder / "file", life.model); }),
        "moved from"));
    CHECK(test::mentions(
        test::error_text<LifetimeError>([&] { checkpoint::save(folder / "file", life.model); }),
        "moved from"));
}

TEST_CASE("a part that was moved from is neither saved nor loaded", "[C-3][E-4]") {
    using B = test::Eigen32;
    using Model = Life<B>::Model;
    B::Context context;
    const test::TemporaryFolder folder;
    Model model = Life<B>::make_model(context, 1);
    const auto refused = [&](auto part) {
        checkpoint::save(folder / "file", model, part);
        const auto taken = std::move(part);
        CHECK(test::mentions(test::error_text<LifetimeError>(
                                 [&] { checkpoint::load(folder / "file", model, part); }),
                             "moved from"));
        CHECK(test::mentions(test::error_text<LifetimeError>(
                                 [&] { checkpoint::save(folder / "other", model, part); }),
                             "moved from"));
        CHECK_FALSE(std::filesystem::exists(folder / "other"));
    };
    optim::Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.5});
    refused(std::move(sgd));
    refused(train::Learner<Model, optim::SgdRule>(
        model, {.host = {.learning_rate = 0.1}, .seeds = {.learning_rate = 0.1}}));
    refused(Grower(model, test::LifeController{}));
    refused(train::AveragedWeights<Model>());
    refused(train::EarlyStopping<Model>());
}

}  // namespace
}  // namespace kasmina::refused_test
