// Matrix products as the backend takes them: batches and biases around the
// product of two matrices.
#pragma once

#include <array>

#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/gemm.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/pointwise.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

struct Stretched {
    template <class V>
    constexpr V operator()(const V& bias) const {
        return bias;
    }
};

struct StretchedSum {
    template <class V>
    constexpr V operator()(const V& bias, const V& c) const {
        return c + bias;
    }
};

/// The bias is written, or added, before the product adds to it: the values
/// stay in the cache.
template <class T>
void stretch_bias(Context& context, const Gemm<T>& call, T* c) {
    const MapGeometry geometry{call.m, 1, call.n};
    const Operand<T> bias{call.bias, Broadcast::channel};
    if (call.accumulate) {
        map(context, StretchedSum{}, Map<T, 2>{geometry, {{bias, {c, Broadcast::full}}}, c});
    } else {
        map(context, Stretched{}, Map<T, 1>{geometry, {{bias}}, c});
    }
}

template <class T>
void matrix_product(Context& context, const Gemm<T>& call) {
    if (call.bias == nullptr) return gemm(context, call);
    Gemm<T> onto_bias = call;
    onto_bias.accumulate = true;
    for (Index i = 0; i < call.batch; ++i) {
        stretch_bias(context, call, call.c + i * call.batch_stride_c);
    }
    gemm(context, onto_bias);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
