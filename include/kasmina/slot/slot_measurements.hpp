// What is measured of a seed and recorded in its slot.
#pragma once

#include <optional>
#include <span>

#include <kasmina/slot/slot_forward.hpp>

namespace kasmina {

template <class B, class Policies>
class SlotMeasurements : public SlotForward<B, Policies> {
    using Base = SlotForward<B, Policies>;

public:
    using Base::Base;

    /// Score of the whole network, in its unit; ignored without a live seed (S-12). Errors:
    /// NumericError when it is not finite.
    void record_score(double score) {
        slot_detail::check_finite(this->where(), score, "a score");
        if (Live* live = this->live_seed()) live->record.metrics.record_score(score);
    }

    /// How much the network leans on the seed: its gain over the same with the seed's amplitude at
    /// 0. Errors: NumericError when it is not finite; LifecycleError without a live seed.
    void record_dependence(double gain) {
        slot_detail::check_finite(this->where(), gain, "a dependence");
        require_live("record_dependence").record.metrics.dependence = gain;
    }

    /// What the seed in training would gain at its target amplitude, once per epoch (G-10).
    /// Errors: NumericError when it is not finite; LifecycleError unless the seed is in training.
    void record_readiness(double gain) {
        slot_detail::check_finite(this->where(), gain, "a readiness");
        require_stage("record_readiness", Stage::training).record.record_readiness(gain);
    }

    /// The network's lead over one without the seed, once per epoch at full amplitude: the
    /// contribution is the mean (J-1). Errors: NumericError when it is not finite; OptionError for
    /// no measure; LifecycleError unless the seed is held.
    void record_lead(double gain, judge::MeasureKind by = judge::MeasureKind::shadow) {
        slot_detail::check_finite(this->where(), gain, "a lead");
        slot_detail::check_measured(this->where(), {}, by);
        require_stage("record_lead", Stage::holding).record.record_lead(gain, by);
    }

    /// A contribution that was measured otherwise. Errors: NumericError when its value is not
    /// finite; OptionError for no measure, a count or a standard error below 0, or an error that is
    /// no number; LifecycleError without a live seed.
    void record_contribution(const judge::Estimate& contribution, judge::MeasureKind by) {
        slot_detail::check_finite(this->where(), contribution.value, "a contribution");
        slot_detail::check_measured(this->where(), contribution, by);
        require_live("record_contribution").record.metrics.record_contribution(contribution, by);
    }

    /// How the seed goes together with other blended seeds, in gains: the sum of its pairwise
    /// interactions, and the largest of them where one is above 0. Errors: NumericError
    /// when one is not finite; LifecycleError without a live seed.
    void record_interactions(double sum, double boost);

    /// The sums of the amplitudes in front of this slot and behind it; ignored without a live
    /// seed.
    void record_neighbours(double upstream, double downstream) noexcept {
        if (Live* live = this->live_seed()) {
            live->record.metrics.upstream_alpha_sum = upstream;
            live->record.metrics.downstream_alpha_sum = downstream;
        }
    }

    /// The seed's gradients next to the host's (I-4, I-7), from one backward pass.
    /// `seed_tensor_norms` are the probe's. `warm` says that the pass was not the first that
    /// reached the seed's learning parameters: the first one says nothing about health. A seed that
    /// was not measured keeps what it had; with a host that was not (frozen), there is no ratio.
    /// Does nothing without a live seed.
    void record_gradients(const GradientNorm& host, const GradientNorm& seed,
                          std::span<const double> seed_tensor_norms, bool warm);

    /// Whether an optimiser that steps others steps the seed too; ignored without a live seed.
    void record_in_optimiser(bool stepped) noexcept {
        if (Live* live = this->live_seed()) live->record.in_optimiser = stepped;
    }

private:
    using Live = slot_detail::LiveSeed<B>;

    [[nodiscard]] Live& require_stage(const char* what, Stage stage) {
        if (this->stage() == stage) return *this->live_seed();
        slot_detail::throw_wrong_stage(this->where(), what, stage, this->stage());
    }

    [[nodiscard]] Live& require_live(const char* what) {
        if (Live* live = this->live_seed()) return *live;
        slot_detail::throw_no_seed(this->where(), what, this->stage());
    }
};

template <class B, class Policies>
void SlotMeasurements<B, Policies>::record_interactions(double sum, double boost) {
    slot_detail::check_finite(this->where(), sum, "a sum of interactions");
    slot_detail::check_finite(this->where(), boost, "an interaction");
    SeedMetrics& metrics = require_live("record_interactions").record.metrics;
    metrics.interaction_sum = sum;
    metrics.boost_received = boost;
}

template <class B, class Policies>
void SlotMeasurements<B, Policies>::record_gradients(const GradientNorm& host,
                                                     const GradientNorm& seed,
                                                     std::span<const double> seed_tensor_norms,
                                                     bool warm) {
    Live* live = this->live_seed();
    if (live == nullptr) return;
    SeedRecord& record = live->record;
    record.host_frozen = !host.trainable;
    record.gradients_zeroed =
        host.trainable && !host.measured && seed.trainable && !seed.measured && seed.parameters > 0;
    record.gradients_measured = seed.measured || seed.parameters == 0;
    if (!record.gradients_measured) return;
    std::optional<ParameterHealth> health;
    if (seed.measured && warm) {
        health = parameter_health(seed_tensor_norms);
        record.epochs_dead = all_vanish(seed_tensor_norms) ? record.epochs_dead + 1 : 0;
    }
    const bool has_ratio = host.measured || seed.parameters == 0;
    record.metrics.record_gradients(has_ratio ? gradient_ratio(host, seed) : std::nullopt,
                                    seed.norm, health);
}

}  // namespace kasmina
