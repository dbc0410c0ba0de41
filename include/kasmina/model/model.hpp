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

#include <kasmina/hosts/host.hpp>
#include <kasmina/health/gradient_health.hpp>
#include <kasmina/slot/slot.hpp>

namespace kasmina {

/// What a model's slots are made with.
template <class Policies = DefaultPolicies>
struct ModelOptions {
    SlotOptions slots{};
    typename Policies::Gates gates{};
    typename Policies::Sink sink{};
    typename Policies::Communicator communicator{};
    std::optional<std::int64_t> environment{};  ///< of telemetry, absent when there is just one
};

/// A network that grows (H-4): runs the host's segments and the slots between them in execution
/// order. With no active slot it is exactly the host. Move-only; its slots stay where they are
/// when it moves (S-11).
template <class HostType, class Blueprints, class Policies = DefaultPolicies>
class MorphogeneticModel {
    // Not a constraint: g++ would tell the broken rule too far down its message.
    static_assert(hosts::RequireHost<HostType>::value);

public:
    using Backend = typename HostType::Backend;
    using Host = HostType;
    using SlotType = Slot<Backend, Blueprints, Policies>;
    using Context = typename Backend::Context;

    /// Draws the host's initial values from `generator`, and the stream that seeds will start
    /// from.
    MorphogeneticModel(HostType host, Blueprints, Generator& generator,
                       ModelOptions<Policies> options = {})
        : host_(std::move(host)),
          services_(std::make_unique<SlotServices<Policies>>(
              SlotServices<Policies>{.gates = std::move(options.gates),
                                     .sink = std::move(options.sink),
                                     .communicator = std::move(options.communicator),
                                     .telemetry_failures = {},
                                     .generator = Generator(),
                                     .host_parameters = 0,
                                     .environment = options.environment,
                                     .correlation_id = std::nullopt})) {
        host_.initialise(generator);
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

    [[nodiscard]] HostType& host() noexcept { return host_; }
    [[nodiscard]] const HostType& host() const noexcept { return host_; }

    /// All slots in execution order.
    [[nodiscard]] std::span<SlotType> slots() noexcept { return slots_; }
    [[nodiscard]] std::span<const SlotType> slots() const noexcept { return slots_; }

    /// The slot of that name. Errors: UnknownNameError that lists the available ones.
    [[nodiscard]] SlotType& slot(std::string_view name) {
        return slots_[hosts::boundary_of(host_, name) - 1];
    }
    [[nodiscard]] const SlotType& slot(std::string_view name) const {
        return slots_[hosts::boundary_of(host_, name) - 1];
    }

    // ---- forward ----------------------------------------------------------------------------

    /// A training pass. One thread at a time: batch statistics move.
    [[nodiscard]] Variable<Backend> forward(Tape<Backend>& tape, const Variable<Backend>& input) {
        return run(tape, input, Mode::training, {});
    }

    /// An evaluation, with other amplitudes where `overrides` says so. Changes nothing, so
    /// several threads may run it at once, each with a tape and a context of its own. Errors:
    /// UnknownNameError for a slot that is not there; OptionError for an override that does not
    /// fit its slot or the batch.
    [[nodiscard]] Variable<Backend> evaluate(Tape<Backend>& tape, const Variable<Backend>& input,
                                             const AlphaOverrides& overrides = {}) const {
        return run(tape, input, Mode::evaluation, overrides);
    }

    // ---- an epoch ---------------------------------------------------------------------------

    /// Ticks every slot (S-7); call it after the epoch's decisions. Returns what came of each tick,
    /// in the order of the slots.
    std::vector<TickResult> step_epoch() {
        std::vector<TickResult> results;
        results.reserve(slots_.size());
        for (SlotType& slot : slots_) results.push_back(slot.step_epoch());
        return results;
    }

    /// Records the accuracy of the whole network, in percentage points, with every live seed.
    void record_accuracy(double accuracy) {
        for (SlotType& slot : slots_) slot.record_accuracy(accuracy);
    }

    /// Measures the gradients that the last backward pass left, the host's once and each active
    /// seed's, and records ratio and health with the seeds (I-4, I-7).
    void record_gradient_health(Context& context) {
        std::optional<GradientNorm> host_norm;
        for (SlotType& slot : slots_) {
            if (!slot.active()) continue;
            if (!host_norm) host_norm = probe_.measure(context, pointers(host_parameters()));
            const GradientNorm seed = probe_.measure(context, pointers(slot.learning_parameters()));
            slot.record_gradients(*host_norm, seed, probe_.tensor_norms());
        }
    }

    /// Records with every live seed the amplitudes before and behind it (S-8).
    void record_neighbours() {
        double total = 0.0;
        for (const SlotType& slot : slots_) total += slot.alpha();
        double upstream = 0.0;
        for (SlotType& slot : slots_) {
            slot.record_neighbours(upstream, total - upstream - slot.alpha());
            upstream += slot.alpha();
        }
    }

    // ---- parameters -------------------------------------------------------------------------

    using Named = nn::NamedParameter<Backend>;

    /// The host's parameters, each once where it is used twice.
    [[nodiscard]] std::vector<Named> host_parameters() {
        return deduplicated(nn::parameters<Backend>(host_));
    }

    /// The parameters of all live seeds, as "r0c1.conv.weight".
    [[nodiscard]] std::vector<Named> seed_parameters() {
        std::vector<Named> all;
        for (SlotType& slot : slots_) {
            for (Named& named : slot.parameters()) {
                all.push_back({slot.name() + "." + named.name, named.parameter});
            }
        }
        return all;
    }

    /// Host and seeds.
    [[nodiscard]] std::vector<Named> parameters() {
        std::vector<Named> all = host_parameters();
        for (Named& named : seed_parameters()) all.push_back(std::move(named));
        return deduplicated(std::move(all));
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
    [[nodiscard]] Index total_parameters() const noexcept {
        return count([](Stage) { return true; });
    }
    /// Number of values in the host and the seeds that are active.
    [[nodiscard]] Index active_parameters() const noexcept {
        return count([](Stage stage) { return is_active(stage); });
    }

    /// Where events go.
    [[nodiscard]] typename Policies::Sink& sink() noexcept { return services_->sink; }
    /// How often the sink threw, and its first message (T-3).
    [[nodiscard]] const telemetry::Failures& telemetry_failures() const noexcept {
        return services_->telemetry_failures;
    }
    /// Marks the events from now on, so that they can be found among others; nothing for none.
    void set_correlation_id(std::optional<std::string> id) {
        services_->correlation_id = std::move(id);
    }
    /// The gates that guard the slots, with their thresholds.
    [[nodiscard]] typename Policies::Gates& gates() noexcept { return services_->gates; }
    /// The stream that initial values of seeds are drawn from.
    [[nodiscard]] Generator& generator() noexcept { return services_->generator; }

    /// The pointers alone, as optimisers and probes take them.
    [[nodiscard]] static std::vector<const Parameter<Backend>*> pointers(
        const std::vector<Named>& named) {
        std::vector<const Parameter<Backend>*> all;
        all.reserve(named.size());
        for (const Named& entry : named) all.push_back(entry.parameter);
        return all;
    }

private:
    [[nodiscard]] Variable<Backend> run(Tape<Backend>& tape, const Variable<Backend>& input,
                                        Mode mode, const AlphaOverrides& overrides) const {
        for (const AlphaOverride& entry : overrides.entries()) {
            slot(entry.slot).check_override(entry, input.shape()[0]);
        }
        std::size_t boundary = hosts::start_boundary;
        Variable<Backend> state = input;
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const AlphaOverride* chosen = overrides.find(slots_[i].name());
            if (!slots_[i].runs(tape.recording(), chosen)) continue;
            state = host_.forward(tape, state, boundary, i + 1, mode);
            state = slots_[i].forward(tape, state, chosen);
            boundary = i + 1;
        }
        return host_.forward(tape, state, boundary, slots_.size() + 1, mode);
    }

    template <class Predicate>
    [[nodiscard]] Index count(Predicate counts) const noexcept {
        Index total = services_->host_parameters;
        for (const SlotType& slot : slots_) {
            const Stage stage = slot.stage();
            const bool live = slot.record() != nullptr && !is_failure(stage);
            if (live && counts(stage)) total += slot.record()->metrics.seed_parameters;
        }
        return total;
    }

    [[nodiscard]] static std::vector<Named> deduplicated(std::vector<Named> all) {
        std::vector<Named> once;
        for (Named& named : all) {
            const bool seen = std::ranges::any_of(once, [&](const Named& other) {
                return other.parameter->state() == named.parameter->state();
            });
            if (!seen) once.push_back(std::move(named));
        }
        return once;
    }

    HostType host_;
    std::unique_ptr<SlotServices<Policies>> services_;
    std::vector<SlotType> slots_;
    GradientProbe<Backend> probe_;
};

}  // namespace kasmina
