// MorphogeneticModel: a host, and a slot at each of its injection points.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/model/host_values.hpp>
#include <kasmina/model/model_options.hpp>
#include <kasmina/model/network_health.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/nn/attempt.hpp>
#include <kasmina/slot/slot.hpp>

namespace kasmina {

/// A network that grows (H-4): runs the host's segments and the slots between them in execution
/// order. With no active slot it is exactly the host. It keeps the context that it was made on, for
/// what it does between passes, and that must outlive it. Move-only; its slots stay where they are
/// when it moves (S-11). One that was moved from has no slots, and LifetimeError is what it says.
template <class HostType, class Blueprints, class Policies = DefaultPolicies>
class MorphogeneticModel {
    // Not constraints, and not in helpers: the compilers would tell the broken rule too far down.
    KASMINA_REQUIRE_HOST(HostType)
    static_assert(is_blueprint_list<Blueprints>,
                  "BlueprintList: pass a list of blueprints, as `CnnBlueprints::with<Mine>{}` or "
                  "`BlueprintList<Mine>{}`");
    static_assert(gates_are_policies<typename Policies::Gates>,
                  "GatePolicy: give each gate `static constexpr Gate gate` and `GateResult "
                  "operator()(const GateEvidence&, const GateThresholds&) const`");
    static_assert(GuardingSet<typename Policies::Gates>,
                  "GuardingSet: let the policies' `Gates` be a `GateSet<...>` of gates, as "
                  "StrictGates is");
    static_assert(telemetry::Sink<typename Policies::Sink>,
                  "Sink: give the sink `void emit(const telemetry::Event&)`, and let it be moved");
    static_assert(Communicator<typename Policies::Communicator>,
                  "Communicator: give it `int rank() const`, `int size() const` and `bool "
                  "decide(bool verdict)`");
    static_assert(Blueprints::template all_run_on<typename HostType::Backend>,
                  "RunsOn: the host's backend lacks a capability that a blueprint lists in its "
                  "`Needs`: add it to the backend, or leave the blueprint out");
    static_assert(Blueprints::template all_have_modules<typename HostType::Backend>,
                  "HasModule: add `template <class B> struct Module` to the blueprint, with a "
                  "constructor `Module(typename B::Context&, Index width, const Options&, "
                  "Generator&)`");
    static_assert(
        Blueprints::template all_have_forward<typename HostType::Backend>,
        "HasForward: add `Variable<B> forward(Pass<B>&, const Variable<B>&) const` to the "
        "blueprint's Module");
    static_assert(Blueprints::template all_can_be_visited<typename HostType::Backend>,
                  "VisitableModule: inherit nn::Visitable<Module<B>> and list the `members()` of "
                  "the blueprint's Module: `static constexpr auto members() { return "
                  "nn::members(nn::Member{...}, ...); }`");

public:
    using Backend = typename HostType::Backend;
    using Host = HostType;
    using Input = typename HostType::Input;
    using Output = hosts::OutputOf<HostType>;
    using Registry = Blueprints;
    using SlotType = Slot<Backend, Blueprints, Policies>;
    using Context = typename Backend::Context;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "model";

    /// Draws the stream that seeds will start from from `generator`, and before it the host's
    /// initial values unless it has some (`ModelOptions::host`). Errors: DuplicateNameError when
    /// two of the host's tensors or two of its slots go by one name; OptionError for a slot without
    /// channels or one out of order, and for a host in which some weights have values and others
    /// have not, where the options do not say what is meant, and for a score or a threshold that
    /// cannot be.
    KASMINA_RARE MorphogeneticModel(Context& context, HostType host, Blueprints,
                                    Generator& generator, ModelOptions<Policies> options = {});

    /// The one that it was made on.
    /// Errors: LifetimeError when it has gone, or the model was moved from.
    [[nodiscard]] Context& context() const { return services().context.get(); }

    [[nodiscard]] HostType& host() & noexcept { return host_; }
    [[nodiscard]] const HostType& host() const& noexcept { return host_; }
    const HostType& host() const&& = delete;

    /// All slots in execution order.
    [[nodiscard]] std::span<SlotType> slots() & noexcept { return slots_; }
    [[nodiscard]] std::span<const SlotType> slots() const& noexcept { return slots_; }
    std::span<const SlotType> slots() const&& = delete;

    /// The slot of that name. Errors: UnknownNameError that lists the available ones;
    /// LifetimeError when the model was moved from.
    [[nodiscard]] SlotType& slot(std::string_view name) & { return slots_[place_of(name)]; }
    [[nodiscard]] const SlotType& slot(std::string_view name) const& {
        return slots_[place_of(name)];
    }
    const SlotType& slot(std::string_view name) const&& = delete;

    /// Which model it is, wherever it moves: for those who work on one and keep no hold of it.
    [[nodiscard]] std::weak_ptr<const void> identity() const noexcept { return services_; }

    // ---- forward ----------------------------------------------------------------------------

    /// From the host's input to its output, with other amplitudes where `overrides` says so.
    /// A pass that trains moves batch statistics, so one thread at a time may run it; one in
    /// evaluation changes nothing, so several threads may run it at once, each with a tape and a
    /// context of its own. Contexts are not ordered with each other: before a pass on another one
    /// than the model's comes `Backend::synchronise(model.context())`. Errors, before anything is
    /// run: UnknownNameError for an override of a slot that is not there; OptionError for one that
    /// does not fit its slot or the number of samples. Whatever host and seeds throw on the way:
    /// states and random streams are then as they were. `input` may go before the way back, for the
    /// tape shares its memory.
    [[nodiscard]] Output forward(Pass<Backend>& pass, const Input& input,
                                 const AlphaOverrides& overrides = {}) const;

    /// What flows between the host's boundaries.
    using State = hosts::StateOf<HostType>;

    /// The state that reached a slot whose seed learns in passes of its own.
    struct Lesson {
        std::size_t slot;
        State state;
    };

    /// The same, and notes where there is a lesson to give, for `forward_lesson` after the backward
    /// pass; none in the slots whose places in `slots()` are among `waiting`. (See train/learn.hpp,
    /// which does both.)
    [[nodiscard]] Output forward(Pass<Backend>& pass, const Input& input,
                                 const AlphaOverrides& overrides, std::vector<Lesson>& lessons,
                                 std::span<const std::size_t> waiting = {}) const {
        return run(pass, input, overrides, &lessons, waiting);
    }

    /// From the state that reached a slot to the output that the network would give with that
    /// slot's seed at its target amplitude: host and other seeds frozen, norms with their running
    /// statistics as they are, so that a loss of it teaches that seed alone (I-9). Errors:
    /// LifecycleError when the slot's seed has gone since, or has left training.
    [[nodiscard]] Output forward_lesson(Pass<Backend>& pass, Lesson lesson) const;

    /// What `forward` and `forward_lesson` do by themselves, for more that belongs together, such
    /// as a whole training step: unless `succeed()` is called on it before its end, states of host
    /// and seeds and random streams are put back where they stood. One attempt at a time; inside it
    /// others do nothing.
    [[nodiscard]] nn::Attempt<Backend> attempt(const Pass<Backend>& pass) const {
        return attempt(pass, true);
    }
    /// The same for work that is recorded and not done (backend/recording.hpp): no state moves, so
    /// none is kept to be put back, and no recording holds the copies.
    [[nodiscard]] nn::Attempt<Backend> attempt_recording(const Pass<Backend>& pass) const {
        return attempt(pass, false);
    }

    /// Whether norms of the host, in passes that train, use the batch's statistics and move the
    /// running ones (the default), or use the running ones and leave them as they are. Freezing the
    /// host's parameters does not do that: as in PyTorch, a frozen host still follows the data,
    /// until it is told to stand still. Errors: OptionError for a value that does not exist.
    void set_host_statistics(HostStatistics statistics) {
        reflect::check_enumerator(statistics, "statistics", "MorphogeneticModel");
        host_statistics_ = statistics;
    }
    [[nodiscard]] HostStatistics host_statistics() const noexcept { return host_statistics_; }

    /// Errors: as `forward`, for overrides that it would refuse.
    void check_overrides(const AlphaOverrides& overrides, Index samples) const;

    // ---- an epoch ---------------------------------------------------------------------------

    /// Ticks every slot (S-7); call it after the epoch's decisions. Returns what came of each tick,
    /// in the order of the slots.
    KASMINA_RARE std::vector<TickResult> step_epoch();

    /// Records the score of the whole network, in its unit, with every live seed.
    void record_score(double score) {
        for (SlotType& slot : slots_) slot.record_score(score);
    }
    /// What the network is scored in.
    [[nodiscard]] const ScoreKind& score_kind() const { return services().score; }

    /// Starts to measure the gradients that the last backward pass left, the host's and each active
    /// seed's; waits for nothing, and the gradients may be overwritten after it.
    KASMINA_RARE void launch_gradient_health();

    /// Records ratio and health with the seeds that were measured and are still there (I-4, I-7):
    /// of the launch under way, or else of the gradients as they are. And whether they were stepped
    /// by an optimiser since the last call, if others were (E-5).
    KASMINA_RARE void record_gradient_health();

    /// Drops gradients' norms that were launched and not recorded: they are of what the model was.
    void forget_gradient_health() noexcept { health_.forget(); }

    /// Records with every live seed the amplitudes before and behind it (S-8).
    KASMINA_RARE void record_neighbours();

    // ---- parameters and states --------------------------------------------------------------

    using Named = nn::NamedParameter<Backend>;
    using NamedConst = nn::NamedConstParameter<Backend>;

    /// All that the model owns, by the names that everything else uses (P-6): "host/..." and then
    /// what the host calls it, "slots/r0c1/seed/..." and "slots/r0c1/gate/...". What is used twice
    /// is listed twice.
    [[nodiscard]] KASMINA_RARE nn::Contents<Backend> contents();

    /// The host's parameters, each once where it is used twice.
    [[nodiscard]] KASMINA_RARE std::vector<Named> host_parameters();
    [[nodiscard]] std::vector<NamedConst> host_parameters() const {
        return nn::as_const(mutable_this().host_parameters());
    }

    /// The parameters of all live seeds and their gate networks.
    [[nodiscard]] KASMINA_RARE std::vector<Named> seed_parameters();
    [[nodiscard]] std::vector<NamedConst> seed_parameters() const {
        return nn::as_const(mutable_this().seed_parameters());
    }

    /// Host and seeds, each parameter once.
    [[nodiscard]] KASMINA_RARE std::vector<Named> parameters() {
        return nn::each_once(contents().parameters);
    }
    [[nodiscard]] std::vector<NamedConst> parameters() const {
        return nn::as_const(mutable_this().parameters());
    }

    /// Seeds in training, blending, holding or fossilized.
    [[nodiscard]] Index active_seeds() const noexcept {
        return std::ranges::count_if(slots_, [](const SlotType& slot) { return slot.active(); });
    }
    [[nodiscard]] Index fossilized_seeds() const noexcept {
        return std::ranges::count_if(
            slots_, [](const SlotType& slot) { return slot.stage() == Stage::fossilized; });
    }

    /// Number of values in the host and all live seeds.
    [[nodiscard]] Index total_parameters() const {
        return count([](Stage) { return true; });
    }
    /// Number of values in the host and the seeds that are active.
    [[nodiscard]] Index active_parameters() const {
        return count([](Stage stage) { return is_active(stage); });
    }

    /// Where events go.
    [[nodiscard]] typename Policies::Sink& sink() { return services().sink; }
    /// How often the sink threw, and its first message (T-3).
    [[nodiscard]] const telemetry::Failures& telemetry_failures() const {
        return services().telemetry_failures;
    }
    /// Marks the events from now on, so that they can be found among others; nothing for none.
    void set_correlation_id(std::optional<std::string> id) {
        services().correlation_id = std::move(id);
    }
    /// The gates that guard the slots, with their thresholds.
    [[nodiscard]] typename Policies::Gates& gates() { return services().gates; }
    /// The stream that initial values of seeds are drawn from.
    [[nodiscard]] Generator& generator() { return services().generator; }

    /// The pointers alone, as optimisers and probes take them; valid as long as `named` lives.
    template <class AnyNamed>
    [[nodiscard]] static std::vector<const Parameter<Backend>*> pointers(
        const std::vector<AnyNamed>& named) {
        return parameter_pointers<Backend>(named);
    }
    template <class AnyNamed>
    static std::vector<const Parameter<Backend>*> pointers(const std::vector<AnyNamed>&&) = delete;

private:
    /// Where nobody asks for lessons, a taught seed is none of the pass's business.
    [[nodiscard]] Output run(Pass<Backend>& pass, const Input& input,
                             const AlphaOverrides& overrides, std::vector<Lesson>* lessons,
                             std::span<const std::size_t> waiting = {}) const;

    /// The features behind a slot, told to whoever listens.
    [[nodiscard]] KASMINA_RARE Variable<Backend> tapped(const Pass<Backend>& pass,
                                                        std::size_t place,
                                                        const Variable<Backend>& features,
                                                        const AlphaOverride* chosen,
                                                        bool runs) const;

    [[nodiscard]] nn::Attempt<Backend> attempt(const Pass<Backend>& pass, bool keeps_states) const;

    /// Listing what a model owns changes nothing; only what the list points to may be changed.
    [[nodiscard]] MorphogeneticModel& mutable_this() const noexcept {
        return const_cast<MorphogeneticModel&>(*this);
    }

    [[nodiscard]] static std::string prefix(const SlotType& slot) {
        return "slots/" + slot.name() + "/";
    }

    /// A pass as the host is run with it.
    [[nodiscard]] Pass<Backend> for_host(const Pass<Backend>& pass) const noexcept {
        return host_statistics_ == HostStatistics::moving ? pass : pass.with_still_statistics();
    }

    /// Values in the host and in the live seeds of such stages.
    [[nodiscard]] Index count(bool (*counts)(Stage)) const;

    /// Errors: LifetimeError when the model was moved from.
    [[nodiscard]] SlotServices<Backend, Policies>& services() const {
        if (services_ == nullptr) MovedFrom::refuse("a model");
        return *services_;
    }

    [[nodiscard]] std::size_t place_of(std::string_view name) const {
        static_cast<void>(services());
        return hosts::boundary_of(host_, name) - 1;
    }

    HostType host_;
    std::shared_ptr<SlotServices<Backend, Policies>> services_;
    std::vector<SlotType> slots_;
    NetworkHealth<Backend> health_;
    std::vector<nn::AnyState<Backend>> host_states_;
    std::shared_ptr<nn::Undo<Backend>> undo_ = std::make_shared<nn::Undo<Backend>>();
    HostStatistics host_statistics_ = HostStatistics::moving;
};

template <class HostType, class Blueprints, class Policies>
MorphogeneticModel<HostType, Blueprints, Policies>::MorphogeneticModel(
    Context& context, HostType host, Blueprints, Generator& generator,
    ModelOptions<Policies> options)
    : host_(std::move(host)),
      services_(std::make_shared<SlotServices<Backend, Policies>>(
          SlotServices<Backend, Policies>{.context = &context,
                                          .score = options.score,
                                          .gates = std::move(options.gates),
                                          .sink = std::move(options.sink),
                                          .communicator = std::move(options.communicator),
                                          .telemetry_failures = {},
                                          .generator = Generator(),
                                          .host_parameters = 0,
                                          .environment = options.environment,
                                          .correlation_id = std::nullopt})) {
    hosts::check_points(host_.injection_points());
    check_score(options.score, "MorphogeneticModel");
    check_gates(services_->gates, options.score);
    nn::require_distinct_names(nn::contents<Backend>(host_), "MorphogeneticModel, host");
    const nn::Contents<Backend> host_contents = nn::contents<Backend>(host_);
    if (are_drawn<Backend>(options.host, host_contents.parameters)) {
        host_.initialise(context, generator);
    }
    for (const auto& named : host_contents.states) host_states_.push_back(named.state);
    services_->generator = generator.split();
    for (const Named& named : host_parameters()) {
        services_->host_parameters += named.parameter->size();
    }
    const std::span<const hosts::InjectionPoint> points = host_.injection_points();
    slots_.reserve(points.size());
    for (const hosts::InjectionPoint& point : points) {
        slots_.emplace_back(point.slot_id, HostType::topology, point.channels, options.slots,
                            *services_);
    }
}

template <class HostType, class Blueprints, class Policies>
std::vector<TickResult> MorphogeneticModel<HostType, Blueprints, Policies>::step_epoch() {
    static_cast<void>(services());
    std::vector<TickResult> results;
    results.reserve(slots_.size());
    for (SlotType& slot : slots_) results.push_back(slot.step_epoch());
    return results;
}

template <class HostType, class Blueprints, class Policies>
void MorphogeneticModel<HostType, Blueprints, Policies>::launch_gradient_health() {
    health_.launch(context(), host_parameters(), slots());
}

template <class HostType, class Blueprints, class Policies>
void MorphogeneticModel<HostType, Blueprints, Policies>::record_gradient_health() {
    if (!health_.launched()) launch_gradient_health();
    health_.record(parameters(), slots());
}

template <class HostType, class Blueprints, class Policies>
void MorphogeneticModel<HostType, Blueprints, Policies>::record_neighbours() {
    double total = 0.0;
    for (const SlotType& slot : slots_) total += slot.alpha();
    double upstream = 0.0;
    for (SlotType& slot : slots_) {
        slot.record_neighbours(upstream, total - upstream - slot.alpha());
        upstream += slot.alpha();
    }
}

template <class HostType, class Blueprints, class Policies>
auto MorphogeneticModel<HostType, Blueprints, Policies>::contents() -> nn::Contents<Backend> {
    static_cast<void>(services());
    nn::Contents<Backend> all;
    all.append("host/", nn::contents<Backend>(host_));
    for (const SlotType& slot : slots_) all.append(prefix(slot), slot.contents());
    return all;
}

template <class HostType, class Blueprints, class Policies>
auto MorphogeneticModel<HostType, Blueprints, Policies>::host_parameters() -> std::vector<Named> {
    static_cast<void>(services());
    nn::Contents<Backend> all;
    all.append("host/", nn::contents<Backend>(host_));
    return nn::each_once(std::move(all.parameters));
}

template <class HostType, class Blueprints, class Policies>
auto MorphogeneticModel<HostType, Blueprints, Policies>::seed_parameters() -> std::vector<Named> {
    static_cast<void>(services());
    nn::Contents<Backend> all;
    for (const SlotType& slot : slots_) all.append(prefix(slot), slot.contents());
    return nn::each_once(std::move(all.parameters));
}

template <class HostType, class Blueprints, class Policies>
Index MorphogeneticModel<HostType, Blueprints, Policies>::count(bool (*counts)(Stage)) const {
    Index total = services().host_parameters;
    for (const SlotType& slot : slots_) {
        const Stage stage = slot.stage();
        const bool live = slot.record() != nullptr && !is_failure(stage);
        if (live && counts(stage)) total += slot.record()->metrics.seed_parameters;
    }
    return total;
}

}  // namespace kasmina

#include <kasmina/model/model_forward.hpp>
