// Seed: a seed whose stage is part of its type, so that an illegal step does not compile (L-4).
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/blueprints/make_seed.hpp>
#include <kasmina/error.hpp>
#include <kasmina/gates/evidence.hpp>
#include <kasmina/gates/gate_set.hpp>
#include <kasmina/gates/message.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/slot/evidence.hpp>
#include <kasmina/slot/germination.hpp>
#include <kasmina/slot/seed_forward.hpp>
#include <kasmina/slot/stage_access.hpp>
#include <kasmina/slot/stages.hpp>
#include <kasmina/statistics/score_kind.hpp>

namespace kasmina {

/// The stages that a stage may go to, as a type that an error can show.
template <Stage... Stages>
struct MayGoTo {};

namespace slot_detail {

template <Stage From>
consteval std::size_t count_steps() {
    std::size_t count = 0;
    for (const auto& row : transitions.rows) count += row.from == From ? 1 : 0;
    return count;
}

template <Stage From>
consteval auto list_steps() {
    std::array<Stage, count_steps<From>()> steps{};
    std::size_t next = 0;
    for (const auto& row : transitions.rows) {
        if (row.from == From) steps[next++] = row.to;
    }
    return steps;
}

template <Stage From, std::size_t... Is>
auto allowed_of(std::index_sequence<Is...>) -> MayGoTo<list_steps<From>()[Is]...>;

template <Stage From>
using Allowed = decltype(allowed_of<From>(std::make_index_sequence<count_steps<From>()>{}));

template <Stage S, class Stages>
struct Find;

template <Stage S, class First, class... Rest>
struct Find<S, OneOf<First, Rest...>> : Find<S, OneOf<Rest...>> {};

template <Stage S, class First, class... Rest>
    requires(First::stage == S)
struct Find<S, OneOf<First, Rest...>> {
    using type = First;
};

/// The struct of a stage among a slot's.
template <Stage S, class B>
using StageOf = typename Find<S, AnyStage<B>>::type;

}  // namespace slot_detail

/// Whether a step is the one asked for; names from, to and the allowed stages in the condition of
/// an assertion, where clang shows them.
template <Stage From, Stage To, class Allowed = slot_detail::Allowed<From>>
struct Advance {
    static constexpr bool is_forward = next_stage(From) == To;
    static constexpr bool is_allowed = kasmina::is_allowed(From, To);
};

template <Stage S, class Blueprint, class B>
class Seed;

/// What an advance leaves: the seed in its next stage, or unchanged, and the gate's verdict.
template <class Next, class Same>
struct Advanced {
    GateResult gate;
    std::variant<Next, Same> seed;

    [[nodiscard]] bool passed() const noexcept { return seed.index() == 0; }
    /// The advanced seed. Errors: GateError when the gate refused.
    [[nodiscard]] Next next() && {
        if (!passed()) refuse("a seed that advanced", message_of(gate), "same() has it");
        return std::get<0>(std::move(seed));
    }
    /// The seed as it was. Errors: GateError when it advanced.
    [[nodiscard]] Same same() && {
        if (passed()) refuse("a seed that was refused", "one that advanced", "next() has it");
        return std::get<1>(std::move(seed));
    }

private:
    [[noreturn]] KASMINA_COLD static void refuse(const char* expected, const std::string& got,
                                                 const char* mend) {
        throw GateError("the gate decided otherwise", "Advanced", expected, got,
                        std::string("ask passed() first; ") + mend);
    }
};

/// A seed outside any slot, in stage S. Move-only; a step consumes it and gives the next one. It
/// is the same state that a run-time slot holds, and takes the same steps: a slot takes it in with
/// `plant`, and hands it out with `take`. Errors of all that is asked of a seed that was moved
/// from, as by a step: LifetimeError.
template <Stage S, class Blueprint, class B>
class Seed {
public:
    using Module = typename Blueprint::template Module<B>;
    using State = slot_detail::StageOf<S, B>;
    static constexpr Stage stage = S;
    /// Whether it has a module.
    static constexpr bool is_live = requires(State& state) { state.seed; };

    /// Errors: LifecycleError for the seed of another blueprint; LifetimeError for no seed.
    explicit Seed(State state) : state_(std::move(state)) {
        if constexpr (is_live) {
            const auto& made = held().seed->module();
            if (seed_as<Blueprint>(made) != nullptr) return;
            throw LifecycleError("a typed seed is of another blueprint", "Seed",
                                 std::string(Blueprint::name), std::string(made.blueprint()),
                                 "name the blueprint that the seed was made from");
        }
    }
    Seed(Seed&&) noexcept = default;
    Seed& operator=(Seed&&) noexcept = default;

    [[nodiscard]] SeedRecord& record() { return *slot_detail::RecordIn{}(held()); }
    [[nodiscard]] const SeedRecord& record() const { return *slot_detail::RecordIn{}(held()); }

    /// The module; only live stages have one.
    [[nodiscard]] Module& module()
        requires is_live
    {
        return static_cast<SeedModuleOf<Blueprint, B>&>(held().seed->module()).module();
    }

    /// Channels, or width of the states, that the module was made for.
    [[nodiscard]] Index width() const
        requires is_live
    {
        return held().seed->module().width();
    }

    /// Parameters of the module, "seed/...", and its gate network, "gate/...".
    [[nodiscard]] const std::vector<nn::NamedParameter<B>>& parameters() const
        requires is_live
    {
        return held().seed->contents().parameters;
    }

    /// Whether its input is cut off from the host's gradient (I-1).
    [[nodiscard]] bool isolated() const
        requires is_live
    {
        return held().seed->isolated;
    }

    /// The amplitude's schedule; 0 in stages that have none.
    [[nodiscard]] AlphaState alpha() const {
        if constexpr (requires { state_.alpha; }) {
            return held().alpha.state();
        } else {
            return {};
        }
    }

    /// The host's features with the seed's influence, as its slot would give them (S-10).
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& host) const
        requires is_live
    {
        return slot_detail::forward_in_stage(pass, S, alpha().alpha, *held().seed, host);
    }

    /// The features with a seed in training at its target amplitude: where it is taught from when
    /// it is incubated by feedback (I-9).
    [[nodiscard]] Variable<B> forward_taught(Pass<B>& pass, const Variable<B>& host) const
        requires(S == Stage::training)
    {
        return slot_detail::forward_taught(pass, *held().seed, host);
    }

    /// One epoch: counts it, and ticks the ramp of a blending seed.
    void tick() {
        ++record().metrics.epochs_in_stage;
        if constexpr (is_live) ++record().metrics.epochs_total;
        if constexpr (S == Stage::blending) {
            if (state_.alpha.tick()) slot_detail::thaw(state_);
        }
    }

    /// Takes the forward step to `To` if the gate on it lets the seed pass. Anything but the
    /// forward step does not compile; nor does a gate set without that gate (G-0). `Guard`
    /// and `Allowed` are there so that the compiler prints them. `point` is what a point of the
    /// score is worth in its unit (`ScoreKind::point`). Errors: those of check_thresholds.
    template <Stage To, class Gates, Gate Guard = gate_of(S, To).value_or(Gate::none),
              class Allowed = slot_detail::Allowed<S>>
    [[nodiscard]] auto advance(const Gates& gates, double point = 1.0) && {
        static_assert(Advance<S, To, Allowed>::is_forward,
                      "illegal advance: this is no forward step; MayGoTo<...> says where the seed "
                      "may go: advance to its gated stage, or prune");
        if constexpr (Advance<S, To, Allowed>::is_forward) {
            static_assert(GateIsInSet<Guard, Gates::template has<Guard>>::value,
                          "this gate set lacks the gate on this step: add a policy for it");
            using Next = Seed<To, Blueprint, B>;
            check_gates(gates, ScoreKind{.point = point});
            GateResult verdict =
                gates.template evaluate<Guard>(evidence_of(S, &record(), alpha(), point));
            if (!verdict.passed()) {
                return Advanced<Next, Seed>{
                    verdict, std::variant<Next, Seed>(std::in_place_index<1>, std::move(*this))};
            }
            return Advanced<Next, Seed>{
                verdict, std::variant<Next, Seed>(std::in_place_index<0>,
                                                  std::move(*this).template step<To>())};
        }
    }

    /// Frees the module and keeps the record; where the table has no such step it does not
    /// compile. `To` and `Allowed` are there so that the compiler prints them.
    template <Stage To = Stage::pruned, class Allowed = slot_detail::Allowed<S>>
        requires(To == Stage::pruned)
    [[nodiscard]] auto prune(std::string reason) && {
        static_assert(Advance<S, To, Allowed>::is_allowed,
                      "illegal advance: this stage cannot be pruned; MayGoTo<...> says where the "
                      "seed may go");
        if constexpr (Advance<S, To, Allowed>::is_allowed) {
            record().metrics.record_prune(std::move(reason));
            return std::move(*this).template step<To>();
        }
    }

    /// What a slot holds of it; for `Slot::plant`.
    [[nodiscard]] State release() && { return std::move(held()); }

private:
    /// Errors: LifetimeError when the seed has been moved from.
    [[nodiscard]] State& held() {
        static_cast<void>(std::as_const(*this).held());
        return state_;
    }
    [[nodiscard]] const State& held() const {
        moved_.check("a typed seed");
        if constexpr (is_live) {
            if (state_.seed == nullptr) MovedFrom::refuse("a typed seed");
        }
        return state_;
    }

    template <Stage To>
    [[nodiscard]] Seed<To, Blueprint, B> step() && {
        using ToState = slot_detail::StageOf<To, B>;
        slot_detail::StepInput<B> input;
        input.stays_isolated_in_blending = stays_isolated_in_blending(Blueprint::topology);
        Seed<To, Blueprint, B> next(
            slot_detail::Step<State, ToState>::take(std::move(held()), input));
        next.record().enter(S, To);
        return next;
    }

    State state_;
    MovedFrom moved_;
};

/// A germinated seed of a blueprint, ready to advance to training: made and checked as a slot's is,
/// born quietly where it is blended by multiplication (B-5). Errors: OptionError; those of
/// `make_seed`.
template <class Blueprint, class B>
    requires BlueprintFor<Blueprint, B>
[[nodiscard]] Seed<Stage::germinated, Blueprint, B> germinate_seed(
    typename B::Context& context, Index width, Generator& generator,
    typename Blueprint::Options options = {}, const GerminationOptions& blend = {}) {
    check_germination_options(blend, "germinate_seed");
    if (slot_detail::birth_of(blend) == Birth::quiet) options = quiet_options<Blueprint>(options);
    Generator drawn = generator;
    auto seed = std::make_unique<slot_detail::LiveSeed<B>>(
        context, make_seed<Blueprint, B>(context, width, options, drawn), blend, drawn);
    generator = drawn;
    seed->record.seed_id = blend.seed_id.empty() ? std::string(Blueprint::name) : blend.seed_id;
    seed->record.enter(Stage::dormant, Stage::germinated);
    return Seed<Stage::germinated, Blueprint, B>({std::move(seed)});
}

}  // namespace kasmina
