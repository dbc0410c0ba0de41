// Softmax: rows of numbers as distributions or their logarithms, both ways.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/softmax.hpp>
#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/backends/cuda/kernels/softmax/rows.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: SoftmaxBackend.
template <class T, class D>
struct Softmaxes {
    using Context = typename D::Context;

    static void softmax(Context& context, const Softmax<T>& call) {
        if (call.columns == 0) return;
        run<SoftmaxKernel>(context, call, in_vectors<T>(call.columns, call.x, call.y));
    }

    static void softmax_pullback(Context& context, const SoftmaxPullback<T>& call) {
        if (!call.grad_x || call.columns == 0) return;
        run<SoftmaxPullbackKernel>(
            context, call, in_vectors<T>(call.columns, call.y, call.grad_y, call.grad_x.data));
    }

private:
    template <template <class, bool, int> class Kernel, class Call>
    static void run(Context& context, const Call& call, bool vectors) {
        constexpr Index long_row = 2048;
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (call.columns >= long_row) {
                context.launch(RowTeam<true>::launch(call.rows), Kernel<T, true, width>{call});
            } else {
                context.launch(RowTeam<false>::launch(call.rows), Kernel<T, false, width>{call});
            }
        });
    }
};

}  // namespace kasmina::backends::cuda_detail
