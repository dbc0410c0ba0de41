// Lanes: the channels that a thread works on at once - sixteen bytes of them, or a single one.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/backends/cuda/vector_access.hpp>

/// Loops over lanes have constant bounds; unrolled, their arrays live in registers.
#if defined(__CUDACC__)
#define KASMINA_DEVICE_UNROLL _Pragma("unroll")
#else
#define KASMINA_DEVICE_UNROLL
#endif

namespace kasmina::backends::cuda_detail {

/// `Width` numbers that lie side by side: one, or as many as sixteen bytes hold.
template <class V, int Width>
struct alignas(sizeof(V) * static_cast<unsigned>(Width)) Lanes {
    static constexpr int width = Width;
    V values[static_cast<unsigned>(Width)];

    KASMINA_DEVICE V& operator[](int i) { return values[i]; }
    KASMINA_DEVICE const V& operator[](int i) const { return values[i]; }
};

template <int Width, class V>
[[nodiscard]] KASMINA_DEVICE Lanes<V, Width> load_lanes(const V* from) {
    Lanes<V, Width> lanes;
    if constexpr (Width == vector_width<V>) {
        const Vector<V> vector = load_vector(from);
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) lanes[i] = vector[i];
    } else {
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) lanes[i] = from[i];
    }
    return lanes;
}

template <int Width, class V>
KASMINA_DEVICE void store_lanes(V* to, const Lanes<V, Width>& lanes) {
    if constexpr (Width == vector_width<V>) {
        Vector<V> vector;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) vector[i] = lanes[i];
        store_vector(to, vector);
    } else {
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) to[i] = lanes[i];
    }
}

template <int Width, class V>
[[nodiscard]] KASMINA_DEVICE Lanes<V, Width> same_lanes(V value) {
    Lanes<V, Width> lanes;
    KASMINA_DEVICE_UNROLL
    for (int i = 0; i < Width; ++i) lanes[i] = value;
    return lanes;
}

/// Adds lanes to a wanted gradient's at `place` or overwrites them, as the target says.
template <int Width, class V>
KASMINA_DEVICE void put_lanes(const GradientTarget<V>& target, Index place,
                              const Lanes<V, Width>& lanes) {
    Lanes<V, Width> result = lanes;
    if (target.accumulate) {
        const Lanes<V, Width> before = load_lanes<Width>(target.data + place);
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) result[i] = before[i] + lanes[i];
    }
    store_lanes(target.data + place, result);
}

/// Whether rows of `channels` numbers at those addresses, each null or the first of a row, can be
/// read sixteen bytes at a time.
template <class V, class... Pointers>
[[nodiscard]] bool in_vectors(Index channels, const Pointers*... rows) noexcept {
    return channels % vector_width<V> == 0 && (aligned_for_vectors(rows) && ...);
}

/// Calls f(std::integral_constant-like width) with the vector's width or 1.
template <int Width>
struct LaneCount {
    static constexpr int value = Width;
};
template <class V, class F>
void with_lanes(bool vectors, F&& f) {
    if (vectors) {
        f(LaneCount<vector_width<V>>{});
    } else {
        f(LaneCount<1>{});
    }
}

}  // namespace kasmina::backends::cuda_detail
