// Pointwise maps, element by element; the way back runs the same callable on dual numbers.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include <kasmina/backend/pointwise.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/pointwise/dual.hpp>

namespace kasmina::backends::xtensor_detail {

/// The extents of an operand as (samples, positions, channels): 1 where it is stretched.
[[nodiscard]] constexpr std::array<Index, 3> operand_extents(const MapGeometry& geometry,
                                                             Broadcast kind) {
    const auto [samples, positions, channels] = geometry;
    switch (kind) {
        case Broadcast::channel: return {1, 1, channels};
        case Broadcast::sample: return {samples, 1, 1};
        case Broadcast::sample_channel: return {samples, 1, channels};
        case Broadcast::scalar: return {1, 1, 1};
        case Broadcast::full: break;
    }
    return {samples, positions, channels};
}

/// Where a stretched operand has its value for element (sample, position, channel).
struct Stretched {
    std::array<Index, 3> extents;

    [[nodiscard]] constexpr Index elements() const { return extents[0] * extents[1] * extents[2]; }
    [[nodiscard]] constexpr Index at(Index sample, Index position, Index channel) const {
        return (sample % extents[0] * extents[1] + position % extents[1]) * extents[2] +
               channel % extents[2];
    }
};

/// Calls f(element, index in operand 0, index in operand 1, ...) for each element of the output.
template <class T, std::size_t N, class F>
void for_each_element(const MapGeometry& geometry, const std::array<Operand<T>, N>& operands,
                      F&& f) {
    std::array<Stretched, N> stretched;
    for (std::size_t i = 0; i < N; ++i) {
        stretched[i] = {operand_extents(geometry, operands[i].broadcast)};
    }
    Index element = 0;
    for (Index sample = 0; sample < geometry.samples; ++sample) {
        for (Index position = 0; position < geometry.positions; ++position) {
            for (Index channel = 0; channel < geometry.channels; ++channel, ++element) {
                std::array<Index, N> at;
                for (std::size_t i = 0; i < N; ++i) {
                    at[i] = stretched[i].at(sample, position, channel);
                }
                f(element, at);
            }
        }
    }
}

/// Capability: PointwiseBackend.
template <class T>
struct Pointwise {
    template <class F, std::size_t N>
    static void map(Context&, const F& function, const Map<T, N>& call) {
        for_each_element(call.geometry, call.operands, [&](Index element, const auto& at) {
            call.out[element] = [&]<std::size_t... I>(std::index_sequence<I...>) {
                return function(T{call.operands[I].data[at[I]]}...);
            }(std::make_index_sequence<N>{});
        });
    }

    /// gradient of operand i = sum over where it is stretched of upstream * df/d(operand i).
    template <class F, std::size_t N>
    static void map_pullback(Context&, const F& function, const MapPullback<T, N>& call) {
        using Number = Dual<T, N>;
        std::array<xt::xtensor<T, 1>, N> gradients;
        for (std::size_t i = 0; i < N; ++i) {
            const Stretched operand{operand_extents(call.geometry, call.operands[i].broadcast)};
            gradients[i] = xt::zeros<T>({static_cast<std::size_t>(operand.elements())});
        }
        for_each_element(call.geometry, call.operands, [&](Index element, const auto& at) {
            const Number result = [&]<std::size_t... I>(std::index_sequence<I...>) {
                return function(Number::variable(call.operands[I].data[at[I]], I)...);
            }(std::make_index_sequence<N>{});
            for (std::size_t i = 0; i < N; ++i) {
                gradients[i](at[i]) += call.upstream[element] * result.derivatives[i];
            }
        });
        for (std::size_t i = 0; i < N; ++i) put(call.targets[i], gradients[i]);
    }
};

}  // namespace kasmina::backends::xtensor_detail
