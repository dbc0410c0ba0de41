// Slot: a place in a host where a seed lives through its lifecycle, at run time.
#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/blueprints/registry.hpp>
#include <kasmina/blueprints/shape_check.hpp>
#include <kasmina/distributed/solo.hpp>
#include <kasmina/gates/gate_set.hpp>
#include <kasmina/lifecycle/check_transition.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/slot/evidence.hpp>
#include <kasmina/slot/outcomes.hpp>
#include <kasmina/slot/refusals.hpp>
#include <kasmina/slot/report.hpp>
#include <kasmina/slot/seed_forward.hpp>
#include <kasmina/slot/stages.hpp>
#include <kasmina/slot/telemetry.hpp>

namespace kasmina {

/// The policies of a model and its slots, in one place. Derive and replace what differs.
struct DefaultPolicies {
    using Gates = StrictGates;
    using Sink = telemetry::NullSink;
    using Communicator = Solo;
};

/// What all slots of a model share, at an address that survives moves of the model.
template <class Policies>
struct SlotServices {
    typename Policies::Gates gates{};
    typename Policies::Sink sink{};
    typename Policies::Communicator communicator{};
    telemetry::Failures telemetry_failures{};
    Generator generator{};  ///< initial values of seeds
    Index host_parameters = 0;
    std::optional<std::int64_t> environment{};
    std::optional<std::string> correlation_id{};
};

/// A named place at a segment boundary of a host. All lifecycle calls are collective under data
/// parallelism. Every call either does what it says or leaves the slot as it was.
template <class B, class Blueprints, class Policies = DefaultPolicies>
class Slot {
    static_assert(GuardsEveryStep<typename Policies::Gates>::value);

public:
    using Module = typename Blueprints::template Modules<B>;

    Slot(std::string name, Topology topology, Index width, SlotOptions options,
         SlotServices<Policies>& services)
        : name_(std::move(name)),
          topology_(topology),
          width_(width),
          options_(options),
          services_(&services) {
        if (options.embargo_ticks < 1) {
            throw OptionError("the embargo has no length", where(), "embargo_ticks of at least 1",
                              std::to_string(options.embargo_ticks),
                              "use 1 for the shortest cooldown");
        }
    }

    Slot(Slot&&) noexcept = default;
    Slot& operator=(Slot&&) noexcept = default;

    // ---- what it is -------------------------------------------------------------------------

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] Topology topology() const noexcept { return topology_; }

    /// Channels of the feature map, or width of the states, at this boundary.
    [[nodiscard]] Index width() const noexcept { return width_; }

    [[nodiscard]] Stage stage() const noexcept {
        return std::visit([](const auto& state) { return state.stage; }, state_);
    }

    /// The seed's amplitude: the controller's, which is the only one there is.
    [[nodiscard]] double alpha() const noexcept { return alpha_state().alpha; }

    /// The record of the seed, also of a pruned one in its cooldown; null in a dormant slot.
    [[nodiscard]] const SeedRecord* record() const noexcept {
        return const_cast<Slot*>(this)->mutable_record();
    }

    /// Whether the seed's input is cut off from the host's gradient (I-1).
    [[nodiscard]] bool isolated() const noexcept {
        const Live* live = live_seed();
        return live != nullptr && live->isolated;
    }

    /// Parameters of the seed and its gate network, frozen ones included; empty without a seed.
    /// The pointers are valid until the next change of stage.
    [[nodiscard]] std::vector<nn::NamedParameter<B>> parameters() {
        Live* live = live_seed();
        if (live == nullptr) return {};
        return contents(*live).parameters;
    }

    /// Those of them that a backward pass can reach now: a gate network is not run behind the host,
    /// so in training it neither learns nor says anything about the seed's health.
    [[nodiscard]] std::vector<nn::NamedParameter<B>> learning_parameters() {
        Live* live = live_seed();
        if (live == nullptr) return {};
        nn::Contents<B> reached;
        visit_module(*live, reached);
        if (stage() != Stage::training) visit_gate(*live, reached);
        return std::move(reached.parameters);
    }

    [[nodiscard]] SlotReport report() const {
        SlotReport report;
        report.slot = name_;
        report.stage = stage();
        report.alpha = alpha_state();
        report.time_to_target = AlphaController(report.alpha).time_to_target();
        report.isolated = isolated();
        if (const SeedRecord* seed = record()) {
            report.seed_id = seed->seed_id;
            report.blueprint = seed->blueprint;
            report.metrics = seed->metrics;
            if (!seed->history.empty()) report.previous_stage = seed->history.back().from;
        }
        if (const Live* live = live_seed()) report.algorithm = live->blend.algorithm;
        if (const auto* blending = std::get_if<Blending>(&state_)) {
            report.prune_scheduled = blending->scheduled_prune.has_value();
            report.blending_out = blending->alpha.mode() == AlphaMode::down;
        }
        report.cooldown_ticks_left = cooldown_ticks_left();
        return report;
    }

    // ---- forward ----------------------------------------------------------------------------

    /// Whether a forward pass has anything to do here: a pass that does not record skips a seed in
    /// training, and an override of 0 skips the seed altogether.
    [[nodiscard]] bool runs(bool recording, const AlphaOverride* override_alpha) const noexcept {
        if (!is_active(stage())) return false;
        if (override_alpha != nullptr) return !override_alpha->all_zero();
        return recording || (stage() != Stage::training && alpha() != 0.0);
    }

    /// Errors: OptionError for an override above 0 unless the seed is blended, or with neither
    /// one value nor one per sample.
    void check_override(const AlphaOverride& chosen, Index samples) const {
        slot_detail::check_override(where(), stage(), chosen, samples);
    }

    /// The host's features with the seed's influence (S-10): the features themselves while there
    /// is none, the straight-through of a seed in training (I-2), else the blend. `override`
    /// replaces the amplitude of a blending, holding or fossilized seed; exactly 0 does not run
    /// the seed at all. Errors: OptionError for an override above 0 of any other slot, or one
    /// value per sample for another number of samples.
    [[nodiscard]] Variable<B> forward(Tape<B>& tape, const Variable<B>& host,
                                      const AlphaOverride* override_alpha = nullptr) const {
        if (override_alpha != nullptr) check_override(*override_alpha, host.shape()[0]);
        if (!runs(tape.recording(), override_alpha)) return host;
        const Live& live = *live_seed();
        if (stage() == Stage::training) return slot_detail::forward_behind(tape, live, host);
        if (override_alpha != nullptr) {
            return slot_detail::forward_overridden(tape, live, host, *override_alpha);
        }
        return slot_detail::forward_blended(tape, live, host, alpha());
    }

    /// Whether a forward pass may differ from the host's.
    [[nodiscard]] bool active() const noexcept { return is_active(stage()); }

    // ---- lifecycle --------------------------------------------------------------------------

    /// Germinates a blueprint by name (S-1). Errors: LifecycleError unless dormant;
    /// UnknownNameError listing the available blueprints; OptionError; ShapeError when the module
    /// does not preserve shapes. The slot is as it was after any of these.
    AdvanceResult germinate(std::string_view blueprint, const GerminationOptions& options = {}) {
        slot_detail::check_dormant(where(), stage());
        return Blueprints::with_type(
            Blueprints::find(topology_, blueprint),
            [&]<class Blueprint>() { return germinate<Blueprint>(options); });
    }

    /// Germinates a blueprint by type, with options of its own. A seed that is blended by
    /// multiplication is born quietly (B-5).
    template <class Blueprint>
        requires(Blueprints::template contains<Blueprint>)
    AdvanceResult germinate(const GerminationOptions& options = {},
                            typename Blueprint::Options blueprint_options = {}) {
        slot_detail::check_dormant(where(), stage());
        check_germination_options(options, where());
        const bool quiet = options.algorithm == BlendAlgorithm::multiply;
        if (quiet) blueprint_options = quiet_options<Blueprint>(blueprint_options);

        Generator generator = services_->generator;
        using Made = typename Blueprint::template Module<B>;
        std::unique_ptr<Live> seed(new Live{
            SeedRecord{}, Module(std::in_place_type<Made>, width_, blueprint_options, generator),
            options});
        check_shape_preserved<B>(std::get<Made>(seed->module), Blueprint::name, topology_, width_);
        return plant(std::move(seed), std::string(Blueprint::name), generator);
    }

    /// Tries the forward step, or `target` where given: the gate is asked, the decision agreed
    /// on, and on success acted on (S-2). Errors: LifecycleError when there is no forward step
    /// from here or `target` is not it; no gate is asked then.
    AdvanceResult advance(std::optional<Stage> target = std::nullopt) {
        const Stage from = stage();
        const std::optional<Stage> next = next_stage(from);
        if (!next || (target && *target != *next) || from == Stage::dormant) {
            slot_detail::throw_not_forward(where(), from, next, target);
        }
        AdvanceResult result = decide(*gate_of(from, *next), evidence(), from, *next);
        send([&] { return telemetry_events::gate_evaluated(context(), result.gate); });
        if (!result.advanced) return result;
        switch (*next) {
            case Stage::training: go<Training>(); break;
            case Stage::blending: go<Blending>(); break;
            case Stage::holding: go<Holding>(); break;
            case Stage::fossilized: go<Fossilized>(); break;
            default: break;
        }
        if (*next == Stage::fossilized) {
            send([this] { return telemetry_events::fossilized(context()); });
        }
        return result;
    }

    /// The gate's verdict on the forward step, with nothing changed. Errors: as `advance`.
    [[nodiscard]] GateResult ask_gate() const {
        const Stage from = stage();
        const std::optional<Stage> next = next_stage(from);
        if (!next || from == Stage::dormant)
            slot_detail::throw_not_forward(where(), from, next, std::nullopt);
        return services_->gates.evaluate(*gate_of(from, *next), evidence());
    }

    /// Removes the seed at once and frees its module; the record stays for the cooldown (S-4).
    /// In the cooldown already: refused with that reason, nothing changed. Errors:
    /// LifecycleError for a dormant or fossilized slot.
    Outcome prune(std::string reason, std::string initiator = "user") {
        const Stage from = stage();
        if (is_failure(from)) {
            return {false, slot_detail::pruned_before(from)};
        }
        check_transition(from, Stage::pruned, where());
        mutable_record()->metrics.record_prune(reason);
        const bool automatic = record()->metrics.auto_pruned;
        go<slot_detail::Pruned>();
        send([&] {
            return telemetry_events::pruned(context(), from, reason, initiator, automatic);
        });
        return {true, {}};
    }

    /// Ramps alpha down to 0 over `steps` ticks with the seed frozen (I-6), then prunes on the
    /// tick that gets there (S-5). Prunes at once with fewer than 1 step, at alpha 0 already, and
    /// outside blending and holding. Refused, with the reason, while a ramp is under way. Errors:
    /// as `prune`.
    Outcome schedule_prune(int steps, AlphaCurve curve, double steepness, std::string reason,
                           std::string initiator = "user") {
        const AlphaController* controller = alpha_controller();
        const bool ramps =
            std::holds_alternative<Blending>(state_) || std::holds_alternative<Holding>(state_);
        if (!ramps || steps < 1 || controller->alpha() == 0.0) {
            return prune(std::move(reason), std::move(initiator));
        }
        if (!controller->holds()) return {false, slot_detail::ramp_under_way(*controller)};
        if (std::holds_alternative<Holding>(state_)) go<Blending>();
        Blending& blending = std::get<Blending>(state_);
        const bool gated = blending.seed->blend.algorithm == BlendAlgorithm::gate;
        if (gated) curve = AlphaCurve::linear;
        blending.alpha.retarget(0.0, steps, curve, steepness);
        blending.scheduled_prune =
            slot_detail::ScheduledPrune{std::move(reason), std::move(initiator)};
        freeze(blending);
        return {true, {}};
    }

    /// Ramps alpha to `target` in (0, 1]; from holding a target below 1 goes back to blending
    /// (S-6). `algorithm` changes the blend: to gate makes a gate network, away from it drops it.
    /// Refused, with the reason, outside blending and holding and while a ramp is under way.
    /// Errors: OptionError for a target outside (0, 1].
    Outcome set_alpha_target(double target, int steps, AlphaCurve curve = AlphaCurve::sigmoid,
                             double steepness = default_steepness,
                             std::optional<BlendAlgorithm> algorithm = std::nullopt) {
        slot_detail::check_alpha_target(where(), target);
        AlphaController* controller = alpha_controller();
        const bool blends = std::holds_alternative<Blending>(state_);
        const bool holds = std::holds_alternative<Holding>(state_);
        if (!blends && !holds) return {false, slot_detail::nothing_to_ramp(stage())};
        if (!controller->holds()) return {false, slot_detail::ramp_under_way(*controller)};
        Live& live = *live_seed();
        const BlendAlgorithm wanted = algorithm.value_or(live.blend.algorithm);
        if (wanted == BlendAlgorithm::gate) {
            if (!live.gate) live.gate.emplace(topology_, width_, services_->generator);
            curve = AlphaCurve::linear;
        } else {
            live.gate.reset();
        }
        live.blend.algorithm = wanted;
        live.record.metrics.seed_parameters = count(live);
        if (holds) {
            if (target == 1.0) return {true, {}};  // holding is at 1 already
            go<Blending>();
        }
        Blending& blending = std::get<Blending>(state_);
        blending.alpha.retarget(target, steps, curve, steepness);
        if (blending.alpha.mode() == AlphaMode::down) freeze(blending);
        return {true, {}};
    }

    /// One epoch (S-7): ticks a ramp, completes a scheduled prune, runs the cooldown, then tries
    /// the gates of auto-forward. At most one change of stage.
    TickResult step_epoch() {
        TickResult result{.from = stage(), .to = stage(), .notice = frozen_in_training()};
        tick_cooldown();
        if (Live* live = live_seed()) {
            ++live->record.metrics.epochs_in_stage;
            ++live->record.metrics.epochs_total;
        }
        result.ramp_ended = tick_alpha();
        if (stage() == result.from && auto_forward()) result.ramp_ended = true;
        result.to = stage();
        return result;
    }

    // ---- measurements -----------------------------------------------------------------------

    /// Accuracy of the whole network in percentage points; ignored without a live seed (S-12).
    /// Errors: NumericError when it is not finite.
    void record_accuracy(double accuracy) {
        slot_detail::check_finite(where(), accuracy, "an accuracy");
        if (Live* live = live_seed()) live->record.metrics.record_accuracy(accuracy);
    }

    /// The seed's counterfactual contribution in percentage points. Errors: NumericError when it
    /// is not finite; LifecycleError without a live seed.
    void record_contribution(double points) {
        slot_detail::check_finite(where(), points, "a contribution");
        require_live("record_contribution").record.metrics.record_contribution(points);
    }

    /// How the seed goes together with other blended seeds, in percentage points: the sum of its
    /// pairwise interactions, and the largest of them where one is above 0. Errors: NumericError
    /// when one is not finite; LifecycleError without a live seed.
    void record_interactions(double sum, double boost) {
        slot_detail::check_finite(where(), sum, "a sum of interactions");
        slot_detail::check_finite(where(), boost, "an interaction");
        SeedMetrics& metrics = require_live("record_interactions").record.metrics;
        metrics.interaction_sum = sum;
        metrics.boost_received = boost;
    }

    /// The sums of the amplitudes in front of this slot and behind it; ignored without a live
    /// seed.
    void record_neighbours(double upstream, double downstream) noexcept {
        if (Live* live = live_seed()) {
            live->record.metrics.upstream_alpha_sum = upstream;
            live->record.metrics.downstream_alpha_sum = downstream;
        }
    }

    /// The seed's gradients next to the host's (I-4, I-7), from the last backward pass.
    /// `seed_tensor_norms` are the probe's. Does nothing without a live seed.
    void record_gradients(const GradientNorm& host, const GradientNorm& seed,
                          std::span<const double> seed_tensor_norms) {
        Live* live = live_seed();
        if (live == nullptr) return;
        bool warm = true;
        for (const auto& named : learning_parameters()) {
            warm = warm && named.parameter->state()->warm;
        }
        std::optional<ParameterHealth> health;
        if (seed.measured && warm) health = parameter_health(seed_tensor_norms);
        live->record.metrics.record_gradients(gradient_ratio(host, seed), seed.norm, health);
    }

    /// What gates read of this slot.
    [[nodiscard]] GateEvidence evidence() const noexcept {
        return evidence_of(stage(), record(), alpha_state());
    }

    /// Shows the parameters and buffers of the seed and its gate network, without a prefix.
    template <class Visitor>
    void visit(Visitor&& visitor) {
        Live* live = live_seed();
        if (live == nullptr) return;
        const nn::Contents<B> owned = contents(*live);
        for (const auto& [name, parameter] : owned.parameters) visitor.parameter(name, *parameter);
        for (const auto& [name, buffer] : owned.buffers) visitor.buffer(name, *buffer);
    }

private:
    using Live = slot_detail::LiveSeed<B, Module>;
    using Germinated = slot_detail::Germinated<B, Module>;
    using Training = slot_detail::Training<B, Module>;
    using Blending = slot_detail::Blending<B, Module>;
    using Holding = slot_detail::Holding<B, Module>;
    using Fossilized = slot_detail::Fossilized<B, Module>;
    using State = slot_detail::State<B, Module>;

    static_assert(slot_detail::steps_match_table(std::type_identity<State>{}),
                  "the run-time steps and the transition table differ: add or remove a Step");

    /// The part of a germination that is the same for all blueprints.
    AdvanceResult plant(std::unique_ptr<Live> seed, std::string blueprint, Generator generator) {
        const GerminationOptions& options = seed->blend;
        if (options.algorithm == BlendAlgorithm::gate) {
            seed->gate.emplace(topology_, width_, generator);
        }
        seed->record.seed_id = options.seed_id.empty() ? name_ + "-" + blueprint : options.seed_id;
        seed->record.blueprint = std::move(blueprint);
        seed->record.metrics.host_parameters = services_->host_parameters;
        seed->record.metrics.seed_parameters = count(*seed);

        GateEvidence seen;
        seen.stage = Stage::dormant;
        seen.has_seed_id = !seed->record.seed_id.empty();
        seen.has_blueprint_id = !seed->record.blueprint.empty();
        AdvanceResult result = decide(Gate::g0, seen, Stage::dormant, Stage::germinated);
        if (!result.advanced) return result;
        go<Germinated>(std::move(seed));
        services_->generator = generator;
        send(
            [this] { return telemetry_events::germinated(context(), services_->host_parameters); });
        return result;
    }

    /// Takes the step that the table has from here to `To`.
    template <class To>
    void go(std::unique_ptr<Live> newborn = nullptr) {
        const Stage from = stage();
        const int epochs = record() == nullptr ? 0 : record()->metrics.epochs_in_stage;
        slot_detail::StepInput<B, Module> input{topology_ == Topology::cnn, options_.embargo_ticks,
                                                std::move(newborn)};
        State next = std::visit(
            [&]<class From>(From& state) -> State {
                using Step = slot_detail::Step<From, To>;
                if constexpr (Step::exists) {
                    return Step::take(std::move(state), input);
                } else {
                    check_transition(From::stage, To::stage, where());
                    return std::move(state);
                }
            },
            state_);
        state_ = std::move(next);
        if (SeedRecord* seed = mutable_record()) seed->enter(from, To::stage);
        if constexpr (!std::same_as<To, slot_detail::Dormant>) {
            send([&] {
                return telemetry_events::stage_changed(context(), from, To::stage, epochs);
            });
        }
    }

    [[nodiscard]] AdvanceResult decide(Gate gate, const GateEvidence& seen, Stage from, Stage to) {
        AdvanceResult result{services_->gates.evaluate(gate, seen), from, to};
        const bool own = result.gate.passed();
        result.advanced = services_->communicator.decide(own);
        result.verdict_differed = result.advanced != own;
        return result;
    }

    // ---- the tick ---------------------------------------------------------------------------

    void tick_cooldown() {
        if (std::holds_alternative<slot_detail::Pruned>(state_)) {
            go<slot_detail::Embargoed>();
        } else if (auto* embargoed = std::get_if<slot_detail::Embargoed>(&state_)) {
            if (--embargoed->ticks_left <= 0) go<slot_detail::Resetting>();
        } else if (std::holds_alternative<slot_detail::Resetting>(state_)) {
            go<slot_detail::Dormant>();
        }
    }

    bool tick_alpha() {
        Blending* blending = std::get_if<Blending>(&state_);
        if (blending == nullptr || !blending->alpha.tick()) return false;
        slot_detail::thaw(*blending);
        if (blending->scheduled_prune && blending->alpha.alpha() == 0.0) {
            slot_detail::ScheduledPrune due = std::move(*blending->scheduled_prune);
            prune(std::move(due.reason), std::move(due.initiator));
        }
        return true;
    }

    /// A blending that begins here gets this epoch's tick, so that no epoch passes at amplitude 0
    /// (I-8). True when that tick ended the ramp.
    bool auto_forward() {
        const AutoForward& wanted = options_.auto_forward;
        const Stage now = stage();
        const bool tries = (now == Stage::germinated && wanted.g1) ||
                           (now == Stage::training && wanted.g2) ||
                           (now == Stage::blending && wanted.g3);
        if (!tries) return false;
        const int wait = services_->gates.thresholds.min_blending_epochs;
        const bool waits = now == Stage::training ||
                           (now == Stage::blending && Policies::Gates::template strict<Gate::g3>);
        if (waits && record()->metrics.epochs_in_stage < wait) return false;
        const auto* blending = std::get_if<Blending>(&state_);
        if (blending != nullptr && blending->scheduled_prune) return false;
        return advance().advanced && stage() == Stage::blending && tick_alpha();
    }

    [[nodiscard]] int cooldown_ticks_left() const noexcept {
        if (std::holds_alternative<slot_detail::Pruned>(state_)) return options_.embargo_ticks + 2;
        if (const auto* embargoed = std::get_if<slot_detail::Embargoed>(&state_)) {
            return embargoed->ticks_left + 1;
        }
        return std::holds_alternative<slot_detail::Resetting>(state_) ? 1 : 0;
    }

    /// A notice when every parameter of a seed in training is frozen, once per seed (I-2).
    [[nodiscard]] std::string frozen_in_training() {
        Live* live = live_seed();
        if (stage() != Stage::training || live->record.told_frozen) return {};
        const nn::Contents<B> owned = contents(*live);
        const bool learns = std::ranges::any_of(
            owned.parameters, [](const auto& named) { return named.parameter->trainable(); });
        if (learns || owned.parameters.empty()) return {};
        live->record.told_frozen = true;
        return "all " + std::to_string(owned.parameters.size()) + " parameter tensors of " +
               live->record.blueprint + " in " + name_ +
               " are frozen, so the seed learns nothing in training: thaw them, or advance it";
    }

    // ---- the blend-out freeze (I-6) -----------------------------------------------------------

    void freeze(Blending& blending) {
        for (const auto& named : contents(*blending.seed).parameters) {
            if (!named.parameter->trainable()) continue;
            named.parameter->set_trainable(false);
            blending.frozen.push_back(named.parameter->state());
        }
    }

    // ---- access -----------------------------------------------------------------------------

    [[nodiscard]] const Live* live_seed() const noexcept {
        return const_cast<Slot*>(this)->live_seed();
    }
    [[nodiscard]] Live* live_seed() noexcept {
        return std::visit(
            [](auto& state) -> Live* {
                if constexpr (requires { state.seed; }) {
                    return state.seed.get();
                } else {
                    return nullptr;
                }
            },
            state_);
    }

    [[nodiscard]] SeedRecord* mutable_record() noexcept {
        return std::visit(
            [](auto& state) -> SeedRecord* {
                if constexpr (requires { state.seed; }) {
                    return &state.seed->record;
                } else if constexpr (requires { state.record; }) {
                    return &state.record;
                } else {
                    return nullptr;
                }
            },
            state_);
    }

    [[nodiscard]] const AlphaController* alpha_controller() const noexcept {
        return const_cast<Slot*>(this)->alpha_controller();
    }
    [[nodiscard]] AlphaController* alpha_controller() noexcept {
        return std::visit(
            [](auto& state) -> AlphaController* {
                if constexpr (requires { state.alpha; }) {
                    return &state.alpha;
                } else {
                    return nullptr;
                }
            },
            state_);
    }

    /// Stages without a controller have amplitude 0.
    [[nodiscard]] AlphaState alpha_state() const noexcept {
        const AlphaController* controller = alpha_controller();
        return controller == nullptr ? AlphaState{} : controller->state();
    }

    /// Parameters and buffers of a seed and its gate network.
    [[nodiscard]] static nn::Contents<B> contents(Live& live) {
        nn::Contents<B> owned;
        visit_module(live, owned);
        visit_gate(live, owned);
        return owned;
    }

    static void visit_module(Live& live, nn::Contents<B>& visitor) {
        std::visit([&visitor](auto& module) { module.visit(visitor); }, live.module);
    }

    static void visit_gate(Live& live, nn::Contents<B>& visitor) {
        if (!live.gate) return;
        nn::Prefixed<nn::Contents<B>> prefixed(visitor, "gate.");
        live.gate->visit(prefixed);
    }

    [[nodiscard]] static Index count(Live& live) {
        Index parameters = 0;
        for (const auto& named : contents(live).parameters) parameters += named.parameter->size();
        return parameters;
    }

    [[nodiscard]] Live& require_live(const char* what) {
        if (Live* live = live_seed()) return *live;
        slot_detail::throw_no_seed(where(), what, stage());
    }

    /// For errors.
    [[nodiscard]] std::string where() const { return "slot " + name_; }

    // ---- telemetry --------------------------------------------------------------------------

    template <class Builder>
    void send(Builder&& build) {
        telemetry::send(services_->sink, services_->telemetry_failures,
                        std::forward<Builder>(build));
    }

    [[nodiscard]] telemetry::SeedContext context() const {
        return telemetry_events::context(report(), services_->environment,
                                         services_->correlation_id);
    }

    std::string name_;
    Topology topology_;
    Index width_;
    SlotOptions options_;
    SlotServices<Policies>* services_;
    State state_{slot_detail::Dormant{}};
};

}  // namespace kasmina
