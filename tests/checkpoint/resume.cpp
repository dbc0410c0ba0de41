// A run that is saved, ended and gone on with in another process is the run that never stopped.
#include <algorithm>
#include <concepts>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <kasmina/checkpoint/checkpoint.hpp>

#include "checkpoint/edited.hpp"
#include "checkpoint/life.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina {
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
}  // namespace kasmina
