// SlotView: everything an observer can know of a slot, as one value; and what a call answered.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/alpha/controller.hpp>
#include <kasmina/lifecycle/gate.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/statistics/estimate.hpp>

namespace kasmina::test {

/// One transition as a history keeps it.
struct ViewedEntry {
    Stage from = Stage::unknown;
    Stage to = Stage::unknown;
    int epochs = 0;
    friend bool operator==(const ViewedEntry&, const ViewedEntry&) = default;
};

/// Filled from a slot, and by the model from its own beliefs. The values that are not said are
/// those of a dormant slot.
struct SlotView {
    Stage stage = Stage::dormant;
    bool has_record = false;
    bool active = false;
    std::optional<Stage> previous_stage{};
    std::string seed_id{};
    std::string blueprint{};
    BlendAlgorithm algorithm = BlendAlgorithm::add;
    double alpha = 0.0;
    double start = 0.0;
    double target = 0.0;
    AlphaMode mode = AlphaMode::hold;
    AlphaCurve curve = AlphaCurve::linear;
    double steepness = 12.0;
    int steps_total = 0;
    int steps_done = 0;
    int time_to_target = 0;
    bool isolated = false;
    bool blending_out = false;
    bool prune_scheduled = false;
    int cooldown_ticks_left = 0;
    std::string trainable{};  ///< 1 or 0 per tensor, the gate network's last
    int parameters = 0;       ///< in tensors that are there
    int seed_parameters = 0;  ///< as counted at germination and with the gate network
    int host_parameters = 0;
    int epochs_total = 0;
    int epochs_in_stage = 0;
    std::optional<double> initial_score{};
    std::optional<double> current_score{};
    std::optional<double> best_score{};
    std::optional<double> score_at_stage_start{};
    std::optional<double> score_at_blending_start{};
    double total_improvement = 0.0;
    double improvement_since_stage_start = 0.0;
    double blending_delta = 0.0;
    bool teaches = false;           ///< it learns in passes of its own (I-9)
    bool runs_recording = false;    ///< in a pass that records
    bool runs_evaluating = false;   ///< in one that does not
    bool runs_overridden = false;   ///< with an override of 0.5 (A-8)
    bool accepts_override = false;  ///< the same, or it is refused
    double target_amplitude = 0.0;
    std::optional<double> dependence{};
    std::optional<double> readiness{};
    int readiness_count = 0;
    bool readiness_has_error = false;
    std::size_t leads = 0;
    std::optional<double> contribution{};
    int contribution_count = 0;
    bool contribution_has_error = false;
    judge::MeasureKind contribution_by = judge::MeasureKind::none;
    std::optional<double> previous_contribution{};
    double contribution_velocity = 0.0;
    std::optional<double> gradient_ratio{};
    double gradient_norm_average = 0.0;
    std::optional<double> health{};
    bool vanishing = false;
    bool exploding = false;
    double interaction_sum = 0.0;
    double boost_received = 0.0;
    double upstream = 0.0;
    double downstream = 0.0;
    bool auto_pruned = false;
    std::string prune_reason{};
    std::size_t history_length = 0;
    ViewedEntry history_first{};
    ViewedEntry history_last{};
    std::array<int, 5> gates_asked{};  ///< how often G0, G1, G2, G3, G5 were asked so far

    using Fields = reflect::List<
        &SlotView::stage, &SlotView::has_record, &SlotView::active, &SlotView::previous_stage,
        &SlotView::seed_id, &SlotView::blueprint, &SlotView::algorithm, &SlotView::alpha,
        &SlotView::start, &SlotView::target, &SlotView::mode, &SlotView::curve,
        &SlotView::steepness, &SlotView::steps_total, &SlotView::steps_done,
        &SlotView::time_to_target, &SlotView::isolated, &SlotView::blending_out,
        &SlotView::prune_scheduled, &SlotView::cooldown_ticks_left, &SlotView::trainable,
        &SlotView::parameters, &SlotView::seed_parameters, &SlotView::host_parameters,
        &SlotView::epochs_total, &SlotView::epochs_in_stage, &SlotView::initial_score,
        &SlotView::current_score, &SlotView::best_score, &SlotView::score_at_stage_start,
        &SlotView::score_at_blending_start, &SlotView::total_improvement,
        &SlotView::improvement_since_stage_start, &SlotView::blending_delta, &SlotView::teaches,
        &SlotView::runs_recording, &SlotView::runs_evaluating, &SlotView::runs_overridden,
        &SlotView::accepts_override, &SlotView::target_amplitude, &SlotView::dependence,
        &SlotView::readiness, &SlotView::readiness_count, &SlotView::readiness_has_error,
        &SlotView::leads, &SlotView::contribution, &SlotView::contribution_count,
        &SlotView::contribution_has_error, &SlotView::contribution_by,
        &SlotView::previous_contribution, &SlotView::contribution_velocity,
        &SlotView::gradient_ratio, &SlotView::gradient_norm_average, &SlotView::health,
        &SlotView::vanishing, &SlotView::exploding, &SlotView::interaction_sum,
        &SlotView::boost_received, &SlotView::upstream, &SlotView::downstream,
        &SlotView::auto_pruned, &SlotView::prune_reason, &SlotView::history_length,
        &SlotView::history_first, &SlotView::history_last, &SlotView::gates_asked>;

    friend bool operator==(const SlotView&, const SlotView&) = default;
};

/// What became of a call.
enum class Verdict : std::uint8_t {
    done,
    gate_refused,
    refused,
    lifecycle_error,
    option_error,
    numeric_error,
    unknown_name_error,
    another_error,
};

/// The answer of a call; what a call does not tell keeps its neutral value.
struct SlotAnswer {
    Verdict verdict = Verdict::done;
    std::optional<Gate> gate{};   ///< the gate that was asked
    std::optional<Stage> from{};  ///< of an advance, a germination, a tick
    std::optional<Stage> to{};
    bool ramp_ended = false;
    std::string text{};  ///< the error's text, or why the call was refused
};

namespace view_detail {

template <class T>
void write(std::ostream& out, const T& value) {
    if constexpr (requires { value.has_value(); }) {
        if (value) {
            write(out, *value);
        } else {
            out << "nothing";
        }
    } else if constexpr (requires { value.epochs; }) {
        out << name_of(value.from) << " to " << name_of(value.to) << " after " << value.epochs;
    } else if constexpr (
        requires {
            value.size();
            value.front() + 1;
        } && !requires { out << value; }) {
        for (const auto& element : value) out << element << ' ';
    } else if constexpr (requires { name_of(value); }) {
        out << name_of(value);
    } else if constexpr (std::is_enum_v<T>) {
        out << static_cast<int>(value);
    } else {
        out << value;
    }
}

template <class T>
bool same(const T& expected, const T& seen) {
    return expected == seen;
}
inline bool same(double expected, double seen) {
    return expected == seen ||
           std::abs(expected - seen) <= 1e-12 * std::max(1.0, std::abs(expected));
}
inline bool same(const std::optional<double>& expected, const std::optional<double>& seen) {
    return expected.has_value() == seen.has_value() && (!expected || same(*expected, *seen));
}

}  // namespace view_detail

/// "alpha: expected 0.5, seen 0.25" of the first members that differ by more than 1e-12; empty when
/// none do. An alpha that is held is exact.
[[nodiscard]] inline std::string difference(const SlotView& expected, const SlotView& seen) {
    std::ostringstream text;
    text.precision(17);
    const auto note = [&](std::string_view name, const auto& wanted, const auto& found) {
        text << name << ": expected ";
        view_detail::write(text, wanted);
        text << ", seen ";
        view_detail::write(text, found);
        text << "; ";
    };
    reflect::for_each_field(expected, seen,
                            [&](std::string_view name, const auto& wanted, const auto& found) {
                                if (!view_detail::same(wanted, found)) note(name, wanted, found);
                            });
    if (expected.mode == AlphaMode::hold && expected.alpha != seen.alpha) {
        note("alpha (exactly)", expected.alpha, seen.alpha);
    }
    return text.str();
}

/// The same for answers; the model gives no text.
[[nodiscard]] inline std::string difference(const SlotAnswer& expected, const SlotAnswer& seen) {
    std::ostringstream text;
    const auto compare = [&](std::string_view name, const auto& wanted, const auto& found) {
        if (wanted == found) return;
        text << name << ": expected ";
        view_detail::write(text, wanted);
        text << ", seen ";
        view_detail::write(text, found);
        text << "; ";
    };
    compare("verdict", expected.verdict, seen.verdict);
    compare("gate", expected.gate, seen.gate);
    compare("from", expected.from, seen.from);
    compare("to", expected.to, seen.to);
    compare("ramp_ended", expected.ramp_ended, seen.ramp_ended);
    return text.str();
}

[[nodiscard]] constexpr std::string_view name_of(Verdict verdict) noexcept {
    constexpr std::string_view names[]{
        "done",        "gate refused", "refused",          "LifecycleError",
        "OptionError", "NumericError", "UnknownNameError", "another error"};
    return names[static_cast<int>(verdict)];
}

}  // namespace kasmina::test
