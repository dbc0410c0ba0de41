// Parts: what can be saved, what each is called, and how its state is taken and put back.
#pragma once

#include <algorithm>
#include <concepts>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <kasmina/error.hpp>
#include <kasmina/model/model_restore.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/reflect/name_letter.hpp>

/// \file
/// A part is a model; an optimiser, learner, grower or trainer; anything that gives its state as
/// `state()` and takes it back as `restore(state)` (generators, sources of batches, controllers);
/// or a plain struct of the user's that lists its fields. Each has a name in the file: library
/// types their own, a struct what its `part_name` says, anything what `named` says.
namespace kasmina::checkpoint {

/// A part by another name: `checkpoint::named("batches", source)`.
template <class P>
struct Named {
    std::string name;
    P* part;
};

/// Gives a part a name of its own in the file: letters, digits, underscores. The part must outlive
/// the call that takes it.
template <class P>
[[nodiscard]] Named<P> named(std::string name, P& part) {
    return {std::move(name), &part};
}

/// A remark that is saved beside the parts; `peek` shows it.
struct Note {
    std::string text;
};

namespace detail {

template <class P>
inline constexpr bool is_named = false;
template <class P>
inline constexpr bool is_named<Named<P>> = true;

/// Has a name without being told one.
template <class P>
concept HasPartName = requires {
    { std::remove_cv_t<P>::part_name } -> std::convertible_to<std::string_view>;
};

template <class P>
concept ModelPart = requires(P& part) {
    typename P::SlotType;
    typename P::Host;
    part.contents();
    part.slots();
};

/// Stands for the model of a checkpoint without one.
struct NoModel {};

template <class P>
[[nodiscard]] auto as_named(P& part) {
    using Plain = std::remove_cv_t<P>;
    if constexpr (is_named<Plain>) {
        return part;
    } else if constexpr (HasPartName<P>) {
        return Named<P>{std::string(Plain::part_name), &part};
    } else {
        static_assert(HasPartName<P>,
                      "this part has no name: pass checkpoint::named(\"name\", part), or give its "
                      "type `static constexpr std::string_view part_name`");
        return Named<P>{std::string(), &part};
    }
}

/// Its state, as `record::write` takes it.
template <class P, class Model>
[[nodiscard]] auto state_of_part(P& part, [[maybe_unused]] Model& model) {
    if constexpr (ModelPart<P>) {
        return state_of(part);
    } else if constexpr (requires { part.state(model); }) {
        return part.state(model);
    } else if constexpr (requires { part.state(model.context(), model.parameters()); }) {
        return part.state(model.context(), model.parameters());
    } else if constexpr (requires { part.state(model.context()); }) {
        return part.state(model.context());
    } else if constexpr (requires { part.state(); }) {
        return std::remove_cvref_t<decltype(part.state())>(part.state());
    } else {
        static_assert(!std::same_as<Model, Model>,
                      "this cannot be saved: pass its model too, and where it has a controller or "
                      "a source let that have state() and restore(state)");
    }
}

/// A struct that is its own state.
template <class P>
concept PlainPart = reflect::Reflected<P> && !requires(P& part) { part.state(); };

template <class P, class Model>
struct StateOfPart {
    using Type = decltype(state_of_part(std::declval<P&>(), std::declval<Model&>()));
};
template <PlainPart P, class Model>
struct StateOfPart<P, Model> {
    using Type = std::remove_cv_t<P>;
};

/// Tensors of a model are called host/... and slots/..., those of other parts begin with the part's
/// name. Errors: OptionError for a name that a part cannot have.
inline void check_part_name(std::string_view name, bool is_model) {
    const auto refuse = [name](std::string_view what, std::string_view expected) {
        throw OptionError(what, "checkpoint", expected, name_or_none(name),
                          "give it another with checkpoint::named");
    };
    if (is_model != (name == "model")) {
        refuse(is_model ? "a model goes by another name" : "a part goes by a model's name",
               "model for a model, and for nothing else");
    }
    if (name.empty() || name == "host" || name == "slots" ||
        !std::ranges::all_of(name, reflect::is_name_letter)) {
        refuse("a part of a checkpoint cannot have this name",
               "letters, digits and underscores, and not host or slots");
    }
}

/// Of parts that are saved or loaded together. Errors: as above; DuplicateNameError for a name that
/// two of them have.
template <class... Parts>
void check_part_names(const std::tuple<Parts...>& parts) {
    std::set<std::string_view> names;
    const auto check = [&names](const auto& part) {
        check_part_name(part.name, ModelPart<std::remove_pointer_t<decltype(part.part)>>);
        if (names.insert(part.name).second) return;
        throw DuplicateNameError("two parts of a checkpoint go by one name", "checkpoint",
                                 "each name once", "a second " + part.name,
                                 "give one of them another with checkpoint::named");
    };
    std::apply([&check](const auto&... each) { (check(each), ...); }, parts);
}

/// Runs `rest`, and `undo` if that throws.
template <class Rest, class Undo>
void run_or_undo(Rest& rest, Undo&& undo) {
    try {
        rest();
    } catch (...) {
        undo();
        throw;
    }
}

/// `part` and `other` change places, `rest` is run, and they change back if that throws.
template <class P, class Rest>
void swap_and_run(P& part, P& other, Rest& rest) {
    std::swap(part, other);
    run_or_undo(rest, [&] { std::swap(part, other); });
}

/// Puts `state` in the part's place, runs `rest`, and puts all back if that throws.
template <class P, class Model, class State, class Rest>
void replace_part(P& part, [[maybe_unused]] Model& model, State& state, Rest&& rest) {
    if constexpr (PlainPart<P>) {
        swap_and_run(part, state, rest);
    } else if constexpr (requires { part.prepare(model, std::move(state)); }) {
        auto next = part.prepare(model, std::move(state));
        part.exchange(next);
        run_or_undo(rest, [&] { part.exchange(next); });
    } else if constexpr (requires {
                             part.restored(model.context(), model.parameters(), std::move(state));
                         }) {
        P next = part.restored(model.context(), model.parameters(), std::move(state));
        swap_and_run(part, next, rest);
    } else if constexpr (requires { P::from_state(state); }) {
        P next = P::from_state(state);
        swap_and_run(part, next, rest);
    } else {
        const State before = part.state();
        part.restore(state);
        run_or_undo(rest, [&] { part.restore(before); });
    }
}

}  // namespace detail
}  // namespace kasmina::checkpoint
