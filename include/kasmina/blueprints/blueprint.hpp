// The blueprint concept: a recipe for a shape-preserving module, in small named rules (spec B-1).
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include <kasmina/autodiff/pass.hpp>
#include <kasmina/blueprints/capability.hpp>
#include <kasmina/blueprints/quiet_birth.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/values.hpp>
#include <kasmina/tensor/sizes.hpp>
#include <kasmina/topology.hpp>

namespace kasmina {

/// `static constexpr std::string_view name`: what look-ups and records call it.
template <class T>
concept HasName = requires { requires std::same_as<decltype(T::name), const std::string_view>; };

/// `struct Options`: an aggregate of plain values, with defaults and a list of its `Fields`
/// (reflect/fields.hpp) unless it is empty.
template <class T>
concept HasOptions =
    std::is_aggregate_v<typename T::Options> && reflect::PlainStruct<typename T::Options> &&
    std::default_initializable<typename T::Options> && std::copyable<typename T::Options>;

namespace detail {

/// A constant where `parameter_count` is constexpr. (nvcc takes no call of a function with locals
/// as a template argument inside a requirement, but does take what such a call initialises.)
template <class T>
inline const Index count_at_width_8 = T::parameter_count(Index{8}, typename T::Options{});

}  // namespace detail

/// `static constexpr Index parameter_count(Index width, const Options&)`, exact.
template <class T>
concept HasExactParameterCount = requires(Index width, const typename T::Options& options) {
    { T::parameter_count(width, options) } -> std::same_as<Index>;
    typename std::integral_constant<Index, detail::count_at_width_8<T>>;
};

/// `static constexpr void check(Index width, const Options&)`: throws OptionError (spec B-2).
template <class T>
concept ChecksItsOptions =
    requires(Index width, const typename T::Options& options) { T::check(width, options); };

/// `static constexpr QuietBirth quiet_birth`, and the option that it names (spec B-5).
template <class T>
concept SaysHowItIsBornQuietly = requires(typename T::Options options) {
    requires std::same_as<decltype(T::quiet_birth), const QuietBirth>;
    quiet_options<T>(options);
};

/// `using Needs = kasmina::Needs<capability::...>`: what it asks of a backend (spec B-6).
template <class T>
concept NamesItsCapabilities = requires { typename T::Needs; };

/// A recipe for a shape-preserving module, of any backend.
template <class T>
concept Blueprint = HasName<T> && HasTopology<T> && HasOptions<T> && HasExactParameterCount<T> &&
                    ChecksItsOptions<T> && SaysHowItIsBornQuietly<T> && NamesItsCapabilities<T>;

/// The backend has what the blueprint needs; an error names the first capability that lacks.
template <class T, class B>
concept RunsOn = Provides<B, typename T::Needs>;

/// `Module<B>(context, width, options, generator)`: made for a width.
template <class T, class B>
concept HasModule = std::constructible_from<typename T::template Module<B>, typename B::Context&,
                                            Index, const typename T::Options&, Generator&>;

/// `module.forward(pass, input)` on a const module: a variable.
template <class T, class B>
concept HasForward = requires(const typename T::template Module<B>& module, Pass<B>& pass,
                              const Variable<B>& input) {
    { module.forward(pass, input) } -> std::same_as<Variable<B>>;
};

/// A blueprint whose modules can be made and run on backend B.
template <class T, class B>
concept BlueprintFor = Blueprint<T> && RunsOn<T, B> && HasModule<T, B> && HasForward<T, B> &&
                       nn::VisitableModule<typename T::template Module<B>, B>;

/// For a blueprint's `check`: throws OptionError unless `value` is `least` ... `most`.
constexpr void require_between(std::string_view blueprint, std::string_view option, Index value,
                               Index least, Index most) {
    if (value >= least && value <= most) return;  // no text is put together for what is right
    static_cast<void>(
        checked_size("blueprint " + std::string(blueprint), option, value, least, most));
}

/// The same without an upper bound.
constexpr void require_at_least(std::string_view blueprint, std::string_view option, Index value,
                                Index least) {
    require_between(blueprint, option, value, least, unlimited);
}

/// For a slot's width: 1 or more, and not so many that parameters could not be counted.
constexpr void require_width(std::string_view blueprint, Index width) {
    require_between(blueprint, "width", width, 1, Index{1} << 24);
}

}  // namespace kasmina
