// A slot in a forward pass: the host's features with the seed's influence.
#pragma once

#include <utility>

#include <kasmina/slot/refusals.hpp>
#include <kasmina/slot/seed_forward.hpp>
#include <kasmina/slot/slot_base.hpp>

namespace kasmina {

template <class B, class Policies>
class SlotForward : public SlotBase<B, Policies> {
    using Base = SlotBase<B, Policies>;

public:
    using Base::Base;

    /// Whether a forward pass has anything to do here; an override of 0 skips the seed.
    [[nodiscard]] bool runs(bool recording, const AlphaOverride* override_alpha) const noexcept {
        const Stage stage = this->stage();
        if (!is_active(stage)) return false;
        if (override_alpha != nullptr) return !override_alpha->all_zero();
        return slot_detail::runs(stage, this->alpha(), this->live_seed()->is_taught(), recording);
    }

    /// Whether the seed in it learns in passes of its own behind the host's, now (I-9).
    [[nodiscard]] bool teaches() const noexcept {
        return this->stage() == Stage::training && this->live_seed()->is_taught();
    }

    /// Whether what an active seed makes of a position depends on that one alone, and on earlier
    /// ones as far as a pass's key-value cache holds them. A gate looks at the mean of all.
    [[nodiscard]] bool one_position_at_a_time() const noexcept {
        const auto* live = this->live_seed();
        return live != nullptr && live->module().one_position_at_a_time() &&
               live->blend().algorithm != BlendAlgorithm::gate;
    }

    /// Orders that the amplitude of now is where recorded steps read it.
    void set_recorded_amplitude(typename B::Context& context)
        requires RecordingBackend<B>
    {
        auto* live = this->live_seed();
        if (live != nullptr) live->recorded_amplitude.set(context, this->alpha());
    }

    /// Where steps read the amplitude of now; null where it is an argument of theirs.
    [[nodiscard]] const void* recorded_amplitude() const noexcept
        requires RecordingBackend<B>
    {
        const auto* live = this->live_seed();
        if (live == nullptr) return nullptr;
        const Tensor<B>* amplitude = live->recorded_amplitude.find(this->alpha());
        return amplitude == nullptr ? nullptr : amplitude->data();
    }

    /// Errors: OptionError for an override above 0 without an active seed, or with neither one
    /// value nor one per sample.
    void check_override(const AlphaOverride& chosen, Index samples) const {
        slot_detail::check_override(this->where(), this->stage(), chosen, samples);
    }

    /// The host's features with the seed's influence (S-10): the features themselves while there
    /// is none, the straight-through of a seed in training (I-2), else the blend. `override_alpha`
    /// replaces the amplitude of an active seed, also of one in training, that otherwise does not
    /// touch the output; exactly 0 does not run the seed at all. Errors: OptionError for an
    /// override above 0 of any other slot, or one value per sample for another number of samples;
    /// StateError in a pass behind a cache for a seed that does not take one position at a time.
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& host,
                                      const AlphaOverride* override_alpha = nullptr) const;

    /// The host's features with the seed in training at its target amplitude: its own lesson (I-9).
    /// Errors: LifecycleError unless `teaches()`.
    [[nodiscard]] Variable<B> forward_taught(Pass<B>& pass, const Variable<B>& host) const {
        if (!teaches()) slot_detail::throw_not_taught(this->where(), this->stage());
        return slot_detail::forward_taught(pass, *this->live_seed(), host);
    }
};

template <class B, class Policies>
auto SlotForward<B, Policies>::forward(Pass<B>& pass, const Variable<B>& host,
                                       const AlphaOverride* override_alpha) const -> Variable<B> {
    if (override_alpha != nullptr) check_override(*override_alpha, host.shape()[0]);
    if (!runs(pass.recording(), override_alpha)) return host;
    if (pass.cache() != nullptr && !one_position_at_a_time()) {
        slot_detail::throw_sees_all_positions(this->where());
    }
    const auto& live = *this->live_seed();
    const Stage stage = this->stage();
    if (override_alpha != nullptr) {
        return slot_detail::forward_overridden(pass, live, host, *override_alpha);
    }
    return slot_detail::forward_in_stage(pass, stage, this->alpha(), live, host);
}

}  // namespace kasmina
