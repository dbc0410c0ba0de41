// The host concept: a network cut into segments at named places where seeds may grow (spec H-3).
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

#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/attempt.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/tensor/sizes.hpp>
#include <kasmina/topology.hpp>

/// \file
/// A host runs in three parts: `stem(pass, input)` makes the state at boundary 0, `forward(pass,
/// state, from, to)` takes the state at one boundary to that at another, `head(pass, state)` makes
/// the output of the last one. Boundary k (1 ... n) is at the k-th injection point in execution
/// order. A host names its `Input`: a tensor of any element type, or an aggregate of several that
/// has `samples()`. Its `State` is a variable unless it names another: an aggregate with a member
/// `features`, which is what slots act on. Its `Output` is a variable unless it names another.
namespace kasmina::hosts {

/// Which side of a block's pool an injection point is on, or the end of a segment.
enum class Surface : std::uint8_t { before_pool, after_pool, segment_end };

[[nodiscard]] constexpr std::string_view name_of(Surface surface) noexcept {
    switch (surface) {
        case Surface::before_pool: return "before_pool";
        case Surface::after_pool: return "after_pool";
        case Surface::segment_end: return "segment_end";
    }
    return "(invalid)";
}

}  // namespace kasmina::hosts

template <>
struct kasmina::reflect::Enumerators<kasmina::hosts::Surface> {
    static constexpr std::array all{kasmina::hosts::Surface::before_pool,
                                    kasmina::hosts::Surface::after_pool,
                                    kasmina::hosts::Surface::segment_end};
};

namespace kasmina::hosts {

/// Layers [first, last) that run between the boundary before an injection point and the point.
struct LayerRange {
    Index first = 0;
    Index last = 0;

    friend constexpr bool operator==(const LayerRange&, const LayerRange&) = default;
};

/// A named place where a seed can be attached.
struct InjectionPoint {
    std::string slot_id;
    Index channels = 0;  ///< extent of the last dimension there
    Index position = 0;  ///< in execution order, from 0; its boundary is position + 1
    LayerRange layers{};
    Surface surface = Surface::segment_end;
};

/// The boundary after the stem.
inline constexpr std::size_t start_boundary = 0;

/// `using Backend = ...`: what the host computes on.
template <class H>
concept NamesItsBackend = StorageBackend<typename H::Backend>;

/// How many samples an input holds: the extent of the first dimension of what has a shape (a
/// tensor, token ids) ...
template <class Input>
    requires requires(const Input& input) {
        { input.shape() } -> std::convertible_to<Shape>;
    }
[[nodiscard]] Index samples(const Input& input) {
    return input.shape().rank() == 0 ? 0 : input.shape()[0];
}

/// ... and what an aggregate says.
template <class Input>
    requires requires(const Input& input) {
        { input.samples() } -> std::convertible_to<Index>;
    }
[[nodiscard]] Index samples(const Input& input) {
    return input.samples();
}

/// `using Input = ...`: a tensor, token ids, or an aggregate with `Index samples() const`.
template <class H>
concept NamesItsInput = requires(const typename H::Input& input) {
    { samples(input) } -> std::convertible_to<Index>;
};

namespace detail {

template <class H>
struct StateOf : std::type_identity<Variable<typename H::Backend>> {};
template <class H>
    requires requires { typename H::State; }
struct StateOf<H> : std::type_identity<typename H::State> {};

template <class H>
struct OutputOf : std::type_identity<Variable<typename H::Backend>> {};
template <class H>
    requires requires { typename H::Output; }
struct OutputOf<H> : std::type_identity<typename H::Output> {};

}  // namespace detail

/// What flows between a host's boundaries: `H::State` where it names one, else a variable.
template <class H>
using StateOf = typename detail::StateOf<H>::type;

/// What its head makes: `H::Output` where it names one, else a variable.
template <class H>
using OutputOf = typename detail::OutputOf<H>::type;

/// The part of a state that slots act on: the whole variable ...
template <class B>
[[nodiscard]] Variable<B>& features(Variable<B>& state) noexcept {
    return state;
}

/// ... or an aggregate's member `features`.
template <class State>
    requires requires(State& state) { state.features; }
[[nodiscard]] auto& features(State& state) noexcept {
    return state.features;
}

/// A state is a variable, or copyable with a variable `features`.
template <class H>
concept StateHasFeatures = std::copyable<StateOf<H>> && requires(StateOf<H>& state) {
    { features(state) } -> std::same_as<Variable<typename H::Backend>&>;
};

/// A view of points that the host keeps, or a reference to them: not a list that is made for each
/// call, of which a view would be left behind.
template <class Points>
concept KeptPoints = std::convertible_to<Points, std::span<const InjectionPoint>> &&
                     (std::is_lvalue_reference_v<Points> || std::is_trivially_copyable_v<Points>);

/// `injection_points()`: a contiguous range of InjectionPoint in execution order, which the host
/// keeps.
template <class H>
concept HasInjectionPoints = requires(const H& host) {
    { host.injection_points() } -> KeptPoints;
};

/// `stem(pass, input)` on a const host: the state at boundary 0.
template <class H>
concept HasStem =
    requires(const H& host, Pass<typename H::Backend>& pass, const typename H::Input& input) {
        { host.stem(pass, input) } -> std::same_as<StateOf<H>>;
    };

/// `forward(pass, state, from, to)` on a const host: the state at `to`.
template <class H>
concept ForwardsBetweenBoundaries = requires(const H& host, Pass<typename H::Backend>& pass,
                                             const StateOf<H>& state, std::size_t boundary) {
    { host.forward(pass, state, boundary, boundary) } -> std::same_as<StateOf<H>>;
};

/// `head(pass, state)` on a const host: the output, from the state at the last boundary.
template <class H>
concept HasHead =
    requires(const H& host, Pass<typename H::Backend>& pass, const StateOf<H>& state) {
        { host.head(pass, state) } -> std::same_as<OutputOf<H>>;
    };

/// `initialise(context, generator)`: draws the parameters, which need no generator before that.
template <class H>
concept HasInitialise = requires(H& host, typename H::Backend::Context& context,
                                 Generator& generator) { host.initialise(context, generator); };

/// A network that can be grown.
template <class H>
concept Host =
    std::movable<H> && HasTopology<H> && HasInjectionPoints<H> && NamesItsBackend<H> &&
    NamesItsInput<H> && StateHasFeatures<H> && HasStem<H> && ForwardsBetweenBoundaries<H> &&
    HasHead<H> && HasInitialise<H> && nn::VisitableModule<H, typename H::Backend>;

/// Says in one line which rule a type breaks that is to be a host. A macro, so that it stands where
/// the compiler comes by first; `RequireHost` is the same for everywhere else.
#define KASMINA_REQUIRE_HOST(HOST)                                                               \
    static_assert(std::movable<HOST>, "a host can be moved: delete no move constructor");        \
    static_assert(::kasmina::HasTopology<HOST>,                                                  \
                  "HasTopology: add `static constexpr Topology topology` to the host");          \
    static_assert(::kasmina::hosts::HasInjectionPoints<HOST>,                                    \
                  "HasInjectionPoints: add `std::span<const InjectionPoint> injection_points() " \
                  "const` to the host, of points that it keeps");                                \
    static_assert(::kasmina::hosts::NamesItsBackend<HOST>,                                       \
                  "NamesItsBackend: add `using Backend = ...` to the host");                     \
    static_assert(                                                                               \
        ::kasmina::hosts::NamesItsInput<HOST>,                                                   \
        "NamesItsInput: add `using Input = Tensor<Backend>` to the host, or the element "        \
        "type or aggregate (with `Index samples() const`) that it takes");                       \
    static_assert(                                                                               \
        ::kasmina::hosts::StateHasFeatures<HOST>,                                                \
        "StateHasFeatures: give the host's State a member `Variable<Backend> features`, "        \
        "and let it be copied");                                                                 \
    static_assert(::kasmina::hosts::HasStem<HOST>,                                               \
                  "HasStem: add `State stem(Pass<Backend>&, const Input&) const` to the host; "  \
                  "State is Variable<Backend> unless the host names another");                   \
    static_assert(::kasmina::hosts::ForwardsBetweenBoundaries<HOST>,                             \
                  "ForwardsBetweenBoundaries: add `State forward(Pass<Backend>&, const State&, " \
                  "std::size_t from, std::size_t to) const` to the host; State is "              \
                  "Variable<Backend> unless the host names another");                            \
    static_assert(::kasmina::hosts::HasHead<HOST>,                                               \
                  "HasHead: add `Output head(Pass<Backend>&, const State&) const` to the host; " \
                  "Output is Variable<Backend> unless the host names another");                  \
    static_assert(::kasmina::hosts::HasInitialise<HOST>,                                         \
                  "HasInitialise: add `void initialise(Backend::Context&, Generator&)` to the "  \
                  "host");                                                                       \
    static_assert(                                                                               \
        ::kasmina::nn::VisitableModule<HOST, typename HOST::Backend>,                            \
        "VisitableModule: inherit nn::Visitable and list the `members()` of the host: "          \
        "`static constexpr auto members() { return nn::members(nn::Member{...}, ...); }`");

/// Instantiated for a type that is to be a host.
template <class H>
struct RequireHost {
    KASMINA_REQUIRE_HOST(H)
    static constexpr bool value = true;
};

/// The host's last boundary, the one before its head.
template <HasInjectionPoints H>
[[nodiscard]] std::size_t end_boundary(const H& host) {
    return std::span<const InjectionPoint>(host.injection_points()).size();
}

/// The host alone, from its input to its output. Whatever it throws: its states and the pass's
/// random stream are then as they were.
template <Host H>
[[nodiscard]] OutputOf<H> forward(const H& host, Pass<typename H::Backend>& pass,
                                  const typename H::Input& input) {
    using B = typename H::Backend;
    auto undo = pass.training() ? std::make_shared<nn::Undo<B>>() : nullptr;
    nn::Attempt<B> attempt(pass.context(), std::move(undo), [&](nn::Undo<B>& noting) {
        if (pass.generator() != nullptr) noting.note(*pass.generator());
        for (const auto& state : nn::state_list<B>(host)) noting.note(pass.context(), state);
    });
    OutputOf<H> output = host.head(
        pass, host.forward(pass, host.stem(pass, input), start_boundary, end_boundary(host)));
    attempt.succeed();
    return output;
}

/// "r0c0, r1c0, ...", for error messages.
[[nodiscard]] KASMINA_RARE inline std::string slot_names(std::span<const InjectionPoint> points) {
    std::string names;
    for (const InjectionPoint& point : points) append_to_list(names, point.slot_id);
    return names;
}

/// The boundary of a slot. Errors: UnknownNameError that lists the available ones.
template <HasInjectionPoints H>
[[nodiscard]] KASMINA_RARE std::size_t boundary_of(const H& host, std::string_view slot_id) {
    const std::span<const InjectionPoint> points = host.injection_points();
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (points[i].slot_id == slot_id) return i + 1;
    }
    throw UnknownNameError("the host has no such slot", "hosts::boundary_of",
                           points.empty() ? "(none)" : slot_names(points), name_or_none(slot_id),
                           "use a listed slot");
}

/// Errors: DuplicateNameError when two injection points have one slot id; OptionError for one
/// without channels, without a name or out of order.
KASMINA_RARE inline void check_points(std::span<const InjectionPoint> points) {
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (points[i].slot_id.empty()) {
            throw OptionError("an injection point has no name", "Host::injection_points",
                              "a slot_id for injection point " + std::to_string(i), "an empty name",
                              "give the point a slot_id");
        }
        if (points[i].position != static_cast<Index>(i)) {
            throw OptionError("an injection point is out of order", "Host::injection_points",
                              "position " + std::to_string(i) + " for " + points[i].slot_id,
                              std::to_string(points[i].position),
                              "list the points in the order that the host runs them, with their "
                              "positions counted from 0");
        }
        static_cast<void>(checked_size("Host::injection_points, " + points[i].slot_id, "channels",
                                       points[i].channels));
        reflect::check_enumerator(points[i].surface, "surface",
                                  "Host::injection_points, " + points[i].slot_id);
        for (std::size_t k = 0; k < i; ++k) {
            if (points[k].slot_id != points[i].slot_id) continue;
            throw DuplicateNameError("two slots go by one name", "Host::injection_points",
                                     "each slot id once",
                                     points[i].slot_id + " for injection points " +
                                         std::to_string(k) + " and " + std::to_string(i),
                                     "give one of the points another slot_id");
        }
    }
}

/// Errors: as of `check_route`, always.
[[noreturn]] KASMINA_COLD inline void refuse_route(std::span<const InjectionPoint> points,
                                                   std::size_t from, std::size_t to) {
    const std::size_t end = points.size();
    const auto listed = [&] {
        return "0 (after the stem), 1 ... " + std::to_string(end) + " (" + slot_names(points) + ")";
    };
    if (from > end || to > end) {
        throw UnknownNameError("a host has no such boundary", "Host::forward", listed(),
                               std::to_string(from > end ? from : to), "use a listed boundary");
    }
    throw OptionError("a host only runs forward", "Host::forward", "from <= to among " + listed(),
                      "from " + std::to_string(from) + " to " + std::to_string(to),
                      "swap the boundaries, or start from the stem");
}

/// For a host's `forward`. Errors: UnknownNameError for a boundary that does not exist,
/// OptionError for a way back; both list the boundaries.
inline void check_route(std::span<const InjectionPoint> points, std::size_t from, std::size_t to) {
    if (from > to || to > points.size()) refuse_route(points, from, to);
}

}  // namespace kasmina::hosts
