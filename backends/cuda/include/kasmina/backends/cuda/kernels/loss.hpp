// Losses: cross-entropy both ways, and hits.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backend/loss.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/loss/count_correct.hpp>
#include <kasmina/backends/cuda/kernels/loss/cross_entropy.hpp>
#include <kasmina/backends/cuda/kernels/loss/few_classes.hpp>
#include <kasmina/backends/cuda/kernels/loss/terms.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: LossBackend.
template <class T, class D>
struct Losses {
    using Context = typename D::Context;

    static void cross_entropy(Context& context, const CrossEntropy<T>& call) {
        if (call.classes <= FewClassesKernel<T>::most_classes) {
            run<FewClassesKernel<T>>(context, call,
                                     FewClassesKernel<T>::shared_bytes(call.classes));
            return;
        }
        const bool vectors = in_vectors<T>(call.classes, call.logits, call.probabilities);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (call.classes <= KeptRowsKernel<T, width>::most_classes) {
                run<KeptRowsKernel<T, width>>(context, call, put_loss_bytes);
            } else {
                run<LongRowsKernel<T, width>>(context, call, put_loss_bytes);
            }
        });
    }

    static void cross_entropy_pullback(Context& context, const CrossEntropyPullback<T>& call) {
        if (!call.grad_logits) return;
        const bool vectors =
            in_vectors<T>(call.rows * call.classes, call.probabilities, call.grad_logits.data);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            context.launch(over_elements(call.rows * call.classes, width),
                           CrossEntropyPullbackKernel<T, width>{call});
        });
    }

    static void count_correct(Context& context, const CountCorrect<T>& call) {
        const Index blocks = loss_blocks(call.rows, CountCorrectKernel<T>::rows_of_a_block);
        Scratch<std::int32_t, D> partials(context, blocks > 1 ? blocks : 0);
        context.launch({blocks, loss_threads, reduce_bytes<std::int32_t>(loss_threads)},
                       CountCorrectKernel<T>{call, partials.data()});
        if (blocks > 1) {
            context.launch({1, warp_size, 0}, SumHitsKernel{partials.data(), blocks, call.hits});
        }
    }

private:
    template <class Kernel>
    static void run(Context& context, const CrossEntropy<T>& call, int shared_bytes) {
        const Index blocks = loss_blocks(call.rows, Kernel::rows_of_a_block);
        Scratch<double, D> partials(context, blocks > 1 ? blocks : 0);
        context.launch({blocks, loss_threads, shared_bytes},
                       Kernel{call, WantedShares(call), partials.data()});
        if (blocks > 1) {
            context.launch({1, warp_size, 0}, MeanLossKernel<T>{call, partials.data(), blocks});
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
