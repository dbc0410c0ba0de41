// Random operations on a slot, checked after each one against a model of the lifecycle that is
// written from the specification's tables. A failure prints its seed and the shortest sequence.
//
// KASMINA_SLOT_MODEL_SEED=<first seed> and KASMINA_SLOT_MODEL_OPERATIONS=<count> explore further.
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "slot/lifecycle_model.hpp"
#include "slot/random_operations.hpp"
#include "slot/shrink.hpp"
#include "slot/slot_operation.hpp"
#include "slot/slot_under_test.hpp"
#include "slot/slot_view.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::test::slot_model_test {
namespace {

using Sequence = std::vector<SlotOperation>;

/// What a run has seen.
struct Coverage {
    std::size_t operations = 0;
    std::set<std::pair<Stage, Stage>> steps{};
    std::set<std::pair<Stage, Call>> calls{};
    std::set<std::tuple<Stage, Call, Why>> refusals{};
    std::set<std::pair<Stage, std::optional<Stage>>> advances{};
    std::set<std::tuple<BlendAlgorithm, AlphaCurve, AlphaMode>> ramps{};
    std::set<std::string> reasons{};  ///< of prunes that happened on the tick at 0
    /// Ramps, and whether a prune waited for them, in the midst of which a slot was restored.
    std::set<std::pair<AlphaMode, bool>> restored{};
    std::size_t longest_history = 0;
    int thawed_early = 0;  ///< advances that ended a blend-out

    void note(Stage before, const SlotOperation& op, Why why, const SlotView& was,
              const SlotView& view) {
        ++operations;
        calls.emplace(before, op.call);
        refusals.emplace(before, op.call, why);
        if (op.call == Call::advance) advances.emplace(before, op.target);
        if (op.call == Call::new_slot) return;
        if (before != view.stage) steps.emplace(before, view.stage);
        if (view.stage == Stage::blending) ramps.emplace(view.algorithm, view.curve, view.mode);
        if (op.call == Call::restore && view.stage == Stage::blending) {
            restored.emplace(view.mode, view.prune_scheduled);
        }
        if (was.prune_scheduled && op.call == Call::step_epoch && view.stage == Stage::pruned) {
            reasons.insert(view.prune_reason);
        }
        if (was.blending_out && view.stage == Stage::holding) ++thawed_early;
        longest_history = std::max(longest_history, view.history_length);
    }
};

/// Where a slot and the model first part, in words.
struct Parting {
    std::size_t operation = 0;
    std::string text{};
};

/// Everything that is wrong after one operation; empty when nothing is.
std::string compare(const Expectation& expected, const SlotAnswer& answer, const SlotView& view,
                    const SlotView& believed) {
    std::string wrong = difference(expected.answer, answer) + difference(believed, view);
    for (const std::string& word : expected.words) {
        if (!mentions(answer.text, word)) {
            wrong += "the text lacks \"" + word + "\": " + answer.text + "; ";
        }
    }
    const bool has_alpha = view.stage == Stage::holding || view.stage == Stage::fossilized;
    if (has_alpha && view.alpha != 1.0) wrong += "full amplitude is 1; ";
    if (!view.active && view.alpha != 0.0) wrong += "an amplitude without an active seed; ";
    return wrong;
}

/// Takes a sequence through a new slot and through `model`.
std::optional<Parting> find_parting(const Sequence& sequence, LifecycleModel model,
                                    Coverage* coverage = nullptr) {
    SlotUnderTest slot;
    SlotView view = slot.view();
    SlotUnderTest::Innards innards = slot.innards();
    for (std::size_t i = 0; i < sequence.size(); ++i) {
        const SlotOperation& op = sequence[i];
        const Expectation expected = model.take(op);
        const SlotAnswer answer = slot.take(op);
        const SlotView before = std::exchange(view, slot.view());
        const SlotUnderTest::Innards inside = std::exchange(innards, slot.innards());
        std::string wrong = compare(expected, answer, view, model.view());
        if (answer.verdict != Verdict::done || expected.why == Why::ignored) {
            SlotView now = view;
            now.gates_asked = before.gates_asked;  // asking is no change
            if (!(now == before)) wrong += "refused, and changed: " + difference(before, now);
            if (!(innards == inside)) wrong += "refused, and changed values or random state; ";
        }
        if (!wrong.empty()) return Parting{i, wrong};
        if (coverage != nullptr) coverage->note(before.stage, op, expected.why, before, view);
    }
    return std::nullopt;
}

/// The shortest and simplest sequence on which slot and model part.
Sequence shrink_parting(Sequence sequence, std::size_t operation, const LifecycleModel& model) {
    sequence.resize(operation + 1);
    const auto fails = [&](const Sequence& shorter) {
        return find_parting(shorter, model).has_value();
    };
    return shrink(std::move(sequence), fails, simpler);
}

std::string text_of(const Sequence& sequence) {
    std::string text;
    for (const SlotOperation& op : sequence) text += "  " + test::text_of(op) + "\n";
    return text;
}

/// A whole failure: seed, what is wrong, and the shrunk sequence.
std::string report_of(std::uint64_t seed, const Sequence& sequence, const Parting& parting,
                      const LifecycleModel& model) {
    const Sequence shrunk = shrink_parting(sequence, parting.operation, model);
    return "seed " + std::to_string(seed) + ", operation " + std::to_string(parting.operation) +
           ": " + parting.text + "\nshrunk to " + std::to_string(shrunk.size()) + " operations:\n" +
           text_of(shrunk) + "which ends in: " + find_parting(shrunk, model)->text;
}

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

constexpr std::size_t sequence_length = 250;

/// Every refusal that the specification has, where it has it.
std::vector<std::tuple<Stage, Call, Why>> refusals_to_see() {
    using enum Stage;
    std::vector<std::tuple<Stage, Call, Why>> all;
    const auto add = [&all](std::vector<Stage> stages, Call call, Why why) {
        for (const Stage stage : stages) all.emplace_back(stage, call, why);
    };
    const std::vector<Stage> anywhere{dormant,    germinated, training,  blending, holding,
                                      fossilized, pruned,     embargoed, resetting};
    const std::vector<Stage> cooling{pruned, embargoed, resetting};
    const std::vector<Stage> empty{dormant, pruned, embargoed, resetting};
    const std::vector<Stage> gated{germinated, training, blending, holding};
    add({germinated, training, blending, holding, fossilized, pruned, embargoed, resetting},
        Call::germinate, Why::not_dormant);
    for (const Why why : {Why::unknown_blueprint, Why::tempo_too_short, Why::target_out_of_range,
                          Why::steepness_out_of_range, Why::gate_shut}) {
        add({dormant}, Call::germinate, why);
    }
    add(gated, Call::advance, Why::gate_shut);
    add(gated, Call::advance, Why::not_the_forward_step);
    add(gated, Call::ask_gate, Why::gate_shut);
    for (const Call call : {Call::advance, Call::ask_gate}) {
        add({dormant, fossilized, pruned, embargoed, resetting}, call, Why::no_forward_step);
    }
    for (const Call call : {Call::prune, Call::schedule_prune}) {
        add(cooling, call, Why::cooling_already);
        add({dormant, fossilized}, call, Why::cannot_be_pruned);
    }
    add({blending}, Call::schedule_prune, Why::ramp_under_way);
    add({blending}, Call::set_alpha_target, Why::ramp_under_way);
    add(anywhere, Call::set_alpha_target, Why::target_out_of_range);
    add(anywhere, Call::set_alpha_target, Why::steepness_out_of_range);
    add(anywhere, Call::schedule_prune, Why::steepness_out_of_range);
    add({dormant, blending, pruned, embargoed, resetting}, Call::take_and_plant,
        Why::not_to_be_taken);
    add({dormant, germinated, training, fossilized, pruned, embargoed, resetting},
        Call::set_alpha_target, Why::not_blended);
    for (const Call call :
         {Call::record_score, Call::record_dependence, Call::record_readiness, Call::record_lead,
          Call::record_contribution, Call::record_interactions}) {
        add(anywhere, call, Why::not_finite);
    }
    add(empty, Call::record_score, Why::ignored);
    for (const Call call :
         {Call::record_dependence, Call::record_contribution, Call::record_interactions}) {
        add(empty, call, Why::no_live_seed);
    }
    add(anywhere, Call::record_contribution, Why::not_measured);
    add(anywhere, Call::record_lead, Why::not_measured);
    for (const Stage stage : anywhere) {
        if (stage != training) add({stage}, Call::record_readiness, Why::another_stage);
        if (stage != holding) add({stage}, Call::record_lead, Why::another_stage);
    }
    return all;
}

/// Nothing that should be seen was missed.
void check_coverage(const Coverage& seen) {
    for (const LifecycleRow& row : lifecycle_rows) {
        if (row.from == Stage::unknown) continue;  // no slot rests there: it begins dormant
        INFO("step " << name_of(row.from) << " to " << name_of(row.to));
        CHECK(seen.steps.contains({row.from, row.to}));
    }
    CHECK(seen.steps.size() == lifecycle_rows.size() - 1);
    for (const auto& [stage, call, why] : refusals_to_see()) {
        INFO(name_of(call) << " in " << name_of(stage) << ": " << name_of(why));
        CHECK(seen.refusals.contains({stage, call, why}));
    }
    for (const Stage stage : all_stages) {
        if (stage == Stage::unknown) continue;
        for (int call = 0; call < call_count; ++call) {
            INFO(name_of(static_cast<Call>(call)) << " in " << name_of(stage));
            CHECK(seen.calls.contains({stage, static_cast<Call>(call)}));
        }
        for (const Stage target : all_stages) {
            INFO("advance from " << name_of(stage) << " to " << name_of(target));
            CHECK(seen.advances.contains({stage, target}));
        }
        CHECK(seen.advances.contains({stage, std::nullopt}));
    }
    for (const AlphaMode mode : {AlphaMode::hold, AlphaMode::up, AlphaMode::down}) {
        CHECK(seen.ramps.contains({BlendAlgorithm::gate, AlphaCurve::linear, mode}));
        for (const auto algorithm : {BlendAlgorithm::add, BlendAlgorithm::multiply}) {
            for (const auto curve : {AlphaCurve::linear, AlphaCurve::cosine, AlphaCurve::sigmoid}) {
                CHECK(seen.ramps.contains({algorithm, curve, mode}));
            }
        }
    }
    for (const AlphaMode mode : {AlphaMode::up, AlphaMode::down}) {
        CHECK_FALSE(seen.ramps.contains({BlendAlgorithm::gate, AlphaCurve::cosine, mode}));
    }
    CHECK(seen.restored == std::set<std::pair<AlphaMode, bool>>{{AlphaMode::hold, false},
                                                                {AlphaMode::up, false},
                                                                {AlphaMode::down, false},
                                                                {AlphaMode::down, true}});
    CHECK(seen.longest_history == 100);
    CHECK(seen.thawed_early > 0);
    CHECK(seen.reasons.size() == std::size(prune_reasons));
}

TEST_CASE("a slot does what the model of the lifecycle says, on any sequence of operations",
          "[L-1][L-4][L-5][L-7][L-8][L-9][A-1][A-2][A-3][A-4][A-6][A-9][A-10][I-3][I-6][I-8][S-1]"
          "[S-2][S-3][S-4][S-5][S-6][S-7][S-8][S-10][S-12][G-9][G-10][J-1][A-8][I-9][C-8][E-2]") {
    const std::uint64_t first = number_from_environment("KASMINA_SLOT_MODEL_SEED", 1);
    const std::uint64_t enough = number_from_environment("KASMINA_SLOT_MODEL_OPERATIONS", 120000);
    const LifecycleModel model;
    Coverage seen;
    for (std::uint64_t seed = first; seen.operations < enough; ++seed) {
        const Sequence sequence = OperationSource(seed).sequence(sequence_length);
        if (const auto parting = find_parting(sequence, model, &seen)) {
            FAIL(report_of(seed, sequence, *parting, model));
        }
    }
    CHECK(seen.operations >= enough);
    if (first == 1 && enough >= 100000) check_coverage(seen);
}

/// The first sequence on which slot and model part, shrunk.
Sequence shrink_first_parting(const LifecycleModel& model) {
    for (std::uint64_t seed = 1; seed < 1000; ++seed) {
        const Sequence sequence = OperationSource(seed).sequence(sequence_length);
        if (const auto parting = find_parting(sequence, model)) {
            return shrink_parting(sequence, parting->operation, model);
        }
    }
    return {};
}

TEST_CASE("a model that believes holding cannot be pruned is told so in five operations",
          "[L-1][S-4]") {
    LifecycleModel wrong;
    std::erase_if(wrong.table, [](const LifecycleRow& row) {
        return row.from == Stage::holding && row.to == Stage::pruned;
    });
    const Sequence shrunk = shrink_first_parting(wrong);
    INFO(text_of(shrunk));
    REQUIRE(shrunk.size() == 5);
    CHECK(test::text_of(shrunk[0]) ==
          "germinate norm tempo=1 alpha_target=1 curve=linear steepness=12");
    for (const std::size_t i : {1U, 2U, 3U}) CHECK(test::text_of(shrunk[i]) == "advance");
    CHECK((shrunk[4].call == Call::prune || shrunk[4].call == Call::schedule_prune));
    CHECK(find_parting(shrunk, wrong)->operation == 4);
    CHECK_FALSE(find_parting(shrunk, LifecycleModel{}).has_value());
}

TEST_CASE("a model with a longer cooldown is told so in two operations", "[S-7]") {
    LifecycleModel wrong;
    wrong.cooldown_beside_embargo = 3;
    const Sequence shrunk = shrink_first_parting(wrong);
    INFO(text_of(shrunk));
    REQUIRE(shrunk.size() == 2);
    CHECK(shrunk[0].call == Call::germinate);
    CHECK((shrunk[1].call == Call::prune || shrunk[1].call == Call::schedule_prune));
}

TEST_CASE("shrinking leaves what the failure needs, as simple as it can be", "[slot]") {
    const auto fails = [](const std::vector<int>& numbers) {
        int large = 0;
        for (const int number : numbers) large += number >= 10 ? 1 : 0;
        return large >= 2;
    };
    const auto less = [](int number) {
        return number > 0 ? std::vector<int>{number / 2, number - 1} : std::vector<int>{};
    };
    const std::vector<int> numbers{1, 93, 4, 5, 17, 8, 80, 2, 33};
    CHECK(shrink(numbers, fails, less) == std::vector<int>{10, 10});
}

}  // namespace
}  // namespace kasmina::test::slot_model_test
