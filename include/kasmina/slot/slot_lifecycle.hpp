// What moves a seed on: advances, prunes and changes of its amplitude (spec S-2, S-4 to S-6).
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <kasmina/code_size.hpp>
#include <kasmina/slot/slot_measurements.hpp>

namespace kasmina {

template <class B, class Policies>
class SlotLifecycle : public SlotMeasurements<B, Policies> {
    using Base = SlotMeasurements<B, Policies>;

public:
    using Base::Base;

    /// Tries the forward step, or `target` where given: the gate is asked, the decision agreed
    /// on, and on success acted on (S-2). Errors: LifecycleError when there is no forward step
    /// from here or `target` is not it; no gate is asked then.
    KASMINA_RARE AdvanceResult advance(std::optional<Stage> target = std::nullopt);

    /// The gate's verdict on the forward step, with nothing changed. Errors: as `advance`.
    [[nodiscard]] KASMINA_RARE GateResult ask_gate() const;

    /// Removes the seed at once and frees its module; the record stays for the cooldown (S-4).
    /// In the cooldown already: refused with that reason, nothing changed. Errors:
    /// LifecycleError for a dormant or fossilized slot.
    KASMINA_RARE Outcome prune(std::string reason, std::string initiator = "user");

    /// Ramps alpha down to 0 over `steps` ticks with the seed frozen (I-6), then prunes on the
    /// tick that gets there (S-5). Prunes at once with fewer than 1 step, at alpha 0 already, and
    /// outside blending and holding. Refused, with the reason, while a ramp is under way. Errors:
    /// as `prune`; OptionError for a curve that does not exist or a steepness that is not finite.
    KASMINA_RARE Outcome schedule_prune(int steps, AlphaCurve curve, double steepness,
                                        std::string reason, std::string initiator = "user");

    /// Ramps alpha to `target` in (0, 1]; from holding a target below 1 goes back to blending
    /// (S-6). `algorithm` changes the blend: to gate makes a gate network, away from it drops it.
    /// Refused, with the reason, outside blending and holding and while a ramp is under way.
    /// Errors: OptionError for a target outside (0, 1], a curve or an algorithm that does not
    /// exist, or a steepness that is not finite.
    KASMINA_RARE Outcome set_alpha_target(double target, int steps,
                                          AlphaCurve curve = AlphaCurve::sigmoid,
                                          double steepness = default_steepness,
                                          std::optional<BlendAlgorithm> algorithm = std::nullopt);

private:
    using Training = slot_detail::Training<B>;
    using Blending = slot_detail::Blending<B>;
    using Holding = slot_detail::Holding<B>;
    using Fossilized = slot_detail::Fossilized<B>;

    /// Errors: LifecycleError without a forward step from here, or with another target.
    [[nodiscard]] KASMINA_RARE Stage forward_step(std::optional<Stage> target) const;

    [[nodiscard]] bool blends_or_holds() const noexcept {
        return this->stage() == Stage::blending || this->stage() == Stage::holding;
    }

    /// The blending stage, entered from holding where the seed is there.
    [[nodiscard]] Blending& back_to_blending() {
        if (this->stage() == Stage::holding) this->template go<Blending>();
        return *this->state_.template get_if<Blending>();
    }

    /// Linear for a seed with a gate network, whatever was asked for.
    [[nodiscard]] AlphaCurve ramp_curve(AlphaCurve asked) const noexcept {
        const bool gated = this->live_seed()->blend().algorithm == BlendAlgorithm::gate;
        return gated ? AlphaCurve::linear : asked;
    }
};

template <class B, class Policies>
AdvanceResult SlotLifecycle<B, Policies>::advance(std::optional<Stage> target) {
    const Stage from = this->stage();
    const Stage to = forward_step(target);
    AdvanceResult result = this->decide(*gate_of(from, to), this->evidence(), from, to);
    this->send([&] { return telemetry_events::gate_evaluated(this->context(), result.gate); });
    if (!result.advanced) return result;
    switch (to) {
        case Stage::training: this->template go<Training>(); break;
        case Stage::blending: this->template go<Blending>(); break;
        case Stage::holding: this->template go<Holding>(); break;
        case Stage::fossilized: this->template go<Fossilized>(); break;
        default: break;
    }
    if (to == Stage::fossilized) {
        this->send([this] { return telemetry_events::fossilized(this->context()); });
    }
    return result;
}

template <class B, class Policies>
GateResult SlotLifecycle<B, Policies>::ask_gate() const {
    const Stage from = this->stage();
    const Stage to = forward_step(std::nullopt);
    return this->services_->checked_gates().evaluate(*gate_of(from, to), this->evidence());
}

template <class B, class Policies>
Outcome SlotLifecycle<B, Policies>::prune(std::string reason, std::string initiator) {
    const Stage from = this->stage();
    if (is_failure(from)) return {false, slot_detail::pruned_before(from)};
    check_transition(from, Stage::pruned, this->where());
    this->mutable_record()->metrics.record_prune(reason);
    const bool automatic = this->record()->metrics.auto_pruned;
    this->template go<slot_detail::Pruned>();
    this->send([&] {
        return telemetry_events::pruned(this->context(), from, reason, initiator, automatic);
    });
    return {true, {}};
}

template <class B, class Policies>
Outcome SlotLifecycle<B, Policies>::schedule_prune(int steps, AlphaCurve curve, double steepness,
                                                   std::string reason, std::string initiator) {
    slot_detail::check_ramp(this->where(), curve, steepness);
    if (!blends_or_holds() || steps < 1 || this->alpha() == 0.0) {
        return prune(std::move(reason), std::move(initiator));
    }
    const AlphaController& controller = *slot_detail::controller_of(this->state_);
    if (!controller.holds()) return {false, slot_detail::ramp_under_way(controller)};
    Blending& blending = back_to_blending();
    blending.alpha.retarget(0.0, steps, ramp_curve(curve), steepness);
    blending.scheduled_prune = ScheduledPrune{std::move(reason), std::move(initiator)};
    slot_detail::freeze(blending);
    return {true, {}};
}

template <class B, class Policies>
Outcome SlotLifecycle<B, Policies>::set_alpha_target(double target, int steps, AlphaCurve curve,
                                                     double steepness,
                                                     std::optional<BlendAlgorithm> algorithm) {
    slot_detail::check_alpha_target(this->where(), target);
    slot_detail::check_ramp(this->where(), curve, steepness);
    if (algorithm) reflect::check_enumerator(*algorithm, "algorithm", this->where());
    if (!blends_or_holds()) return {false, slot_detail::nothing_to_ramp(this->stage())};
    const AlphaController& controller = *slot_detail::controller_of(this->state_);
    if (!controller.holds()) return {false, slot_detail::ramp_under_way(controller)};
    if (algorithm) {
        this->live_seed()->set_algorithm(this->backend_context(), *algorithm,
                                         this->services_->generator);
    }
    if (target == 1.0 && this->stage() == Stage::holding) return {true, {}};  // it is at 1
    Blending& blending = back_to_blending();
    blending.alpha.retarget(target, steps, ramp_curve(curve), steepness);
    if (blending.alpha.mode() == AlphaMode::down) slot_detail::freeze(blending);
    return {true, {}};
}

template <class B, class Policies>
auto SlotLifecycle<B, Policies>::forward_step(std::optional<Stage> target) const -> Stage {
    const Stage from = this->stage();
    const std::optional<Stage> next = next_stage(from);
    if (!next || (target && *target != *next) || from == Stage::dormant) {
        slot_detail::throw_not_forward(this->where(), from, next, target);
    }
    return *next;
}

}  // namespace kasmina
