// Matrices: products, which the device's library computes, and what libraries are not asked for.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// The bias of a product, added to what stands in c or to zero.
template <class T>
struct AddRows {
    static constexpr const char* name = "add_rows";

    Index matrix;  ///< numbers of one c
    Index matrices;
    Index stride;   ///< from one c to the next
    Index width;    ///< of a row
    const T* bias;  ///< null for none
    T* c;
    bool accumulate;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = first_of(block); i < matrix * matrices; i += stride_of(block)) {
            const Index inside = i % matrix;
            T* to = c + i / matrix * stride + inside;
            const T more = bias == nullptr ? T{0} : bias[inside % width];
            *to = accumulate ? *to + more : more;
        }
    }
};

template <class T, class Context>
void add_rows(Context& context, const Gemm<T>& call, bool accumulate) {
    const Index matrix = call.m * call.n;
    context.launch(
        over_elements(matrix * call.batch),
        AddRows<T>{matrix, call.batch, call.batch_stride_c, call.n, call.bias, call.c, accumulate});
}

/// Capability: MatrixBackend.
template <class T, class D>
struct Matrices {
    using Context = typename D::Context;

    static void gemm(Context& context, const Gemm<T>& call) {
        if (call.m == 0 || call.n == 0 || call.batch == 0) return;
        if (call.k > 0) {
            D::gemm(context, call);
        } else if (!call.accumulate || call.bias != nullptr) {  // sums of nothing
            add_rows(context, call, call.accumulate);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
