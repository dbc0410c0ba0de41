// Storage: memory and its ways to and from the host; numbers filled in and added up.
#pragma once

#include <kasmina/requirements.hpp>

#include <type_traits>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backend/storage.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

template <class V>
struct FillKernel {
    static constexpr const char* name = "fill";
    V* to;
    Index count;
    V value;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = first_of(block); i < count; i += stride_of(block)) to[i] = value;
    }
};

template <class T>
struct AddKernel {
    static constexpr const char* name = "add";
    const T* from;
    T* to;
    Index count;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = first_of(block); i < count; i += stride_of(block)) to[i] += from[i];
    }
};

/// Capability: StorageBackend.
template <class T, class D>
struct Storage {
    using Context = typename D::Context;

    template <class V>
    static Buffer<V, D> acquire(Context& context, Index count) {
        return {context.memory(), count};
    }
    /// On a card there is no other memory than the pool's, and what it gives out may outlive the
    /// context.
    template <class V>
    static Buffer<V, D> persistent(Context& context, Index count) {
        return {context.memory(), count};
    }
    template <class V>
    static void upload(Context& context, const V* host, V* to, Index count) {
        if (count > 0) context.upload(host, to, bytes_of<V>(count));
    }
    template <class V>
    static Reading<V, D> read(Context& context, const V* from, Index count) {
        if (count == 0) return {};
        return {context.read(from, bytes_of<V>(count)), count};
    }
    template <class V>
    static void copy(Context& context, const V* from, V* to, Index count) {
        if (count > 0) context.copy(from, to, bytes_of<V>(count));
    }
    template <class V>
    static void fill(Context& context, V* to, Index count, std::type_identity_t<V> value) {
        context.launch(over_elements(count, 4), FillKernel<V>{to, count, value});
    }
    static void add(Context& context, const T* from, T* to, Index count) {
        context.launch(over_elements(count, 4), AddKernel<T>{from, to, count});
    }
    static void synchronise(Context& context) { context.synchronise(); }
};

/// A sum of nothing: zeros, or nothing is added.
template <class T, class D>
void put_zeros(typename D::Context& context, const GradientTarget<T>& to, Index size) {
    if (!to.accumulate) Storage<T, D>::template fill<T>(context, to.data, size, T{0});
}

}  // namespace kasmina::backends::cuda_detail
