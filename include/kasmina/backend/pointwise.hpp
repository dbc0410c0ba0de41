// Pointwise: the capability to run any function of numbers over tensors, and its way back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <kasmina/backend/geometry.hpp>
#include <kasmina/backend/gradient_target.hpp>

namespace kasmina {

/// How an operand of a pointwise function is stretched over the output
/// (samples, positions, channels).
enum class Broadcast : std::uint8_t {
    full,            ///< one value per element
    channel,         ///< shape (channels): one value per channel
    sample,          ///< shape (samples, 1, ..., 1): one value per sample
    sample_channel,  ///< shape (samples, 1, ..., channels): one value per sample and channel
    scalar,          ///< one value
};

template <class T>
struct Operand {
    const T* data = nullptr;
    Broadcast broadcast = Broadcast::full;
};

/// out = function(operands...), for each element. `out` may be an operand that is not stretched.
template <class T, std::size_t Count>
struct Map {
    MapGeometry geometry{};
    std::array<Operand<T>, Count> operands{};
    T* out = nullptr;
};

/// Where target i is wanted: the sum, over the elements that operand i is stretched over, of
/// upstream times the function's derivative with respect to it. No target overlaps another, an
/// operand or `upstream`: f(x, x) needs two places.
template <class T, std::size_t Count>
struct MapPullback {
    MapGeometry geometry{};
    std::array<Operand<T>, Count> operands{};
    const T* upstream = nullptr;
    std::array<GradientTarget<T>, Count> targets{};
};

namespace detail {

/// Stands for any pointwise callable in the concept below.
struct AnyPointwise {
    template <class V>
    constexpr V operator()(const V& a, const V& b) const {
        return a * b;
    }
};

}  // namespace detail

/// Pointwise functions of several operands in one pass, and their pullback through dual numbers.
/// A function is a callable on numbers of any kind (kasmina/pointwise/math.hpp).
template <class B>
concept PointwiseBackend = requires(
    typename B::Context& context, const detail::AnyPointwise& function,
    const Map<typename B::Scalar, 2>& map, const MapPullback<typename B::Scalar, 2>& map_pullback) {
    B::map(context, function, map);
    B::map_pullback(context, function, map_pullback);
};

}  // namespace kasmina
