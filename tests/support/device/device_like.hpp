// DeviceLike<T>: a backend for tests that behaves as an asynchronous device does.
#pragma once

#include <type_traits>

#include <kasmina/backend/backend.hpp>
#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backend/row_gradient.hpp>
#include <kasmina/backend/softmax.hpp>
#include <kasmina/backends/xtensor.hpp>

#include "support/device/context.hpp"
#include "support/device/storage.hpp"

/// \file
/// Keeps everybody honest before there is a device, and where there is none. Its memory is out of
/// the host's reach (memory.hpp), its kernels are those of the reference backend, run later by
/// another thread (stream.hpp), and its context counts how often the host had to wait
/// (context.hpp). What works on it and on the reference backend has the same bits on both.
namespace kasmina::test {

template <class T = double>
struct DeviceLike : DeviceStorage<backends::Xtensor<T>> {
    using Reference = backends::Xtensor<T>;
    using Scalar = T;
    using Context = DeviceContext<Reference>;

    /// Capability: PointwiseBackend. The function is copied, as into a device's kernel.
    template <class F, std::size_t Count>
    static void map(Context& context, const F& function, const Map<T, Count>& map) {
        context.launch(
            "map",
            [function](auto& reference, const auto& taken) {
                Reference::map(reference, function, taken);
            },
            map);
    }
    template <class F, std::size_t Count>
    static void map_pullback(Context& context, const F& function,
                             const MapPullback<T, Count>& pullback) {
        context.launch(
            "map_pullback",
            [function](auto& reference, const auto& taken) {
                Reference::map_pullback(reference, function, taken);
            },
            pullback);
    }

    /// Capability: MatrixBackend.
    static void gemm(Context& context, const Gemm<T>& gemm) {
        context.launch("gemm", &Reference::gemm, gemm);
    }

    /// Capability: ConvolutionBackend.
    static void conv2d(Context& context, const Conv2d<T>& forward) {
        context.launch("conv2d", &Reference::conv2d, forward);
    }
    static void conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& pullback) {
        context.launch("conv2d_pullback_input", &Reference::conv2d_pullback_input, pullback);
    }
    static void conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& pullback) {
        context.launch("conv2d_pullback_weight", &Reference::conv2d_pullback_weight, pullback);
    }

    /// Capability: DepthwiseConvolutionBackend.
    static void depthwise_conv2d(Context& context, const Conv2d<T>& forward) {
        context.launch("depthwise_conv2d", &Reference::depthwise_conv2d, forward);
    }
    static void depthwise_conv2d_pullback_input(Context& context,
                                                const Conv2dPullbackInput<T>& pullback) {
        context.launch("depthwise_conv2d_pullback_input",
                       &Reference::depthwise_conv2d_pullback_input, pullback);
    }
    static void depthwise_conv2d_pullback_weight(Context& context,
                                                 const Conv2dPullbackWeight<T>& pullback) {
        context.launch("depthwise_conv2d_pullback_weight",
                       &Reference::depthwise_conv2d_pullback_weight, pullback);
    }

    /// Capability: GroupNormBackend.
    static void group_norm(Context& context, const GroupNorm<T>& forward) {
        context.launch("group_norm", &Reference::group_norm, forward);
    }
    static void group_norm_pullback(Context& context, const GroupNormPullback<T>& pullback) {
        context.launch("group_norm_pullback", &Reference::group_norm_pullback, pullback);
    }

    /// Capability: BatchNormBackend.
    static void batch_norm_statistics(Context& context, const BatchNormStatistics<T>& statistics) {
        context.launch("batch_norm_statistics", &Reference::batch_norm_statistics, statistics);
    }
    static void inverse_deviation(Context& context, const InverseDeviation<T>& deviation) {
        context.launch("inverse_deviation", &Reference::inverse_deviation, deviation);
    }
    static void batch_norm(Context& context, const BatchNorm<T>& forward) {
        context.launch("batch_norm", &Reference::batch_norm, forward);
    }
    static void batch_norm_pullback(Context& context, const BatchNormPullback<T>& pullback) {
        context.launch("batch_norm_pullback", &Reference::batch_norm_pullback, pullback);
    }

    /// Capability: PoolingBackend.
    static void max_pool(Context& context, const MaxPool<T>& forward) {
        context.launch("max_pool", &Reference::max_pool, forward);
    }
    static void max_pool_pullback(Context& context, const MaxPoolPullback<T>& pullback) {
        context.launch("max_pool_pullback", &Reference::max_pool_pullback, pullback);
    }
    static void mean_positions(Context& context, const MeanPositions<T>& forward) {
        context.launch("mean_positions", &Reference::mean_positions, forward);
    }
    static void mean_positions_pullback(Context& context,
                                        const MeanPositionsPullback<T>& pullback) {
        context.launch("mean_positions_pullback", &Reference::mean_positions_pullback, pullback);
    }

    /// Capability: AveragePoolingBackend.
    static void average_pool(Context& context, const AveragePool<T>& forward) {
        context.launch("average_pool", &Reference::average_pool, forward);
    }
    static void average_pool_pullback(Context& context, const AveragePoolPullback<T>& pullback) {
        context.launch("average_pool_pullback", &Reference::average_pool_pullback, pullback);
    }

    /// Capability: LossBackend.
    static void cross_entropy(Context& context, const CrossEntropy<T>& forward) {
        context.launch("cross_entropy", &Reference::cross_entropy, forward);
    }
    static void cross_entropy_pullback(Context& context, const CrossEntropyPullback<T>& pullback) {
        context.launch("cross_entropy_pullback", &Reference::cross_entropy_pullback, pullback);
    }
    static void count_correct(Context& context, const CountCorrect<T>& count) {
        context.launch("count_correct", &Reference::count_correct, count);
    }

    /// Capability: MultiTensorBackend.
    static void squared_norms(Context& context, const SquaredNorms<T>& norms) {
        context.launch("squared_norms", &Reference::squared_norms, norms);
    }
    static void clip_by_norm(Context& context, const ClipByNorm<T>& clip) {
        context.launch("clip_by_norm", &Reference::clip_by_norm, clip);
    }
    static void sgd_step(Context& context, const SgdStep<T>& step) {
        context.launch("sgd_step", &Reference::sgd_step, step);
    }
    static void adamw_step(Context& context, const AdamWStep<T>& step) {
        context.launch("adamw_step", &Reference::adamw_step, step);
    }

    /// Capability: RandomBackend.
    static void fill_uniform(Context& context, const RandomRange& range, double low, double high,
                             T* to, Index count) {
        context.launch("fill_uniform", &Reference::fill_uniform, range, low, high, to, count);
    }

    /// Capability: DropoutBackend.
    static void dropout(Context& context, const Dropout<T>& forward) {
        context.launch("dropout", &Reference::dropout, forward);
    }
    static void dropout_pullback(Context& context, const DropoutPullback<T>& pullback) {
        context.launch("dropout_pullback", &Reference::dropout_pullback, pullback);
    }

    /// Capability: EmbeddingBackend.
    static void embedding(Context& context, const Embedding<T>& forward) {
        context.launch("embedding", &Reference::embedding, forward);
    }
    static void embedding_pullback(Context& context, const EmbeddingPullback<T>& pullback) {
        context.launch("embedding_pullback", &Reference::embedding_pullback, pullback);
    }

    /// Capability: RowGradientBackend.
    static void embedding_pullback_rows(Context& context, const EmbeddingPullbackRows<T>& call) {
        context.launch("embedding_pullback_rows", &Reference::embedding_pullback_rows, call);
    }
    static void rows_to_dense(Context& context, const RowsToDense<T>& call) {
        context.launch("rows_to_dense", &Reference::rows_to_dense, call);
    }
    static void sgd_row_step(Context& context, const SgdRowStep<T>& step) {
        context.launch("sgd_row_step", &Reference::sgd_row_step, step);
    }

    /// Capability: RearrangeBackend.
    static void rearrange(Context& context, const Rearrange<T>& call) {
        context.launch("rearrange", &Reference::rearrange, call);
    }
    static void sum_axes(Context& context, const SumAxes<T>& call) {
        context.launch("sum_axes", &Reference::sum_axes, call);
    }

    /// Capability: SoftmaxBackend.
    static void softmax(Context& context, const Softmax<T>& forward) {
        context.launch("softmax", &Reference::softmax, forward);
    }
    static void softmax_pullback(Context& context, const SoftmaxPullback<T>& pullback) {
        context.launch("softmax_pullback", &Reference::softmax_pullback, pullback);
    }

    /// Capability: AttentionBackend. A mask goes with its pointers, where it is an aggregate; what
    /// others hide would be read on the host and crash.
    template <class Mask>
    static void classify_mask(Context& context, const Mask& mask, const ClassifyMask& classify) {
        launch_masked(
            context, "classify_mask",
            [](auto& reference, const Mask& taken_mask, const auto& taken) {
                Reference::classify_mask(reference, taken_mask, taken);
            },
            mask, classify);
    }
    template <class Mask, class Score>
    static void attention(Context& context, const Mask& mask, const Score& score,
                          const Attention<T>& forward) {
        launch_masked(
            context, "attention",
            [score](auto& reference, const Mask& taken_mask, const auto& taken) {
                Reference::attention(reference, taken_mask, score, taken);
            },
            mask, forward);
    }
    template <class Mask, class Score>
    static void attention_pullback(Context& context, const Mask& mask, const Score& score,
                                   const AttentionPullback<T>& pullback) {
        launch_masked(
            context, "attention_pullback",
            [score](auto& reference, const Mask& taken_mask, const auto& taken) {
                Reference::attention_pullback(reference, taken_mask, score, taken);
            },
            mask, pullback);
    }

private:
    template <class Kernel, class Mask, class Call>
    static void launch_masked(Context& context, const char* name, Kernel kernel, const Mask& mask,
                              const Call& call) {
        if constexpr (std::is_aggregate_v<Mask> && !std::is_empty_v<Mask>) {
            context.launch(name, kernel, mask, call);
        } else {
            context.launch(
                name,
                [kernel, mask](auto& reference, const Call& taken) {
                    kernel(reference, mask, taken);
                },
                call);
        }
    }
};

}  // namespace kasmina::test
