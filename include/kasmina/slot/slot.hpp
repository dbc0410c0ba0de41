// Slot: a place in a host where a seed lives through its lifecycle, at run time.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include <kasmina/blueprints/registry.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/reflect/values.hpp>
#include <kasmina/slot/restore_stage.hpp>
#include <kasmina/slot/slot_tick.hpp>
#include <kasmina/slot/typed_seed.hpp>

namespace kasmina {

/// A named place at a segment boundary of a host. All lifecycle calls are collective under data
/// parallelism. Every call either does what it says or leaves the slot as it was. This layer is the
/// one that knows the blueprints: seeds come in here, and go out.
template <class B, class Blueprints, class Policies = DefaultPolicies>
class Slot final : public SlotTick<B, Policies> {
    using Base = SlotTick<B, Policies>;

public:
    using Base::Base;

    // ---- seeds that are made here -----------------------------------------------------------

    /// Germinates a blueprint by name (S-1). A seed that is blended by multiplication is born
    /// quietly (B-5). Errors: LifecycleError unless dormant; UnknownNameError listing the available
    /// blueprints; OptionError; ShapeError when the module does not preserve shapes. The slot is as
    /// it was after any of these.
    KASMINA_RARE AdvanceResult germinate(std::string_view blueprint,
                                         const GerminationOptions& options = {});

    /// Germinates a blueprint by type, with options of its own. Errors: as above; OptionError for a
    /// blueprint of another topology.
    template <class Blueprint>
    KASMINA_RARE AdvanceResult germinate(const GerminationOptions& options = {},
                                         typename Blueprint::Options blueprint_options = {}) {
        static_assert(Blueprints::template contains<Blueprint>,
                      "BlueprintList: the model's list lacks this blueprint: make the model with "
                      "`CnnBlueprints::with<Mine>{}`");
        slot_detail::check_dormant(this->where(), this->stage());
        check_germination_options(options, this->where());
        slot_detail::check_fits(this->where(), Blueprint::topology, this->topology_, this->width_,
                                this->width_);
        if (slot_detail::birth_of(options) == Birth::quiet) {
            blueprint_options = quiet_options<Blueprint>(blueprint_options);
        }
        Generator generator = this->services_->generator;
        auto module = make_seed<Blueprint, B>(this->backend_context(), this->width_,
                                              blueprint_options, generator);
        return germinate(std::move(module), options, generator);
    }

    // ---- typed seeds ------------------------------------------------------------------------

    /// Plants a seed that lived outside: the slot is then in its stage, with its record, amplitude
    /// and isolation. G0 is asked as at a germination; when it refuses, `seed` is still the
    /// caller's, as after an error. Errors: LifecycleError unless dormant; OptionError for a seed
    /// of another topology or width; StateError for one that was scored the other way round.
    template <Stage S, class Blueprint>
        requires(Blueprints::template contains<Blueprint> && Seed<S, Blueprint, B>::is_live)
    KASMINA_RARE AdvanceResult plant(Seed<S, Blueprint, B>&& seed) {
        slot_detail::check_dormant(this->where(), this->stage());
        slot_detail::check_fits(this->where(), Blueprint::topology, this->topology_, seed.width(),
                                this->width_);
        AdvanceResult result = ask_for_place(seed.record(), S);
        if (!result.advanced) return result;
        SeedMetrics& metrics = seed.record().metrics;
        slot_detail::check_direction(this->where(), metrics, this->services_->score);
        metrics.score_falls = this->services_->score.falls;
        metrics.host_parameters = this->services_->host_parameters;
        this->state_ = std::move(seed).release();
        this->send([this] {
            return telemetry_events::stage_changed(this->context(), Stage::dormant, S, 0);
        });
        tell_of_germination();
        return result;
    }

    /// Hands the seed out as a typed one; the slot is dormant then, with no cooldown. Errors:
    /// LifecycleError that says why not: another stage, another blueprint, or a prune that is
    /// scheduled.
    template <Stage S, class Blueprint>
        requires(Blueprints::template contains<Blueprint> && Seed<S, Blueprint, B>::is_live)
    [[nodiscard]] KASMINA_RARE Seed<S, Blueprint, B> take() {
        using Held = typename Seed<S, Blueprint, B>::State;
        Held* held = this->state_.template get_if<Held>();
        const SeedRecord* record = this->record();
        const bool is_of_blueprint =
            held != nullptr && seed_as<Blueprint>(held->seed->module()) != nullptr;
        slot_detail::check_taken(this->where(), S, Blueprint::name, this->stage(),
                                 record == nullptr ? "nothing" : record->blueprint, is_of_blueprint,
                                 this->report().prune_scheduled);
        const int epochs = record->metrics.epochs_in_stage;
        this->send([&] {
            telemetry::SeedContext leaving = this->context();
            leaving.stage = name_of(Stage::dormant);
            return telemetry_events::stage_changed(std::move(leaving), S, Stage::dormant, epochs);
        });
        Seed<S, Blueprint, B> taken(std::move(*held));
        this->state_.template emplace<slot_detail::Dormant>({});
        return taken;
    }

    // ---- state ------------------------------------------------------------------------------

    /// Everything but tensors; `restore` on a slot of the same place goes on from it.
    [[nodiscard]] SlotState state() const;

    /// Takes over a stored state, whatever the slot is in: the seed is made anew from its
    /// blueprint's name and options (its tensors' values are loaded after this), and a dormant
    /// state makes the slot dormant. Draws nothing from the random stream and sends no telemetry.
    /// Errors: StateError naming the field, for a state that no slot comes to, that of another
    /// place, or a blueprint or its options that do not exist; OptionError for options that no slot
    /// or germination takes. The slot is as it was then.
    void restore(const SlotState& state);

    /// What a slot is to be made of: a stage with its seed, and options.
    struct Prepared {
        slot_detail::AnyStage<B> stage;
        SlotOptions options;

        /// Of its seed, as `contents` of a slot: where values are to be loaded.
        [[nodiscard]] nn::Contents<B> contents() const {
            const auto* live = slot_detail::live_seed(stage);
            return live == nullptr ? nn::Contents<B>{} : live->contents();
        }
    };

    /// The part of `restore` that may fail, for those who restore several things together. Errors:
    /// as `restore`.
    [[nodiscard]] Prepared prepare(const SlotState& state) const;

    /// The part that does not: what the slot was is in `other` after it.
    void exchange(Prepared& other) noexcept {
        std::swap(this->state_, other.stage);
        std::swap(this->options_, other.options);
    }

private:
    using Live = slot_detail::LiveSeed<B>;
    using Germinated = slot_detail::Germinated<B>;

    /// What is the same for all blueprints. The random stream moves on only if the seed stays.
    KASMINA_RARE AdvanceResult germinate(std::unique_ptr<SeedModule<B>> module,
                                         const GerminationOptions& options, Generator& generator);

    /// G0's verdict on a seed that is to live here (G-1).
    [[nodiscard]] KASMINA_RARE AdvanceResult ask_for_place(const SeedRecord& record, Stage to);

    /// A stored seed's module, made from its blueprint's name and options; its values are drawn
    /// from no stream that counts. Errors: StateError for a name or options that do not exist.
    [[nodiscard]] std::unique_ptr<SeedModule<B>> remade(const SeedRecord& record,
                                                        const LiveSeedState& seed) const {
        Generator scratch(0);
        try {
            return Blueprints::template make<B>(this->backend_context(), this->topology_,
                                                record.blueprint, this->width_, scratch,
                                                seed.blueprint_options);
        } catch (const UnknownNameError& error) {
            slot_detail::refuse_state(this->where(), "record.blueprint", error.expected(),
                                      error.got());
        } catch (const OptionError& error) {
            slot_detail::refuse_state(this->where(), "seed.blueprint_options", error.expected(),
                                      error.got() + " (" + error.what_happened() + ")");
        }
    }

    KASMINA_RARE void tell_of_germination() {
        this->send([this] {
            return telemetry_events::germinated(this->context(), this->services_->host_parameters);
        });
    }
};

template <class B, class Blueprints, class Policies>
AdvanceResult Slot<B, Blueprints, Policies>::germinate(std::string_view blueprint,
                                                       const GerminationOptions& options) {
    slot_detail::check_dormant(this->where(), this->stage());
    static_cast<void>(Blueprints::find(this->topology_, blueprint));
    check_germination_options(options, this->where());
    Generator generator = this->services_->generator;
    auto module =
        Blueprints::template make<B>(this->backend_context(), this->topology_, blueprint,
                                     this->width_, generator, slot_detail::birth_of(options));
    return germinate(std::move(module), options, generator);
}

template <class B, class Blueprints, class Policies>
AdvanceResult Slot<B, Blueprints, Policies>::germinate(std::unique_ptr<SeedModule<B>> module,
                                                       const GerminationOptions& options,
                                                       Generator& generator) {
    auto seed =
        std::make_unique<Live>(this->backend_context(), std::move(module), options, generator);
    SeedRecord& record = seed->record;
    record.seed_id =
        options.seed_id.empty() ? this->name_ + "-" + record.blueprint : options.seed_id;
    record.metrics.host_parameters = this->services_->host_parameters;
    record.metrics.score_falls = this->services_->score.falls;
    AdvanceResult result = ask_for_place(record, Stage::germinated);
    if (!result.advanced) return result;
    this->template go<Germinated>(std::move(seed));
    this->services_->generator = generator;
    tell_of_germination();
    return result;
}

template <class B, class Blueprints, class Policies>
SlotState Slot<B, Blueprints, Policies>::state() const {
    SlotState state;
    state.name = this->name_;
    state.topology = this->topology_;
    state.width = this->width_;
    state.options = this->options_;
    slot_detail::describe<B>(this->state_, state);
    if (const auto* live = this->live_seed()) {
        state.seed->blueprint_options = Blueprints::template option_values<B>(live->module());
    }
    return state;
}

template <class B, class Blueprints, class Policies>
void Slot<B, Blueprints, Policies>::restore(const SlotState& state) {
    Prepared next = prepare(state);
    exchange(next);
}

template <class B, class Blueprints, class Policies>
auto Slot<B, Blueprints, Policies>::prepare(const SlotState& state) const -> Prepared {
    slot_detail::check_place(state, this->where(), this->name_, this->topology_, this->width_);
    slot_detail::check_slot_state(state, this->where());
    if (state.record) {
        slot_detail::check_direction(this->where(), state.record->metrics, this->services_->score);
    }
    std::unique_ptr<SeedModule<B>> module;
    if (state.seed) module = remade(*state.record, *state.seed);
    return {slot_detail::restored_stage<B>(this->backend_context(), state, std::move(module),
                                           this->where()),
            state.options};
}

template <class B, class Blueprints, class Policies>
AdvanceResult Slot<B, Blueprints, Policies>::ask_for_place(const SeedRecord& record, Stage to) {
    GateEvidence seen;
    seen.stage = Stage::dormant;
    seen.has_seed_id = !record.seed_id.empty();
    seen.has_blueprint_id = !record.blueprint.empty();
    return this->decide(Gate::g0, seen, Stage::dormant, to);
}

}  // namespace kasmina
