// A slot's epoch: ramps, scheduled prunes, the cooldown and auto-forward (spec S-7, G-9).
#pragma once

#include <utility>

#include <kasmina/code_size.hpp>
#include <kasmina/slot/slot_lifecycle.hpp>

namespace kasmina {

template <class B, class Policies>
class SlotTick : public SlotLifecycle<B, Policies> {
    using Base = SlotLifecycle<B, Policies>;

public:
    using Base::Base;

    /// One epoch (S-7): counts it in the stage (L-8), ticks a ramp, completes a scheduled prune,
    /// runs the cooldown, then tries the gates of auto-forward. At most one change of stage.
    KASMINA_RARE TickResult step_epoch();

private:
    using Live = slot_detail::LiveSeed<B>;
    using Blending = slot_detail::Blending<B>;

    /// Counts the tick before it may end the stage, so that each stage knows its length.
    void tick_cooldown();

    /// True when this tick ended a ramp.
    bool tick_alpha();

    /// A blending that begins here gets this epoch's tick, so that no epoch passes at amplitude 0
    /// (I-8). True when that tick ended the ramp.
    bool auto_forward();
};

template <class B, class Policies>
TickResult SlotTick<B, Policies>::step_epoch() {
    const Stage from = this->stage();
    TickResult result{.from = from, .to = from};
    if (Live* live = this->live_seed()) {
        if (is_active(from)) result.notice = live->take_notice(this->name_, from);
        ++live->record.metrics.epochs_in_stage;
        ++live->record.metrics.epochs_total;
        result.ramp_ended = tick_alpha();
    } else if (from != Stage::dormant) {
        tick_cooldown();
    }
    if (this->stage() == from && auto_forward()) result.ramp_ended = true;
    result.to = this->stage();
    return result;
}

template <class B, class Policies>
void SlotTick<B, Policies>::tick_cooldown() {
    ++this->mutable_record()->metrics.epochs_in_stage;
    if (auto* embargoed = this->state_.template get_if<slot_detail::Embargoed>()) {
        if (--embargoed->ticks_left <= 0) this->template go<slot_detail::Resetting>();
    } else if (this->state_.template holds<slot_detail::Pruned>()) {
        this->template go<slot_detail::Embargoed>();
    } else {
        this->template go<slot_detail::Dormant>();
    }
}

template <class B, class Policies>
bool SlotTick<B, Policies>::tick_alpha() {
    Blending* blending = this->state_.template get_if<Blending>();
    if (blending == nullptr || !blending->alpha.tick()) return false;
    slot_detail::thaw(*blending);
    if (blending->scheduled_prune && blending->alpha.alpha() == 0.0) {
        ScheduledPrune due = std::move(*blending->scheduled_prune);
        this->prune(std::move(due.reason), std::move(due.initiator));
    }
    return true;
}

template <class B, class Policies>
bool SlotTick<B, Policies>::auto_forward() {
    const AutoForward& wanted = this->options_.auto_forward;
    const Stage now = this->stage();
    const bool tries = (now == Stage::germinated && wanted.g1) ||
                       (now == Stage::training && wanted.g2) ||
                       (now == Stage::blending && wanted.g3);
    if (!tries) return false;
    const int wait = this->services_->gates.thresholds.min_blending_epochs;
    const bool waits = now == Stage::training ||
                       (now == Stage::blending && Policies::Gates::template strict<Gate::g3>);
    if (waits && this->record()->metrics.epochs_in_stage < wait) return false;
    const auto* blending = this->state_.template get_if<Blending>();
    if (blending != nullptr && blending->scheduled_prune) return false;
    return this->advance().advanced && this->stage() == Stage::blending && tick_alpha();
}

}  // namespace kasmina
