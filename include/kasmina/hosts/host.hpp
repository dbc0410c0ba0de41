// The host concept: a network cut into segments at named places where seeds may grow (spec H-3).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <kasmina/autodiff/tape.hpp>
#include <kasmina/blueprints/topology.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/mode.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/random/generator.hpp>

/// \file
/// Boundaries: 0 is the host's input, k (1 ... n) the state at the k-th injection point in
/// execution order, n + 1 the output. `forward(tape, state, from, to, mode)` takes the state at
/// one boundary to the state at another.
namespace kasmina::hosts {

/// Which side of a block's pool an injection point is on, or the end of a segment.
enum class Surface : std::uint8_t { before_pool, after_pool, segment_end };

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

inline constexpr std::size_t start_boundary = 0;

/// `injection_points()`: a contiguous range of InjectionPoint in execution order.
template <class H>
concept HasInjectionPoints = requires(const H& host) {
    { host.injection_points() } -> std::convertible_to<std::span<const InjectionPoint>>;
};

/// `using Backend = ...`: what the host computes on.
template <class H>
concept NamesItsBackend = StorageBackend<typename H::Backend>;

/// `forward(tape, state, from, to, mode)` on a const host.
template <class H>
concept ForwardsBetweenBoundaries =
    requires(const H& host, Tape<typename H::Backend>& tape,
             const Variable<typename H::Backend>& state, std::size_t boundary, Mode mode) {
        {
            host.forward(tape, state, boundary, boundary, mode)
        } -> std::same_as<Variable<typename H::Backend>>;
    };

/// `initialise(Generator&)`: draws the parameters, which need no generator before that.
template <class H>
concept HasInitialise = requires(H& host, Generator& generator) { host.initialise(generator); };

/// A network that can be grown.
template <class H>
concept Host =
    std::movable<H> && HasTopology<H> && HasInjectionPoints<H> && NamesItsBackend<H> &&
    ForwardsBetweenBoundaries<H> && HasInitialise<H> && nn::VisitableModule<H, typename H::Backend>;

/// Instantiated for a type that is to be a host: says in one line which rule it breaks.
template <class H>
struct RequireHost {
    static_assert(std::movable<H>, "a host can be moved: delete no move constructor");
    static_assert(HasTopology<H>,
                  "HasTopology: add `static constexpr Topology topology` to the host");
    static_assert(HasInjectionPoints<H>,
                  "HasInjectionPoints: add `std::span<const InjectionPoint> injection_points() "
                  "const` to the host");
    static_assert(NamesItsBackend<H>, "NamesItsBackend: add `using Backend = ...` to the host");
    static_assert(ForwardsBetweenBoundaries<H>,
                  "ForwardsBetweenBoundaries: add `Variable<Backend> forward(Tape<Backend>&, const "
                  "Variable<Backend>& state, std::size_t from, std::size_t to, Mode) const` to "
                  "the host");
    static_assert(HasInitialise<H>, "HasInitialise: add `void initialise(Generator&)` to the host");
    static_assert(nn::VisitableModule<H, typename H::Backend>,
                  "VisitableModule: inherit nn::Visitable and list the `members()` of the host");
    static constexpr bool value = true;
};

/// The boundary of a host's output.
template <HasInjectionPoints H>
[[nodiscard]] std::size_t end_boundary(const H& host) {
    return std::span<const InjectionPoint>(host.injection_points()).size() + 1;
}

/// "r0c0, r1c0, ...", for error messages.
[[nodiscard]] inline std::string slot_names(std::span<const InjectionPoint> points) {
    std::string names;
    for (const InjectionPoint& point : points) {
        names += (names.empty() ? "" : ", ") + point.slot_id;
    }
    return names;
}

/// The boundary of a slot. Errors: UnknownNameError that lists the available ones.
template <HasInjectionPoints H>
[[nodiscard]] std::size_t boundary_of(const H& host, std::string_view slot_id) {
    const std::span<const InjectionPoint> points = host.injection_points();
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (points[i].slot_id == slot_id) return i + 1;
    }
    throw UnknownNameError("the host has no such slot", "hosts::boundary_of", slot_names(points),
                           std::string(slot_id), "use a listed slot");
}

/// For a host's `forward`. Errors: UnknownNameError for a boundary that does not exist,
/// OptionError for a way back; both list the boundaries.
inline void check_route(std::span<const InjectionPoint> points, std::size_t from, std::size_t to) {
    const std::size_t end = points.size() + 1;
    const auto listed = [&] {
        return "0 (input), 1 ... " + std::to_string(points.size()) + " (" + slot_names(points) +
               "), " + std::to_string(end) + " (output)";
    };
    if (from > end || to > end) {
        throw UnknownNameError("a host has no such boundary", "Host::forward", listed(),
                               std::to_string(from > end ? from : to), "use a listed boundary");
    }
    if (from > to) {
        throw OptionError("a host only runs forward", "Host::forward",
                          "from <= to among " + listed(),
                          "from " + std::to_string(from) + " to " + std::to_string(to),
                          "swap the boundaries, or start from the input");
    }
}

}  // namespace kasmina::hosts
