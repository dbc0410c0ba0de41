// Matrices: products, which the device's library computes.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/backends/cuda/kernels/storage.hpp>

namespace kasmina::backends::cuda_detail {

/// Rows of `width` numbers that are all `value`, or zero where that is null.
template <class T>
struct FillRows {
    static constexpr const char* name = "fill_rows";

    T* to;
    const T* value;
    Index count;
    Index width;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = first_of(block); i < count; i += stride_of(block)) {
            to[i] = value == nullptr ? T{0} : value[i % width];
        }
    }
};

/// Capability: MatrixBackend.
template <class T, class D>
struct Matrices {
    using Context = typename D::Context;

    static void gemm(Context& context, const Gemm<T>& call) {
        if (call.m == 0 || call.n == 0 || call.batch == 0) return;
        if (call.k > 0) return D::gemm(context, call);
        // A sum of nothing, which no library is asked for.
        if (call.accumulate && call.bias == nullptr) return;
        add_bias_to_nothing(context, call);
    }

private:
    static void add_bias_to_nothing(Context& context, const Gemm<T>& call) {
        const Index count = call.m * call.n;
        for (Index i = 0; i < call.batch; ++i) {
            T* to = call.c + i * call.batch_stride_c;
            if (!call.accumulate) {
                context.launch(over_elements(count), FillRows<T>{to, call.bias, count, call.n});
                continue;
            }
            Scratch<T, D> rows(context, count);
            context.launch(over_elements(count),
                           FillRows<T>{rows.data(), call.bias, count, call.n});
            context.launch(over_elements(count), AddKernel<T>{rows.data(), to, count});
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
