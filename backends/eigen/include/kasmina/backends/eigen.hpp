// The CPU backend: the library's backend concept, forwarded to kernels on plain SIMD.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <kasmina/backend/backend.hpp>
#include <kasmina/backends/eigen/attention.hpp>
#include <kasmina/backends/eigen/attention_pullback.hpp>
#include <kasmina/backends/eigen/batch_norm.hpp>
#include <kasmina/backends/eigen/batch_norm_pullback.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv.hpp>
#include <kasmina/backends/eigen/cross_entropy.hpp>
#include <kasmina/backends/eigen/depthwise.hpp>
#include <kasmina/backends/eigen/elementwise.hpp>
#include <kasmina/backends/eigen/embedding.hpp>
#include <kasmina/backends/eigen/gemm.hpp>
#include <kasmina/backends/eigen/group_norm.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/multi_tensor.hpp>
#include <kasmina/backends/eigen/pointwise.hpp>
#include <kasmina/backends/eigen/pooling.hpp>
#include <kasmina/backends/eigen/random.hpp>
#include <kasmina/backends/eigen/reading.hpp>
#include <kasmina/backends/eigen/rearrange.hpp>
#include <kasmina/backends/eigen/row_gradient.hpp>
#include <kasmina/backends/eigen/softmax.hpp>
#include <kasmina/backends/eigen/sum_axes.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET {

/// Kernels on the CPU for `T` = float or double. What each function does is said at the concept
/// it fulfils (kasmina/backend/); how, at the function of the same name in `eigen_detail`. Work is
/// done when it is asked for. All results are the same for any number of threads (E-1).
template <class T>
struct Eigen {
    static_assert(std::same_as<T, float> || std::same_as<T, double>,
                  "Eigen: the CPU backend computes in float or double");
    using Scalar = T;
    using Context = eigen_detail::Context;
    template <class V>
    using Buffer = eigen_detail::Buffer<V>;
    template <class V>
    using Reading = eigen_detail::Reading<V>;

    template <class V>
    static Buffer<V> acquire(Context& context, Index count) {
        return context.buffer<V>(count);
    }
    template <class V>
    static Buffer<V> persistent(Context&, Index count) {
        return Buffer<V>::persistent(count);
    }
    template <class V>
    static void upload(Context&, const V* from, V* to, Index count) {
        std::copy_n(from, count, to);
    }
    template <class V>
    static Reading<V> read(Context& context, const V* from, Index count) {
        return Reading<V>(context.pool(), from, count);
    }
    template <class V>
    static void copy(Context& context, const V* from, V* to, Index count) {
        eigen_detail::copy(context, from, to, count);
    }
    template <class V>
    static void fill(Context& context, V* to, Index count, std::type_identity_t<V> value) {
        eigen_detail::fill(context, to, count, value);
    }
    static void add(Context& context, const T* from, T* to, Index count) {
        eigen_detail::add(context, from, to, count);
    }
    static void synchronise(Context&) noexcept {}

    template <class F, std::size_t N>
    static void map(Context& context, const F& function, const Map<T, N>& call) {
        eigen_detail::map(context, function, call);
    }
    template <class F, std::size_t N>
    static void map_pullback(Context& context, const F& function, const MapPullback<T, N>& call) {
        eigen_detail::map_pullback(context, function, call);
    }

    static void gemm(Context& context, const Gemm<T>& call) { eigen_detail::gemm(context, call); }

    static void conv2d(Context& context, const Conv2d<T>& call) {
        eigen_detail::conv2d(context, call);
    }
    static void conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& call) {
        eigen_detail::conv2d_pullback_input(context, call);
    }
    static void conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& call) {
        eigen_detail::conv2d_pullback_weight(context, call);
    }

    static void depthwise_conv2d(Context& context, const Conv2d<T>& call) {
        eigen_detail::depthwise_conv2d(context, call);
    }
    static void depthwise_conv2d_pullback_input(Context& context,
                                                const Conv2dPullbackInput<T>& call) {
        eigen_detail::depthwise_conv2d_pullback_input(context, call);
    }
    static void depthwise_conv2d_pullback_weight(Context& context,
                                                 const Conv2dPullbackWeight<T>& call) {
        eigen_detail::depthwise_conv2d_pullback_weight(context, call);
    }

    static void group_norm(Context& context, const GroupNorm<T>& call) {
        eigen_detail::group_norm(context, call);
    }
    static void group_norm_pullback(Context& context, const GroupNormPullback<T>& call) {
        eigen_detail::group_norm_pullback(context, call);
    }

    static void batch_norm_statistics(Context& context, const BatchNormStatistics<T>& call) {
        eigen_detail::batch_norm_statistics(context, call);
    }
    static void inverse_deviation(Context&, const InverseDeviation<T>& call) {
        eigen_detail::inverse_deviation(call);
    }
    static void batch_norm(Context& context, const BatchNorm<T>& call) {
        eigen_detail::batch_norm(context, call);
    }
    static void batch_norm_pullback(Context& context, const BatchNormPullback<T>& call) {
        eigen_detail::batch_norm_pullback(context, call);
    }

    static void max_pool(Context& context, const MaxPool<T>& call) {
        eigen_detail::max_pool(context, call);
    }
    static void max_pool_pullback(Context& context, const MaxPoolPullback<T>& call) {
        eigen_detail::max_pool_pullback(context, call);
    }
    static void mean_positions(Context& context, const MeanPositions<T>& call) {
        eigen_detail::mean_positions(context, call);
    }
    static void mean_positions_pullback(Context& context, const MeanPositionsPullback<T>& call) {
        eigen_detail::mean_positions_pullback(context, call);
    }

    static void average_pool(Context& context, const AveragePool<T>& call) {
        eigen_detail::average_pool(context, call);
    }
    static void average_pool_pullback(Context& context, const AveragePoolPullback<T>& call) {
        eigen_detail::average_pool_pullback(context, call);
    }

    static void cross_entropy(Context& context, const CrossEntropy<T>& call) {
        eigen_detail::cross_entropy(context, call);
    }
    static void cross_entropy_pullback(Context& context, const CrossEntropyPullback<T>& call) {
        eigen_detail::cross_entropy_pullback(context, call);
    }
    static void count_correct(Context& context, const CountCorrect<T>& call) {
        eigen_detail::count_correct(context, call);
    }

    static void squared_norms(Context& context, const SquaredNorms<T>& call) {
        eigen_detail::squared_norms(context, call);
    }
    static void clip_by_norm(Context& context, const ClipByNorm<T>& call) {
        eigen_detail::clip_by_norm(context, call);
    }
    static void sgd_step(Context& context, const SgdStep<T>& call) {
        eigen_detail::sgd_step(context, call);
    }
    static void adamw_step(Context& context, const AdamWStep<T>& call) {
        eigen_detail::adamw_step(context, call);
    }

    static void fill_uniform(Context& context, const RandomRange& range, double low, double high,
                             T* to, Index count) {
        eigen_detail::fill_uniform(context, range, low, high, to, count);
    }
    static void dropout(Context& context, const Dropout<T>& call) {
        eigen_detail::dropout(context, call);
    }
    static void dropout_pullback(Context& context, const DropoutPullback<T>& call) {
        eigen_detail::dropout_pullback(context, call);
    }

    static void embedding(Context& context, const Embedding<T>& call) {
        eigen_detail::embedding(context, call);
    }
    static void embedding_pullback(Context& context, const EmbeddingPullback<T>& call) {
        eigen_detail::embedding_pullback(context, call);
    }

    static void embedding_pullback_rows(Context& context, const EmbeddingPullbackRows<T>& call) {
        eigen_detail::embedding_pullback_rows(context, call);
    }
    static void rows_to_dense(Context& context, const RowsToDense<T>& call) {
        eigen_detail::rows_to_dense(context, call);
    }
    static void sgd_row_step(Context& context, const SgdRowStep<T>& step) {
        eigen_detail::sgd_row_step(context, step);
    }

    template <class Mask>
    static void classify_mask(Context& context, const Mask& mask, const ClassifyMask& call) {
        eigen_detail::classify_mask(context, mask, call);
    }
    template <class Mask, class Score>
    static void attention(Context& context, const Mask& mask, const Score& score,
                          const Attention<T>& call) {
        eigen_detail::attention(context, mask, score, call);
    }
    template <class Mask, class Score>
    static void attention_pullback(Context& context, const Mask& mask, const Score& score,
                                   const AttentionPullback<T>& call) {
        eigen_detail::attention_pullback(context, mask, score, call);
    }

    static void rearrange(Context& context, const Rearrange<T>& call) {
        eigen_detail::rearrange(context, call);
    }
    static void sum_axes(Context& context, const SumAxes<T>& call) {
        eigen_detail::sum_axes(context, call);
    }

    static void softmax(Context& context, const Softmax<T>& call) {
        eigen_detail::softmax(context, call);
    }
    static void softmax_pullback(Context& context, const SoftmaxPullback<T>& call) {
        eigen_detail::softmax_pullback(context, call);
    }
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET

// Where kasmina::eigen_compiled is linked, most of it is compiled already.
#if defined(KASMINA_EIGEN_COMPILED)
#include <kasmina/compiled/eigen.hpp>
#endif
