// PyTorch's schedules: the factor of a rate after so many epochs or steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>
#include <utility>

#include <kasmina/check_option.hpp>
#include <kasmina/train/schedule.hpp>

namespace kasmina::train {

/// torch.optim.lr_scheduler.StepLR: times `gamma` after each `step_size`.
struct StepSchedule {
    std::int64_t step_size = 1;
    double gamma = 0.1;

    /// Errors: OptionError for a step size below 1 or a gamma that is not positive.
    void check() const {
        check_option("train::StepSchedule", "step_size", static_cast<double>(step_size),
                     OptionRange::at_least(1.0));
        check_option("train::StepSchedule", "gamma", gamma, OptionRange::above(0.0));
    }
    /// Errors: as `check`.
    [[nodiscard]] double after(std::int64_t count) const {
        check();
        return std::pow(gamma, static_cast<double>(count / step_size));
    }
};

/// CosineAnnealingLR: from 1 to `lowest` (eta_min as a share of the rate) in `total` (T_max), and
/// back in as many again.
struct CosineAnnealing {
    std::int64_t total = 1;
    double lowest = 0.0;

    /// Errors: OptionError for a total below 1 or a lowest outside [0, 1].
    void check() const {
        check_option("train::CosineAnnealing", "total", static_cast<double>(total),
                     OptionRange::at_least(1.0));
        check_option("train::CosineAnnealing", "lowest", lowest,
                     OptionRange::at_least(0.0).at_most(1.0));
    }
    /// Errors: as `check`.
    [[nodiscard]] double after(std::int64_t count) const {
        check();
        return CosineSchedule{lowest}(static_cast<double>(count) / static_cast<double>(total));
    }
};

/// LinearLR: from `start_factor` to `end_factor` in `total` (total_iters), and then that.
struct LinearSchedule {
    std::int64_t total = 5;
    double start_factor = 1.0 / 3.0;
    double end_factor = 1.0;

    /// Errors: OptionError for a total below 1, a start that is not positive or a negative end.
    void check() const {
        check_option("train::LinearSchedule", "total", static_cast<double>(total),
                     OptionRange::at_least(1.0));
        check_option("train::LinearSchedule", "start_factor", start_factor,
                     OptionRange::above(0.0));
        check_option("train::LinearSchedule", "end_factor", end_factor, OptionRange::at_least(0.0));
    }
    /// Errors: as `check`.
    [[nodiscard]] double after(std::int64_t count) const {
        check();
        const double done =
            static_cast<double>(std::min(count, total)) / static_cast<double>(total);
        return start_factor + (end_factor - start_factor) * done;
    }
};

/// OneCycleLR: the rate is the highest (max_lr), from which it begins below, rises and falls far
/// below where it began. Momentum stays as it is (cycle_momentum=False). After `total` steps the
/// last factor stays, where PyTorch has an error.
struct OneCycle {
    enum class Anneal : std::uint8_t { cosine, linear };

    std::int64_t total = 2;          ///< total_steps
    double rising = 0.3;             ///< share of the steps in which it rises (pct_start)
    double div_factor = 25.0;        ///< the rate over the first one
    double final_div_factor = 1e4;   ///< the first rate over the last one
    Anneal anneal = Anneal::cosine;  ///< anneal_strategy
    bool three_phase = false;        ///< falls as long as it has risen, and then to the end

    /// Errors: OptionError for a total below 2, a share outside [0, 1] or a divisor below
    /// 1e-30.
    void check() const {
        constexpr double least = 1e-30;  // rates are numbers that can be counted with
        check_option("train::OneCycle", "total", static_cast<double>(total),
                     OptionRange::at_least(2.0));
        check_option("train::OneCycle", "rising", rising, OptionRange::at_least(0.0).at_most(1.0));
        check_option("train::OneCycle", "div_factor", div_factor, OptionRange::at_least(least));
        check_option("train::OneCycle", "final_div_factor", final_div_factor,
                     OptionRange::at_least(least));
    }
    /// Errors: as `check`.
    [[nodiscard]] double after(std::int64_t count) const {
        check();
        const double first = 1.0 / div_factor;
        const double last = first / final_div_factor;
        const double step = static_cast<double>(std::min(count, total - 1));
        const double end = static_cast<double>(total - 1);
        const double top = rising * static_cast<double>(total) - 1.0;
        if (step <= top) return between(first, 1.0, top > 0.0 ? step / top : 1.0);
        if (!three_phase) return between(1.0, last, (step - top) / (end - top));
        const double down = 2.0 * rising * static_cast<double>(total) - 2.0;
        if (step <= down) return between(1.0, first, (step - top) / (down - top));
        return between(first, last, (step - down) / (end - down));
    }

private:
    [[nodiscard]] double between(double from, double to, double done) const {
        if (anneal == Anneal::linear) return from + (to - from) * done;
        return to + (from - to) / 2.0 * (1.0 + std::cos(std::numbers::pi * done));
    }
};

/// SequentialLR of a LinearSchedule and another: first that for its `total`, and then `then`, which
/// counts from there.
template <CountedSchedule Then>
struct WarmUp {
    LinearSchedule warm_up{};
    Then then{};

    /// Errors: those of both.
    void check() const {
        warm_up.check();
        if constexpr (requires { then.check(); }) then.check();
    }
    [[nodiscard]] double after(std::int64_t count) const {
        return count < warm_up.total ? warm_up.after(count) : then.after(count - warm_up.total);
    }
};

template <CountedSchedule Then>
WarmUp(LinearSchedule, Then) -> WarmUp<Then>;

/// A schedule that counts steps of the optimiser, and not epochs.
template <CountedSchedule S>
struct EachStep {
    static constexpr bool counts_steps = true;

    S schedule{};

    /// Errors: those of the schedule.
    void check() const {
        if constexpr (requires { schedule.check(); }) schedule.check();
    }
    [[nodiscard]] double after(std::int64_t count) const { return schedule.after(count); }
};

template <CountedSchedule S>
EachStep(S) -> EachStep<S>;

}  // namespace kasmina::train
