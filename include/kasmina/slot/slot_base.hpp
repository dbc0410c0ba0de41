// The ground of a slot: what it is, the seed in it, and the steps that the table has.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/lifecycle/check_transition.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/slot/evidence.hpp>
#include <kasmina/slot/options.hpp>
#include <kasmina/slot/outcomes.hpp>
#include <kasmina/slot/report.hpp>
#include <kasmina/slot/services.hpp>
#include <kasmina/slot/stage_access.hpp>
#include <kasmina/slot/stages.hpp>
#include <kasmina/slot/telemetry.hpp>

namespace kasmina {

/// `Slot` is built up in layers, each in a file of its own: this one, SlotForward,
/// SlotMeasurements, SlotLifecycle and SlotTick. None of them knows which blueprints there are.
template <class B, class Policies>
class SlotBase {
    static_assert(GuardsEveryStep<typename Policies::Gates>::value);

public:
    using Services = SlotServices<B, Policies>;

    KASMINA_RARE SlotBase(std::string name, Topology topology, Index width, SlotOptions options,
                          Services& services);

    /// What was moved from is dormant.
    KASMINA_RARE SlotBase(SlotBase&& other) noexcept;
    KASMINA_RARE SlotBase& operator=(SlotBase&& other) noexcept;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] Topology topology() const noexcept { return topology_; }

    /// Channels of the feature map, or width of the states, at this boundary.
    [[nodiscard]] Index width() const noexcept { return width_; }
    [[nodiscard]] const SlotOptions& options() const noexcept { return options_; }
    [[nodiscard]] Stage stage() const noexcept { return slot_detail::stage_of(state_); }

    /// Whether a forward pass may differ from the host's.
    [[nodiscard]] bool active() const noexcept { return is_active(stage()); }

    /// The seed's amplitude: the controller's, which is the only one there is.
    [[nodiscard]] double alpha() const noexcept {
        const AlphaController* controller = slot_detail::controller_of(state_);
        return controller == nullptr ? 0.0 : controller->alpha();
    }

    /// The amplitude that the seed is germinated for (S-1); 0 without a live seed.
    [[nodiscard]] double target_amplitude() const noexcept {
        const Live* live = live_seed();
        return live == nullptr ? 0.0 : live->blend().alpha_target;
    }

    /// How the seed is blended in; add without a live seed.
    [[nodiscard]] BlendAlgorithm algorithm() const noexcept {
        const Live* live = live_seed();
        return live == nullptr ? BlendAlgorithm::add : live->blend().algorithm;
    }

    /// The record of the seed, also of a pruned one in its cooldown; null in a dormant slot.
    [[nodiscard]] const SeedRecord* record() const noexcept {
        return slot_detail::record_of(state_);
    }

    /// Whether the seed's input is cut off from the host's gradient (I-1).
    [[nodiscard]] bool isolated() const noexcept {
        const Live* live = live_seed();
        return live != nullptr && live->isolated;
    }

    /// Parameters and states of the seed, "seed/...", and its gate network, "gate/..."; empty
    /// without a seed. Shared with it, also beyond its end.
    [[nodiscard]] KASMINA_RARE nn::Contents<B> contents() const {
        const Live* live = live_seed();
        return live == nullptr ? nn::Contents<B>{} : live->contents();
    }

    /// The same parameters in place, without a copy of the list.
    [[nodiscard]] std::span<const nn::NamedParameter<B>> parameter_list() const noexcept {
        const Live* live = live_seed();
        if (live == nullptr) return {};
        return live->contents().parameters;
    }

    /// The same for the states.
    [[nodiscard]] std::span<const nn::NamedState<B>> state_list() const noexcept {
        const Live* live = live_seed();
        if (live == nullptr) return {};
        return live->contents().states;
    }

    /// Frozen parameters included.
    [[nodiscard]] KASMINA_RARE std::vector<nn::NamedParameter<B>> parameters() const {
        const Live* live = live_seed();
        if (live == nullptr) return {};
        return live->contents().parameters;
    }

    /// What the seed's random operations draw from; null without a seed.
    [[nodiscard]] std::shared_ptr<Generator> random_stream() const noexcept {
        const Live* live = live_seed();
        return live == nullptr ? nullptr : live->random_stream();
    }

    /// Those of them that a backward pass can reach now: a gate network is not run behind the host,
    /// so in training it neither learns nor says anything about the seed's health.
    [[nodiscard]] KASMINA_RARE std::vector<nn::NamedParameter<B>> learning_parameters() const;

    /// What gates read of this slot.
    [[nodiscard]] GateEvidence evidence() const noexcept {
        return evidence_of(stage(), record(), alpha_state(), services_->score.point);
    }

    [[nodiscard]] KASMINA_RARE SlotReport report() const;

protected:
    using Live = slot_detail::LiveSeed<B>;
    using Blending = slot_detail::Blending<B>;
    using AnyStage = slot_detail::AnyStage<B>;

    static_assert(slot_detail::steps_match_table(std::type_identity<AnyStage>{}),
                  "the run-time steps and the transition table differ: add or remove a Step");

    KASMINA_RARE ~SlotBase();

    [[nodiscard]] Live* live_seed() noexcept { return slot_detail::live_seed(state_); }
    [[nodiscard]] const Live* live_seed() const noexcept { return slot_detail::live_seed(state_); }
    [[nodiscard]] SeedRecord* mutable_record() noexcept { return slot_detail::record_of(state_); }

    /// Stages without a controller have amplitude 0.
    [[nodiscard]] AlphaState alpha_state() const noexcept {
        const AlphaController* controller = slot_detail::controller_of(state_);
        return controller == nullptr ? AlphaState{} : controller->state();
    }

    /// For errors.
    [[nodiscard]] std::string where() const { return "slot " + name_; }

    /// Errors: LifetimeError when it has gone.
    [[nodiscard]] typename B::Context& backend_context() const { return services_->context.get(); }

    /// Takes the step that the table has from here to `To`.
    template <class To>
    KASMINA_RARE void go(std::unique_ptr<Live> newborn = nullptr) {
        const Stage from = stage();
        const int epochs = record() == nullptr ? 0 : record()->metrics.epochs_in_stage;
        slot_detail::StepInput<B> input{stays_isolated_in_blending(topology_),
                                        options_.embargo_ticks, std::move(newborn)};
        const bool taken = [&]<class... Stages>(std::type_identity<slot_detail::OneOf<Stages...>>) {
            return (take<Stages, To>(input) || ...);
        }(std::type_identity<AnyStage>{});
        if (!taken) check_transition(from, To::stage, where());
        if (SeedRecord* seed = mutable_record()) seed->enter(from, To::stage);
        if constexpr (!std::same_as<To, slot_detail::Dormant>) {
            send([&] {
                return telemetry_events::stage_changed(context(), from, To::stage, epochs);
            });
        }
    }

    /// The same from one stage, if the slot is in it and the table has the step.
    template <class From, class To>
    [[nodiscard]] bool take(slot_detail::StepInput<B>& input) {
        using Step = slot_detail::Step<From, To>;
        if constexpr (Step::exists) {
            From* held = state_.template get_if<From>();
            if (held == nullptr) return false;
            state_.template emplace<To>(Step::take(std::move(*held), input));
            return true;
        } else {
            return false;
        }
    }

    /// A gate's verdict on a step, and what all ranks make of it (D-1).
    [[nodiscard]] KASMINA_RARE AdvanceResult decide(Gate gate, const GateEvidence& seen, Stage from,
                                                    Stage to);

    template <class Builder>
    KASMINA_RARE void send(Builder&& build) {
        telemetry::send(services_->sink, services_->telemetry_failures,
                        std::forward<Builder>(build));
    }

    /// What every event says of this slot.
    [[nodiscard]] KASMINA_RARE telemetry::SeedContext context() const;

    std::string name_;
    Topology topology_;
    Index width_;
    SlotOptions options_;
    Services* services_;
    AnyStage state_{slot_detail::Dormant{}};

private:
    [[nodiscard]] int cooldown_ticks_left() const noexcept;
};

template <class B, class Policies>
SlotBase<B, Policies>::SlotBase(std::string name, Topology topology, Index width,
                                SlotOptions options, Services& services)
    : name_(std::move(name)),
      topology_(topology),
      width_(width),
      options_(options),
      services_(&services) {
    check_slot_options(options, where());
    if (!services.context) {
        throw OptionError("the slot has no backend context to make seeds with", where(),
                          "services with a context", "none",
                          "set services.context to one that outlives the slot");
    }
}

template <class B, class Policies>
SlotBase<B, Policies>::SlotBase(SlotBase&& other) noexcept
    : name_(other.name_),
      topology_(other.topology_),
      width_(other.width_),
      options_(other.options_),
      services_(other.services_),
      state_(std::move(other.state_)) {
    other.state_.template emplace<slot_detail::Dormant>({});
}

template <class B, class Policies>
auto SlotBase<B, Policies>::operator=(SlotBase&& other) noexcept -> SlotBase& {
    if (this == &other) return *this;
    name_ = other.name_;
    topology_ = other.topology_;
    width_ = other.width_;
    options_ = other.options_;
    services_ = other.services_;
    state_ = std::move(other.state_);
    other.state_.template emplace<slot_detail::Dormant>({});
    return *this;
}

template <class B, class Policies>
SlotBase<B, Policies>::~SlotBase() = default;

template <class B, class Policies>
auto SlotBase<B, Policies>::learning_parameters() const -> std::vector<nn::NamedParameter<B>> {
    const Live* live = live_seed();
    if (live == nullptr) return {};
    const auto reached = live->learning_parameters(stage());
    return {reached.begin(), reached.end()};
}

template <class B, class Policies>
SlotReport SlotBase<B, Policies>::report() const {
    SlotReport report;
    report.slot = name_;
    report.stage = stage();
    report.alpha = alpha_state();
    report.time_to_target = report.alpha.time_to_target();
    report.isolated = isolated();
    if (const SeedRecord* seed = record()) {
        report.seed_id = seed->seed_id;
        report.blueprint = seed->blueprint;
        report.metrics = seed->metrics;
        if (!seed->history.empty()) report.previous_stage = seed->history.back().from;
    }
    report.algorithm = algorithm();
    if (const auto* blending = state_.template get_if<Blending>()) {
        report.prune_scheduled = blending->scheduled_prune.has_value();
        report.blending_out = blending->alpha.mode() == AlphaMode::down;
    }
    report.cooldown_ticks_left = cooldown_ticks_left();
    report.score_kind = services_->score;
    return report;
}

template <class B, class Policies>
AdvanceResult SlotBase<B, Policies>::decide(Gate gate, const GateEvidence& seen, Stage from,
                                            Stage to) {
    AdvanceResult result{services_->checked_gates().evaluate(gate, seen), from, to};
    const bool own = result.gate.passed();
    result.advanced = services_->communicator.decide(own);
    result.verdict_differed = result.advanced != own;
    return result;
}

template <class B, class Policies>
auto SlotBase<B, Policies>::context() const -> telemetry::SeedContext {
    return telemetry_events::context(report(), services_->environment, services_->correlation_id);
}

template <class B, class Policies>
int SlotBase<B, Policies>::cooldown_ticks_left() const noexcept {
    if (state_.template holds<slot_detail::Pruned>()) return options_.embargo_ticks + 2;
    if (const auto* embargoed = state_.template get_if<slot_detail::Embargoed>()) {
        return embargoed->ticks_left + 1;
    }
    return state_.template holds<slot_detail::Resetting>() ? 1 : 0;
}

}  // namespace kasmina
