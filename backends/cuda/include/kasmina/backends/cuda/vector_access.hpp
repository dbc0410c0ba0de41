// Vectors: sixteen bytes in one access, which is what a card's memory wants.
#pragma once

#include <kasmina/backends/cuda/block.hpp>

#include <cstdint>

#if !defined(__CUDA_ARCH__)
#include <cstring>
#endif

namespace kasmina::backends::cuda_detail {

/// Numbers of type V in sixteen bytes.
template <class V>
inline constexpr int vector_width = 16 / static_cast<int>(sizeof(V));

template <class V>
struct alignas(16) Vector {
    V values[static_cast<unsigned>(vector_width<V>)];

    KASMINA_DEVICE V& operator[](int i) { return values[i]; }
    KASMINA_DEVICE const V& operator[](int i) const { return values[i]; }
};

/// Whether a pointer may be read by vectors.
[[nodiscard]] KASMINA_HOST_DEVICE inline bool aligned_for_vectors(const void* data) noexcept {
    return reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
}

/// Reads and writes at an address that is a multiple of sixteen.
template <class V>
[[nodiscard]] KASMINA_DEVICE Vector<V> load_vector(const V* from) {
#if defined(__CUDA_ARCH__)
    return *reinterpret_cast<const Vector<V>*>(from);
#else
    Vector<V> vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
#endif
}
template <class V>
KASMINA_DEVICE void store_vector(V* to, const Vector<V>& vector) {
#if defined(__CUDA_ARCH__)
    *reinterpret_cast<Vector<V>*>(to) = vector;
#else
    std::memcpy(to, &vector, sizeof vector);
#endif
}

}  // namespace kasmina::backends::cuda_detail
