// PyTorch's schedules, by what it records; and a trainer that asks them once an epoch or step.
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <kasmina/policy/idle_controller.hpp>
#include <kasmina/train/schedules.hpp>
#include <kasmina/train/trainer.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "train/still_run.hpp"

namespace kasmina::schedules_test {
namespace {

using namespace train;

TEST_CASE("schedules are PyTorch's", "[N-6]") {
    const std::map<std::string, std::function<double(std::int64_t)>> cases{
        {"step",
         [](std::int64_t n) { return StepSchedule{.step_size = 7, .gamma = 0.3}.after(n); }},
        {"cosine",
         [](std::int64_t n) { return CosineAnnealing{.total = 30, .lowest = 0.05}.after(n); }},
        {"linear",
         [](std::int64_t n) {
             return LinearSchedule{.total = 12, .start_factor = 0.1, .end_factor = 0.9}.after(n);
         }},
        {"warm_up_cosine",
         [](std::int64_t n) {
             return WarmUp{LinearSchedule{.total = 6, .start_factor = 0.25},
                           CosineAnnealing{.total = 34}}
                 .after(n);
         }},
        {"one_cycle", [](std::int64_t n) { return OneCycle{.total = 40}.after(n); }},
        {"one_cycle_linear",
         [](std::int64_t n) {
             return OneCycle{.total = 40,
                             .rising = 0.4,
                             .div_factor = 10.0,
                             .final_div_factor = 100.0,
                             .anneal = OneCycle::Anneal::linear}
                 .after(n);
         }},
        {"one_cycle_three_phase", [](std::int64_t n) {
             return OneCycle{.total = 40, .rising = 0.35, .three_phase = true}.after(n);
         }}};
    CHECK(test::golden_cases("schedule/").size() == cases.size());
    for (const auto& [name, after] : cases) {
        CAPTURE(name);
        const auto golden = test::read_golden("schedule/" + name);
        const auto& rates = golden.at("rates");
        std::vector<double> ours;
        for (std::size_t n = 0; n < rates.values.size(); ++n) {
            ours.push_back(after(static_cast<std::int64_t>(n)));
        }
        CHECK(test::relative_error(std::span<const double>(ours), rates) < 1e-13);
    }
}

TEST_CASE("schedules are defined at their edges and refuse what they cannot be", "[N-6][E-2]") {
    CHECK(OneCycle{.total = 40}.after(99) == OneCycle{.total = 40}.after(39));
    CHECK(OneCycle{.total = 2, .rising = 0.5}.after(0) == 1.0);
    CHECK(OneCycle{.total = 4, .rising = 1.0}.after(3) == 1.0);
    CHECK(LinearSchedule{}.after(100) == 1.0);
    CHECK_THROWS_AS(OneCycle{.total = 1}.check(), OptionError);
    CHECK_THROWS_AS((OneCycle{.total = 4, .rising = 1.5}.check()), OptionError);
    CHECK_THROWS_AS((OneCycle{.total = 4, .div_factor = 1e-320}.check()), OptionError);
    CHECK_THROWS_AS(StepSchedule{.step_size = 0}.check(), OptionError);
    CHECK_THROWS_AS(LinearSchedule{.total = 0}.check(), OptionError);
    CHECK_THROWS_AS(CosineAnnealing{.total = 0}.check(), OptionError);
    CHECK_THROWS_AS((WarmUp{LinearSchedule{.total = 0}, OneCycle{}}.check()), OptionError);
    CHECK_THROWS_AS((EachStep{StepSchedule{.gamma = 0.0}}.check()), OptionError);
    // Nor do they count by what they cannot be, where nobody has asked for a check.
    CHECK_THROWS_AS(StepSchedule{.step_size = 0}.after(3), OptionError);
    CHECK_THROWS_AS(LinearSchedule{.total = 0}.after(0), OptionError);
    CHECK_THROWS_AS(CosineAnnealing{.total = 0}.after(0), OptionError);
    CHECK_THROWS_AS(OneCycle{.total = 1}.after(0), OptionError);
    static_assert(CountedSchedule<OneCycle> && !Schedule<OneCycle>);
    static_assert(counts_steps<EachStep<OneCycle>> && !counts_steps<OneCycle>);
    static_assert(!RateSchedule<int>);
}

/// Does something behind each step.
template <class F>
struct Behind {
    const F& f;

    void operator()(const StepResult&) const {}
    void after_step() const { f(); }
};

TEST_CASE("a trainer asks a schedule once an epoch, or before each step", "[N-6]") {
    using B = test::StillBackend;
    B::Context context;
    const auto batches = examples::stripes<B>(context, 3, 5);
    const auto rates_with = [&](auto schedule) {
        auto model = test::still_model(context);
        LearnerOptions<optim::SgdRule> options{.host = {.learning_rate = 0.5},
                                               .seeds = {.learning_rate = 0.25}};
        Trainer trainer(model, std::span(batches), std::span(batches), options, IdleController{},
                        {.epochs = 2}, train::CrossEntropy{}, schedule);
        std::vector<double> rates;
        const auto note = [&] {
            const auto& optimiser = trainer.learner().optimiser();
            rates.push_back(optimiser.options(LearnerGroups::host_group).learning_rate);
            CHECK(optimiser.options(LearnerGroups::seed_group).learning_rate == rates.back() / 2.0);
        };
        trainer.run(
            model, [](const EpochResult&) {}, Behind<decltype(note)>{note});
        return rates;
    };
    const StepSchedule halves{.step_size = 1, .gamma = 0.5};
    CHECK(rates_with(halves) == std::vector<double>{0.5, 0.5, 0.5, 0.25, 0.25, 0.25});
    CHECK(rates_with(EachStep{halves}) ==
          std::vector<double>{0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625});
    CHECK_THROWS_AS(rates_with(StepSchedule{.step_size = 0}), OptionError);
}

}  // namespace
}  // namespace kasmina::schedules_test
