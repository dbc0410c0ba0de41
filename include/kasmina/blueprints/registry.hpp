// The registry: an immutable list of blueprint types, known at compile time (spec B-3).
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/blueprints/make_seed.hpp>
#include <kasmina/blueprints/quiet_birth.hpp>
#include <kasmina/blueprints/seed_module.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/values.hpp>
#include <kasmina/topology.hpp>

namespace kasmina {

/// Whether a seed made by name starts as its blueprint does, or quietly (spec B-5).
enum class Birth : std::uint8_t { own, quiet };

/// Two blueprints of one topology that go by one name.
template <class First, class Second>
struct DuplicateName {};

/// Stands where a duplicate would stand if there were one.
struct NoDuplicate {};

namespace detail {

template <class First, class Second>
inline constexpr bool same_name =
    First::topology == Second::topology && First::name == Second::name;

template <class First, class... Rest>
struct DuplicateOf : std::type_identity<NoDuplicate> {};

template <class First, class Second, class... Rest>
struct DuplicateOf<First, Second, Rest...>
    : std::conditional_t<same_name<First, Second>, std::type_identity<DuplicateName<First, Second>>,
                         DuplicateOf<First, Rest...>> {};

template <class... Blueprints>
struct FirstDuplicate : std::type_identity<NoDuplicate> {};

template <class First, class... Rest>
struct FirstDuplicate<First, Rest...>
    : std::conditional_t<std::same_as<typename DuplicateOf<First, Rest...>::type, NoDuplicate>,
                         FirstDuplicate<Rest...>, DuplicateOf<First, Rest...>> {};

}  // namespace detail

namespace detail {

/// `Is`, said of T: the compiler prints which type it was.
template <class T, bool Is>
inline constexpr bool keeps = Is;

/// The duplicate shows in this struct's argument.
template <class Found>
struct RequireDistinctNames {
    static_assert(std::is_same_v<Found, NoDuplicate>,
                  "two blueprints of a list have one name: give one of them another `name`");
    static constexpr bool value = true;
};

struct NamedBlueprint {
    std::string_view name;
    Topology topology;
};

[[noreturn]] KASMINA_COLD inline void refuse_blueprint(std::span<const NamedBlueprint> known,
                                                       Topology topology, std::string_view name) {
    std::string available;
    for (const NamedBlueprint& blueprint : known) {
        if (blueprint.topology == topology) append_to_list(available, blueprint.name);
    }
    throw UnknownNameError(
        "no blueprint of that name for a " + std::string(name_of(topology)) + " host",
        "BlueprintList", available.empty() ? "(none)" : available, name_or_none(name),
        "use a listed name, or add a blueprint with BlueprintList::with");
}

[[nodiscard]] constexpr std::size_t find_blueprint(std::span<const NamedBlueprint> known,
                                                   Topology topology, std::string_view name) {
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (known[i].topology == topology && known[i].name == name) return i;
    }
    refuse_blueprint(known, topology, name);
}

}  // namespace detail

/// One entry of a registry, as a value.
struct BlueprintEntry {
    std::string_view name;
    Topology topology;
    Index parameters;  ///< for the width that was asked, with default options

    friend constexpr bool operator==(const BlueprintEntry&, const BlueprintEntry&) = default;
};

template <class... Blueprints>
class BlueprintList;

template <class List>
inline constexpr bool is_blueprint_list = false;
template <class... Blueprints>
inline constexpr bool is_blueprint_list<BlueprintList<Blueprints...>> = true;

/// A list of blueprints. It has no state: everything is a function of the types. What is no
/// blueprint, and two of one name, do not compile: static assertions say which rule is broken.
template <class... Blueprints>
class BlueprintList {
    // Here, and not in a helper: what the compiler says first is what is wrong.
    static_assert((detail::keeps<Blueprints, HasName<Blueprints>> && ...),
                  "HasName: add `static constexpr std::string_view name` to the blueprint");
    static_assert((detail::keeps<Blueprints, HasTopology<Blueprints>> && ...),
                  "HasTopology: add `static constexpr Topology topology` to the blueprint");
    static_assert(
        (detail::keeps<Blueprints, HasOptions<Blueprints>> && ...),
        "HasOptions: add an aggregate `struct Options` with defaults to the blueprint, and if it "
        "is not empty `using Fields = reflect::List<&Options::first, ...>` to that");
    static_assert((detail::keeps<Blueprints, HasExactParameterCount<Blueprints>> && ...),
                  "HasExactParameterCount: add `static constexpr Index parameter_count(Index "
                  "width, const Options&)` to the blueprint");
    static_assert((detail::keeps<Blueprints, ChecksItsOptions<Blueprints>> && ...),
                  "ChecksItsOptions: add `static constexpr void check(Index width, const "
                  "Options&)`, which throws OptionError, to the blueprint");
    static_assert((detail::keeps<Blueprints, SaysHowItIsBornQuietly<Blueprints>> && ...),
                  "SaysHowItIsBornQuietly: add `static constexpr QuietBirth quiet_birth`, and the "
                  "option that it names, to the blueprint");
    static_assert((detail::keeps<Blueprints, NamesItsCapabilities<Blueprints>> && ...),
                  "NamesItsCapabilities: add `using Needs = kasmina::Needs<capability::...>` to "
                  "the blueprint");
    static_assert(
        detail::RequireDistinctNames<typename detail::FirstDuplicate<Blueprints...>::type>::value);

public:
    static constexpr std::size_t size = sizeof...(Blueprints);

    /// This list and more blueprints; a duplicate name does not compile.
    template <class... More>
    using with = BlueprintList<Blueprints..., More...>;

    /// Whether all of them run on backend B: the rules of blueprint.hpp, one by one.
    template <class B>
    static constexpr bool all_run_on = (RunsOn<Blueprints, B> && ...);
    template <class B>
    static constexpr bool all_have_modules = (HasModule<Blueprints, B> && ...);
    template <class B>
    static constexpr bool all_have_forward = (HasForward<Blueprints, B> && ...);
    template <class B>
    static constexpr bool all_can_be_visited =
        (nn::VisitableModule<typename Blueprints::template Module<B>, B> && ...);

    template <class T>
    static constexpr bool contains = (std::same_as<T, Blueprints> || ...);

    /// The position of a blueprint of the list.
    template <class T>
        requires contains<T>
    static constexpr std::size_t index_of = [] {
        std::size_t index = 0;
        static_cast<void>(((std::same_as<T, Blueprints> || (++index, false)) || ...));
        return index;
    }();

    /// Name, topology and parameters of all, in the list's order.
    [[nodiscard]] static constexpr std::array<BlueprintEntry, size> entries(Index width) {
        return {{{Blueprints::name, Blueprints::topology,
                  Blueprints::parameter_count(width, typename Blueprints::Options{})}...}};
    }

    /// The same from the fewest parameters up; equals keep the list's order.
    [[nodiscard]] static constexpr std::array<BlueprintEntry, size> by_parameters(Index width) {
        auto sorted = entries(width);
        for (std::size_t i = 1; i < size; ++i) {  // insertion: stable, and constexpr
            for (std::size_t j = i; j > 0 && sorted[j].parameters < sorted[j - 1].parameters; --j) {
                std::swap(sorted[j], sorted[j - 1]);
            }
        }
        return sorted;
    }

    [[nodiscard]] static constexpr std::array<std::string_view, size> names() noexcept {
        return {Blueprints::name...};
    }

    /// The position of a blueprint. Errors: UnknownNameError that lists the available names.
    [[nodiscard]] static constexpr std::size_t find(Topology topology, std::string_view name) {
        constexpr std::array<detail::NamedBlueprint, size> known{
            {{Blueprints::name, Blueprints::topology}...}};
        return detail::find_blueprint(known, topology, name);
    }

    /// Calls `f.template operator()<T>()` for the blueprint T at that position.
    /// Errors: UnknownNameError past the end.
    template <class F>
    static constexpr decltype(auto) with_type(std::size_t index, F&& f) {
        return visit_at<F, Blueprints...>(index, f);
    }

    /// Errors: UnknownNameError; OptionError where a seed with default options cannot be made for a
    /// slot of that width.
    KASMINA_RARE static void check(Topology topology, std::string_view name, Index width) {
        with_type(find(topology, name),
                  [width]<class T>() { T::check(width, typename T::Options{}); });
    }

    /// A seed made by name with default options, or with those of a quiet birth. Errors:
    /// UnknownNameError; those of `make_seed`.
    template <class B>
    [[nodiscard]] KASMINA_RARE static std::unique_ptr<SeedModule<B>> make(
        typename B::Context& context, Topology topology, std::string_view name, Index width,
        Generator& generator, Birth birth = Birth::own);

    /// A seed from recorded options (`option_values`). Errors: UnknownNameError; OptionError for
    /// options that the blueprint does not have or that are missing; those of `make_seed`.
    template <class B>
    [[nodiscard]] KASMINA_RARE static std::unique_ptr<SeedModule<B>> make(
        typename B::Context& context, Topology topology, std::string_view name, Index width,
        Generator& generator, const reflect::Values& options);

    /// The options that a seed of the list was made with, as records keep them. Errors:
    /// UnknownNameError for a seed of no blueprint of the list.
    template <class B>
    [[nodiscard]] KASMINA_RARE static reflect::Values option_values(const SeedModule<B>& seed);

private:
    template <class F, class First, class... Rest>
    static constexpr decltype(auto) visit_at(std::size_t index, F& f) {
        if constexpr (sizeof...(Rest) > 0) {
            if (index > 0) return visit_at<F, Rest...>(index - 1, f);
        }
        if (index > 0) {
            throw UnknownNameError("no blueprint at that position", "BlueprintList",
                                   "a position below " + std::to_string(size), "one past the end",
                                   "use a position that find() returned");
        }
        return f.template operator()<First>();
    }
};

template <class... Blueprints>
template <class B>
std::unique_ptr<SeedModule<B>> BlueprintList<Blueprints...>::make(typename B::Context& context,
                                                                  Topology topology,
                                                                  std::string_view name,
                                                                  Index width, Generator& generator,
                                                                  Birth birth) {
    return with_type(find(topology, name), [&]<class T>() -> std::unique_ptr<SeedModule<B>> {
        const typename T::Options options =
            birth == Birth::quiet ? quiet_options<T>() : typename T::Options{};
        return detail::make_any_seed<T, B>(context, width, options, generator);
    });
}

template <class... Blueprints>
template <class B>
std::unique_ptr<SeedModule<B>> BlueprintList<Blueprints...>::make(typename B::Context& context,
                                                                  Topology topology,
                                                                  std::string_view name,
                                                                  Index width, Generator& generator,
                                                                  const reflect::Values& options) {
    return with_type(find(topology, name), [&]<class T>() -> std::unique_ptr<SeedModule<B>> {
        return detail::make_any_seed<T, B>(
            context, width,
            reflect::from_values<typename T::Options>(options, "blueprint " + std::string(name)),
            generator);
    });
}

template <class... Blueprints>
template <class B>
reflect::Values BlueprintList<Blueprints...>::option_values(const SeedModule<B>& seed) {
    return with_type(find(seed.topology(), seed.blueprint()), [&]<class T>() {
        if (const auto* made = seed_as<T>(seed)) return reflect::values_of(made->options());
        throw UnknownNameError("a seed is of another blueprint of that name", "BlueprintList",
                               "a seed that this list made", std::string(seed.blueprint()),
                               "ask the list that it was made from");
    });
}

}  // namespace kasmina
