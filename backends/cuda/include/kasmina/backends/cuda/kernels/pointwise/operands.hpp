// Operands of pointwise kernels: where a stretched one has the numbers that a thread needs.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <utility>

#include <kasmina/backend/pointwise.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/reduction/channel_grid.hpp>
#include <kasmina/pointwise/dual.hpp>

namespace kasmina::backends::cuda_detail {

[[nodiscard]] constexpr bool varies_by_channel(Broadcast kind) noexcept {
    return kind == Broadcast::channel || kind == Broadcast::sample_channel;
}
[[nodiscard]] constexpr bool varies_by_sample(Broadcast kind) noexcept {
    return kind == Broadcast::sample || kind == Broadcast::sample_channel;
}

/// The numbers of a stretched operand that stay the same along a thread's positions.
template <int Width, class T>
[[nodiscard]] KASMINA_DEVICE Lanes<T, Width> load_stretched(const Operand<T>& operand,
                                                            const ChannelGrid& grid,
                                                            const ChannelPlace& place) {
    Index at = 0;
    if (varies_by_sample(operand.broadcast)) at = place.sample;
    if (varies_by_channel(operand.broadcast)) {
        return load_lanes<Width>(operand.data + at * grid.channels + place.channel);
    }
    return same_lanes<Width>(operand.data[at]);
}

/// The same of all operands that are stretched; the others' numbers stay as they are.
template <int Width, class T, std::size_t N>
KASMINA_DEVICE void load_stretched(const Operand<T> (&operands)[N], const ChannelGrid& grid,
                                   const ChannelPlace& place, Lanes<T, Width> (&numbers)[N]) {
    KASMINA_DEVICE_UNROLL
    for (std::size_t n = 0; n < N; ++n) {
        if (operands[n].broadcast == Broadcast::full) continue;
        numbers[n] = load_stretched<Width>(operands[n], grid, place);
    }
}

/// The numbers at element `at` of all operands that are not stretched.
template <int Width, class T, std::size_t N>
KASMINA_DEVICE void load_full(const Operand<T> (&operands)[N], Index at,
                              Lanes<T, Width> (&numbers)[N]) {
    KASMINA_DEVICE_UNROLL
    for (std::size_t n = 0; n < N; ++n) {
        if (operands[n].broadcast != Broadcast::full) continue;
        numbers[n] = load_lanes<Width>(operands[n].data + at);
    }
}

/// The same where none is.
template <int Width, class T, std::size_t N>
KASMINA_DEVICE void load_full(const T* const (&operands)[N], Index at,
                              Lanes<T, Width> (&numbers)[N]) {
    KASMINA_DEVICE_UNROLL
    for (std::size_t n = 0; n < N; ++n) numbers[n] = load_lanes<Width>(operands[n] + at);
}

/// function(numbers of lane `lane`...). The numbers are duals whose derivatives nobody reads and
/// the compiler drops, so that constants become numbers of type T and nothing is computed in
/// double.
template <class T, class F, int Width, std::size_t... Is>
[[nodiscard]] KASMINA_DEVICE T applied(const F& function,
                                       const Lanes<T, Width> (&numbers)[sizeof...(Is)], int lane,
                                       std::index_sequence<Is...>) {
    return function(Dual<T, 1>(numbers[Is][lane])...).value;
}

/// The same with its derivatives.
template <class T, class F, int Width, std::size_t... Is>
[[nodiscard]] KASMINA_DEVICE Dual<T, sizeof...(Is)> differentiated(
    const F& function, const Lanes<T, Width> (&numbers)[sizeof...(Is)], int lane,
    std::index_sequence<Is...>) {
    return function(Dual<T, sizeof...(Is)>::variable(numbers[Is][lane], Is)...);
}

}  // namespace kasmina::backends::cuda_detail
