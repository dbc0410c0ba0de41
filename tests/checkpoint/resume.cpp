// A run that is saved, ended and gone on with in another process is the run that never stopped.
#include <algorithm>
#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/data/data_loader.hpp>
#include <kasmina/train/averaged_weights.hpp>
#include <kasmina/train/early_stopping.hpp>
#include <kasmina/train/schedules.hpp>

#include "checkpoint/edited.hpp"
#include "checkpoint/life.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::resume_test {
namespace {

namespace fs = std::filesystem;
using test::LifePlan;

template <class B, class Rule>
void save(const fs::path& path, test::Life<B, Rule>& life) {
    checkpoint::save(path, life.model, life.trainer, life.diary);
}

/// Stops in mid-epoch, after so many of its steps.
template <class B, class Rule>
void steps(test::Life<B, Rule>& life, int count) {
    int asked = 0;
    const auto result =
        life.trainer.epoch_until(life.model, [&asked, count] { return asked++ == count; });
    REQUIRE_FALSE(result.has_value());
}

/// The whole life, saved between all epochs and within some; the names of the files.
template <class B, class Rule>
std::vector<std::string> live_and_save(test::Life<B, Rule>& life, const fs::path& folder,
                                       const std::vector<int>& between,
                                       const std::vector<int>& within) {
    std::vector<std::string> names;
    for (int epoch = 0; epoch < LifePlan::epochs; ++epoch) {
        if (std::ranges::count(between, epoch) > 0) {
            names.push_back("after_" + std::to_string(epoch));
            save(folder / names.back(), life);
        }
        if (std::ranges::count(within, epoch) > 0) {
            const int count = epoch % 4;  // none of the epoch's four steps, one, two or three
            steps(life, count);
            names.push_back("within_" + std::to_string(epoch + 1));
            save(folder / names.back(), life);
        }
        life.epoch();
    }
    return names;
}

/// Each file into objects that are otherwise made, and to the end of the life from there.
template <class B, class Rule>
void go_on(const fs::path& folder, const std::vector<std::string>& names) {
    typename B::Context context;
    for (const std::string& name : names) {
        test::Life<B, Rule> fresh(context, 99);
        checkpoint::load(folder / name, fresh.model, fresh.trainer, fresh.diary);
        fresh.grow();
        save(folder / ("end_of_" + name), fresh);
    }
}

void check_ends(const fs::path& folder, const std::vector<std::string>& names) {
    const std::string expected = test::timeless(folder / "uninterrupted");
    for (const std::string& name : names) {
        CAPTURE(name);
        const fs::path end = folder / ("end_of_" + name);
        REQUIRE(fs::exists(end));
        CHECK(test::first_difference(test::timeless(end), expected).empty());
    }
}

std::vector<int> all_epochs() {
    std::vector<int> epochs;
    for (int epoch = 0; epoch < LifePlan::epochs; ++epoch) epochs.push_back(epoch);
    return epochs;
}

/// While the first seed blends, the second trains, blends, holds, is blended out, in its cooldown,
/// in the epoch of the panic, and after it.
const std::vector<int> within{1, 4, 6, 10, 13, 15, 18, 19, 20, 23};

template <class Rule>
constexpr const char* name_of_rule = std::same_as<Rule, optim::SgdRule> ? "sgd" : "adamw";

TEMPLATE_TEST_CASE(
    "a run that goes on in another process has all the bits of one that never "
    "stopped",
    "[C-6][E-3]", optim::SgdRule, optim::AdamWRule) {
    using B = test::Eigen32;
    using Rule = TestType;
    B::Context context;
    const test::TemporaryFolder folder;
    test::Life<B, Rule> uninterrupted(context);
    uninterrupted.grow();
    save(folder / "uninterrupted", uninterrupted);

    test::Life<B, Rule> interrupted(context);
    const auto names = live_and_save(interrupted, folder.path(), all_epochs(), within);
    save(folder / "end_of_interrupted", interrupted);
    {
        std::ofstream list(folder / "names");
        for (const std::string& name : names) list << name << '\n';
    }
    const std::string self = fs::read_symlink("/proc/self/exe").string();
    const std::string command = "KASMINA_RESUME_RULE=" + std::string(name_of_rule<Rule>) +
                                " KASMINA_RESUME_FOLDER='" + folder.path().string() + "' '" + self +
                                "' 'the other process' > '" + (folder / "output").string() +
                                "' 2>&1";
    const int code = std::system(command.c_str());
    std::ifstream output(folder / "output");
    INFO(std::string(std::istreambuf_iterator<char>(output), std::istreambuf_iterator<char>()));
    REQUIRE(code == 0);
    check_ends(folder.path(), names);
    check_ends(folder.path(), {"interrupted"});
    // The panic came after most of the saves, and each run went back.
    CHECK(uninterrupted.diary.losses[LifePlan::broken - 1] == -1.0);
}

TEST_CASE("the other process", "[.]") {
    const char* rule = std::getenv("KASMINA_RESUME_RULE");
    const char* folder = std::getenv("KASMINA_RESUME_FOLDER");
    REQUIRE(rule != nullptr);
    REQUIRE(folder != nullptr);
    std::vector<std::string> names;
    std::ifstream list(fs::path(folder) / "names");
    for (std::string name; std::getline(list, name);) names.push_back(name);
    REQUIRE_FALSE(names.empty());
    if (std::string(rule) == "sgd") go_on<test::Eigen32, optim::SgdRule>(folder, names);
    if (std::string(rule) == "adamw") go_on<test::Eigen32, optim::AdamWRule>(folder, names);
}

TEMPLATE_TEST_CASE("so does one on the oracle and on a device", "[C-6][K]", test::Oracle,
                   test::Device32) {
    using B = TestType;
    typename B::Context context;
    const test::TemporaryFolder folder;
    test::Life<B, optim::SgdRule> uninterrupted(context);
    uninterrupted.grow();
    save(folder / "uninterrupted", uninterrupted);
    test::Life<B, optim::SgdRule> interrupted(context);
    const auto names = live_and_save(interrupted, folder.path(), {16}, {10});
    go_on<B, optim::SgdRule>(folder.path(), names);
    check_ends(folder.path(), names);
}

/// What the life has not: a loader that makes augmented batches ahead on a thread, the last of them
/// smaller, steps of two batches, rates by the step, averaged weights and early stopping.
struct FullRun {
    using B = test::Eigen32;
    using Rule = optim::AdamWRule;
    using Model = test::Life<B, Rule>::Model;
    using Set = data::LabelledSamples<float>;
    using Loader = data::DataLoader<B, Set, data::RandomFlipCrop>;
    using Rates = train::EachStep<train::CosineAnnealing>;
    using Trainer = train::Trainer<Model, Rule, Loader, std::vector<LabelledBatch<B>>,
                                   test::LifeController, train::CrossEntropy, Rates>;
    static constexpr int epochs = 9;  // one seed is kept, and another one blends by a gate network
    static constexpr int steps = 3;   // an epoch's, of five batches

    FullRun(B::Context& context, const Set& set, std::uint64_t seed)
        : model(test::Life<B, Rule>::make_model(context, seed)),
          trainer(model,
                  Loader(context, set, {.batch_size = 8}, Generator(seed),
                         {.flip = true, .padding = 1}),
                  test::held_out<B>(context),
                  {.host = {.learning_rate = 0.01},
                   .seeds = {.learning_rate = 0.02},
                   .accumulate_batches = 2},
                  test::LifeController{},
                  {.epochs = epochs, .random_guess_loss = 1.1, .random = Generator(seed)}, {},
                  Rates{{.total = steps * epochs}}),
          average({.decay = 0.9}) {}

    [[nodiscard]] static Set samples() {
        Generator generator(6);
        std::vector<float> pixels(36 * 5 * 6 * 3);
        for (float& pixel : pixels) pixel = static_cast<float>(generator.normal());
        std::vector<std::int32_t> labels(36);
        for (std::int32_t& label : labels) label = static_cast<std::int32_t>(generator.below(3));
        return {{5, 6, 3}, std::move(pixels), std::move(labels), 3};
    }

    /// Some epochs more, or until so many steps of the next one are done.
    void go_on(int until, int steps_more = 0) {
        const auto each_step = average.with_each_step(model);
        while (trainer.epochs_done() < until) {
            const auto result = trainer.epoch(model, each_step);
            static_cast<void>(early.watch(model, result.report.score));
        }
        if (steps_more == 0) return;
        int asked = 0;
        REQUIRE_FALSE(trainer
                          .epoch_until(
                              model, [&] { return asked++ == steps_more; }, each_step)
                          .has_value());
    }

    void save(const fs::path& path) { checkpoint::save(path, early, average, trainer, model); }
    void load(const fs::path& path) { checkpoint::load(path, model, average, early, trainer); }

    Model model;
    Trainer trainer;
    train::AveragedWeights<Model> average;
    train::EarlyStopping<Model> early{};
};

TEST_CASE("loader, schedule, averages and early stopping go on from one file, to the bit",
          "[C-6][N-6]") {
    FullRun::B::Context context;
    const test::TemporaryFolder folder;
    const FullRun::Set set = FullRun::samples();
    FullRun whole(context, set, 1);
    whole.go_on(FullRun::epochs);
    whole.save(folder / "uninterrupted");
    CHECK(whole.trainer.learner().steps() == FullRun::steps * FullRun::epochs);
    CHECK(whole.model.slot("late").stage() == Stage::fossilized);

    FullRun interrupted(context, set, 1);
    std::vector<std::string> names;
    for (const auto& [epoch, steps_more] :
         {std::pair(0, 0), std::pair(2, 1), std::pair(3, 0), std::pair(6, 2), std::pair(8, 0)}) {
        interrupted.go_on(epoch, steps_more);
        names.push_back(std::to_string(epoch) + "_" + std::to_string(steps_more));
        interrupted.save(folder / names.back());
        FullRun fresh(context, set, 50);
        fresh.go_on(1, 1);  // a batch is being made ahead when it is told to stand elsewhere
        fresh.load(folder / names.back());
        fresh.go_on(FullRun::epochs);
        fresh.save(folder / ("end_of_" + names.back()));
    }
    check_ends(folder.path(), names);
}

TEST_CASE("a stop on an epoch's last step ends the epoch, for its gradients are not saved",
          "[C-6]") {
    using B = test::Eigen32;
    B::Context context;
    test::Life<B, optim::SgdRule> life(context);
    int asked = 0;
    const auto result = life.trainer.epoch_until(life.model, [&asked] { return asked++ == 4; });
    REQUIRE(result.has_value());
    CHECK(life.trainer.epochs_done() == 1);
    CHECK_FALSE(life.trainer.state(life.model).under_way);
}

TEST_CASE("a range of batches goes on in mid-epoch too", "[C-6]") {
    using B = test::Eigen32;
    B::Context context;
    using Model = test::Life<B, optim::SgdRule>::Model;
    const auto trainer_of = [&](Model& model) {
        return train::Trainer(
            model, test::held_out<B>(context), test::held_out<B>(context),
            train::LearnerOptions<optim::SgdRule>{.host = {.learning_rate = 0.01},
                                                  .seeds = {.learning_rate = 0.01}},
            test::LifeController{}, {.epochs = 3, .random_guess_loss = 1.1});
    };
    const test::TemporaryFolder folder;
    Model first = test::Life<B, optim::SgdRule>::make_model(context, 1);
    auto trainer = trainer_of(first);
    int asked = 0;
    CHECK_FALSE(trainer.run_until(
        first, [&asked] { return asked++ == 6; }, [](const train::EpochResult&) {}));
    CHECK(trainer.state(first).under_way->steps == 2);
    checkpoint::save(folder / "file", first, trainer);
    const auto over = [](const train::EpochResult&) {};
    trainer.run(first, over);
    Model second = test::Life<B, optim::SgdRule>::make_model(context, 2);
    auto other = trainer_of(second);
    checkpoint::load(folder / "file", second, other);
    other.run(second, over);
    CHECK(test::values_of(second) == test::values_of(first));
}

}  // namespace
}  // namespace kasmina::resume_test
