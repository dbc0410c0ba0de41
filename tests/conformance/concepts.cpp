// Each capability concept: backends that have it, and near misses that lack one thing.
#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/backend/backend.hpp>
#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backend/softmax.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/backends/xtensor.hpp>

#include "support/catch.hpp"
#include "support/device/device_like.hpp"

namespace kasmina::concepts_test {
namespace {

using backends::Xtensor;
namespace parts = backends::xtensor_detail;

static_assert(CompleteBackend<backends::Eigen<float>>);
static_assert(CompleteBackend<backends::Eigen<double>>);
static_assert(CompleteBackend<Xtensor<float>>);
static_assert(CompleteBackend<Xtensor<double>>);
static_assert(CompleteBackend<test::DeviceLike<float>>);
static_assert(CompleteBackend<test::DeviceLike<double>>);

/// A backend of the given capabilities and no others.
template <template <class> class... Capabilities>
struct Only : Capabilities<float>... {
    using Scalar = float;
    using Context = parts::Context;
    template <class V>
    using Buffer = parts::Buffer<V>;
    template <class V>
    using Reading = parts::Reading<V>;
};

// One capability alone gives that concept and no other.
static_assert(StorageBackend<Only<parts::Storage>>);
static_assert(PointwiseBackend<Only<parts::Pointwise>>);
static_assert(MatrixBackend<Only<parts::Matrices>>);
static_assert(ConvolutionBackend<Only<parts::Convolutions>>);
static_assert(DepthwiseConvolutionBackend<Only<parts::DepthwiseConvolutions>>);
static_assert(GroupNormBackend<Only<parts::GroupNorms>>);
static_assert(BatchNormBackend<Only<parts::BatchNorms>>);
static_assert(PoolingBackend<Only<parts::Pooling>>);
static_assert(AveragePoolingBackend<Only<parts::AveragePooling>>);
static_assert(LossBackend<Only<parts::Losses>>);
static_assert(MultiTensorBackend<Only<parts::MultiTensors>>);
static_assert(RandomBackend<Only<parts::Randoms>>);
static_assert(DropoutBackend<Only<parts::Dropouts>>);
static_assert(EmbeddingBackend<Only<parts::Embeddings>>);
static_assert(RearrangeBackend<Only<parts::Rearranging>>);
static_assert(SoftmaxBackend<Only<parts::Softmaxes>>);
static_assert(AttentionBackend<Only<parts::Attentions>>);

static_assert(!StorageBackend<Only<parts::Pointwise>>);
static_assert(!PointwiseBackend<Only<parts::Storage>>);
static_assert(!MatrixBackend<Only<parts::Convolutions>>);
static_assert(!ConvolutionBackend<Only<parts::DepthwiseConvolutions>>);
static_assert(!DepthwiseConvolutionBackend<Only<parts::Convolutions>>);
static_assert(!GroupNormBackend<Only<parts::BatchNorms>>);
static_assert(!BatchNormBackend<Only<parts::GroupNorms>>);
static_assert(!PoolingBackend<Only<parts::AveragePooling>>);
static_assert(!AveragePoolingBackend<Only<parts::Pooling>>);
static_assert(!LossBackend<Only<parts::Pooling>>);
static_assert(!MultiTensorBackend<Only<parts::Storage>>);
static_assert(!RandomBackend<Only<parts::Dropouts>>);
static_assert(!DropoutBackend<Only<parts::Randoms>>);
static_assert(!EmbeddingBackend<Only<parts::Randoms>>);
static_assert(!RearrangeBackend<Only<parts::Softmaxes>>);
static_assert(!SoftmaxBackend<Only<parts::Rearranging>>);
static_assert(!AttentionBackend<Only<parts::Softmaxes>>);
static_assert(!CompleteBackend<Only<parts::Storage, parts::Pointwise, parts::Matrices>>);

// Near misses: a whole backend, but for one name that is deleted or differs.

/// Storage.
struct IntegerScalar : Xtensor<float> {
    using Scalar = int;
};
struct BorrowedBuffer : Xtensor<float> {
    template <class V>
    using Buffer = V*;
};
struct BuffersOfScalarsAlone : Xtensor<float> {
    template <std::same_as<float> V>
    static parts::Buffer<V> acquire(Context&, Index);
};
struct NoAcquire : Xtensor<float> {
    static void acquire() = delete;
};
struct NoPersistent : Xtensor<float> {
    static void persistent() = delete;
};
struct PersistentWithoutContext : Xtensor<float> {
    template <class V>
    static parts::Buffer<V> persistent(Index);
};
struct NoUpload : Xtensor<float> {
    static void upload() = delete;
};
struct NoRead : Xtensor<float> {
    static void read() = delete;
};
struct ReadsIntoNothing : Xtensor<float> {
    template <class V>
    static void read(Context&, const V*, Index);
};
struct NoCopy : Xtensor<float> {
    static void copy() = delete;
};
struct NoFill : Xtensor<float> {
    static void fill() = delete;
};
struct NoAdd : Xtensor<float> {
    static void add() = delete;
};
struct NoSynchronise : Xtensor<float> {
    static void synchronise() = delete;
};
static_assert(StorageBackend<Xtensor<float>>);
static_assert(!StorageBackend<IntegerScalar>);
static_assert(!StorageBackend<BorrowedBuffer>);
static_assert(!StorageBackend<BuffersOfScalarsAlone>);
static_assert(!StorageBackend<NoAcquire>);
static_assert(!StorageBackend<NoPersistent>);
static_assert(!StorageBackend<PersistentWithoutContext>);
static_assert(!StorageBackend<NoUpload>);
static_assert(!StorageBackend<NoRead>);
static_assert(!StorageBackend<ReadsIntoNothing>);
static_assert(!StorageBackend<NoCopy>);
static_assert(!StorageBackend<NoFill>);
static_assert(!StorageBackend<NoAdd>);
static_assert(!StorageBackend<NoSynchronise>);

/// Pointwise.
struct NoMap : Xtensor<float> {
    static void map() = delete;
};
struct NoMapPullback : Xtensor<float> {
    static void map_pullback() = delete;
};
static_assert(!PointwiseBackend<NoMap>);
static_assert(!PointwiseBackend<NoMapPullback>);

/// Matrices: one that takes its arguments one by one.
struct PositionalGemm : Xtensor<float> {
    static void gemm(Context&, bool, bool, Index, Index, Index, const float*, const float*, float*);
};
static_assert(!MatrixBackend<PositionalGemm>);

/// Convolutions.
struct NoConv : Xtensor<float> {
    static void conv2d() = delete;
};
struct NoConvPullbackInput : Xtensor<float> {
    static void conv2d_pullback_input() = delete;
};
struct NoConvPullbackWeight : Xtensor<float> {
    static void conv2d_pullback_weight() = delete;
};
struct NoDepthwise : Xtensor<float> {
    static void depthwise_conv2d() = delete;
};
struct NoDepthwisePullbackInput : Xtensor<float> {
    static void depthwise_conv2d_pullback_input() = delete;
};
struct NoDepthwisePullbackWeight : Xtensor<float> {
    static void depthwise_conv2d_pullback_weight() = delete;
};
static_assert(!ConvolutionBackend<NoConv>);
static_assert(!ConvolutionBackend<NoConvPullbackInput>);
static_assert(!ConvolutionBackend<NoConvPullbackWeight>);
static_assert(!DepthwiseConvolutionBackend<NoDepthwise>);
static_assert(!DepthwiseConvolutionBackend<NoDepthwisePullbackInput>);
static_assert(!DepthwiseConvolutionBackend<NoDepthwisePullbackWeight>);

/// Norms.
struct NoGroupNorm : Xtensor<float> {
    static void group_norm() = delete;
};
struct NoGroupNormPullback : Xtensor<float> {
    static void group_norm_pullback() = delete;
};
struct NoStatistics : Xtensor<float> {
    static void batch_norm_statistics() = delete;
};
struct NoInverseDeviation : Xtensor<float> {
    static void inverse_deviation() = delete;
};
struct NoBatchNorm : Xtensor<float> {
    static void batch_norm() = delete;
};
struct NoBatchNormPullback : Xtensor<float> {
    static void batch_norm_pullback() = delete;
};
static_assert(!GroupNormBackend<NoGroupNorm>);
static_assert(!GroupNormBackend<NoGroupNormPullback>);
static_assert(!BatchNormBackend<NoStatistics>);
static_assert(!BatchNormBackend<NoInverseDeviation>);
static_assert(!BatchNormBackend<NoBatchNorm>);
static_assert(!BatchNormBackend<NoBatchNormPullback>);

/// Pools.
struct NoMaxPool : Xtensor<float> {
    static void max_pool() = delete;
};
struct NoMaxPoolPullback : Xtensor<float> {
    static void max_pool_pullback() = delete;
};
struct NoMeanPositions : Xtensor<float> {
    static void mean_positions() = delete;
};
struct NoMeanPositionsPullback : Xtensor<float> {
    static void mean_positions_pullback() = delete;
};
static_assert(!PoolingBackend<NoMaxPool>);
static_assert(!PoolingBackend<NoMaxPoolPullback>);
static_assert(!PoolingBackend<NoMeanPositions>);
static_assert(!PoolingBackend<NoMeanPositionsPullback>);
struct NoAveragePool : Xtensor<float> {
    static void average_pool() = delete;
};
struct NoAveragePoolPullback : Xtensor<float> {
    static void average_pool_pullback() = delete;
};
static_assert(!AveragePoolingBackend<NoAveragePool>);
static_assert(!AveragePoolingBackend<NoAveragePoolPullback>);

/// Loss.
struct NoCrossEntropy : Xtensor<float> {
    static void cross_entropy() = delete;
};
struct NoCrossEntropyPullback : Xtensor<float> {
    static void cross_entropy_pullback() = delete;
};
struct CountsNothing : Xtensor<float> {
    static void count_correct() = delete;
};
static_assert(!LossBackend<NoCrossEntropy>);
static_assert(!LossBackend<NoCrossEntropyPullback>);
static_assert(!LossBackend<CountsNothing>);

/// Many tensors.
struct NoNorms : Xtensor<float> {
    static void squared_norms() = delete;
};
struct NoSgd : Xtensor<float> {
    static void sgd_step() = delete;
};
struct NoAdamW : Xtensor<float> {
    static void adamw_step() = delete;
};
struct NoClip : Xtensor<float> {
    static void clip_by_norm() = delete;
};
static_assert(!MultiTensorBackend<NoNorms>);
static_assert(!MultiTensorBackend<NoSgd>);
static_assert(!MultiTensorBackend<NoAdamW>);
static_assert(!MultiTensorBackend<NoClip>);

/// Places and rows.
struct NoRearrange : Xtensor<float> {
    static void rearrange() = delete;
};
struct NoSumAxes : Xtensor<float> {
    static void sum_axes() = delete;
};
struct NoSoftmax : Xtensor<float> {
    static void softmax() = delete;
};
struct NoSoftmaxPullback : Xtensor<float> {
    static void softmax_pullback() = delete;
};
static_assert(!RearrangeBackend<NoRearrange>);
static_assert(!RearrangeBackend<NoSumAxes>);
static_assert(!SoftmaxBackend<NoSoftmax>);
static_assert(!SoftmaxBackend<NoSoftmaxPullback>);

/// Random numbers, dropout, embeddings, precision.
struct NoUniform : Xtensor<float> {
    static void fill_uniform() = delete;
};
struct NoDropout : Xtensor<float> {
    static void dropout() = delete;
};
struct NoDropoutPullback : Xtensor<float> {
    static void dropout_pullback() = delete;
};
struct NoEmbedding : Xtensor<float> {
    static void embedding() = delete;
};
struct NoEmbeddingPullback : Xtensor<float> {
    static void embedding_pullback() = delete;
};
struct NoPullbackRows : Xtensor<float> {
    static void embedding_pullback_rows() = delete;
};
struct NoRowsToDense : Xtensor<float> {
    static void rows_to_dense() = delete;
};
struct NoRowStep : Xtensor<float> {
    static void sgd_row_step() = delete;
};
struct PrecisionNobodyKnows {
    struct Context {
        void set_precision(Precision);
    };
};
struct PrecisionNobodySets {
    struct Context {
        [[nodiscard]] Precision precision() const;
    };
};
static_assert(!RandomBackend<NoUniform>);
static_assert(!DropoutBackend<NoDropout>);
static_assert(!DropoutBackend<NoDropoutPullback>);
static_assert(!EmbeddingBackend<NoEmbedding>);
static_assert(!EmbeddingBackend<NoEmbeddingPullback>);
static_assert(!RowGradientBackend<NoPullbackRows>);
static_assert(!RowGradientBackend<NoRowsToDense>);
static_assert(!RowGradientBackend<NoRowStep>);
static_assert(!ComputePrecisionBackend<PrecisionNobodyKnows>);
static_assert(!ComputePrecisionBackend<PrecisionNobodySets>);

/// Shapes of kernels that forget their outputs, or have a map's extents among their own.
template <class Shape>
concept MadeOfSevenNumbers = requires { Shape{2, 8, 8, 16, 16, 3, 3}; };
template <class Shape>
concept MadeWithoutOutputs = requires { Shape{.kernel_height = 3, .kernel_width = 3}; };
static_assert(MadeOfSevenNumbers<SameConvolution>);
static_assert(!MadeOfSevenNumbers<ConvShape> && !MadeWithoutOutputs<ConvShape>);
static_assert(!MadeOfSevenNumbers<PoolShape> && !MadeWithoutOutputs<PoolShape>);
static_assert(!std::is_default_constructible_v<Conv2d<float>>);
static_assert(!std::is_default_constructible_v<MaxPool<float>>);

/// Attention.
struct NoAttention : Xtensor<float> {
    static void attention() = delete;
};
struct NoAttentionPullback : Xtensor<float> {
    static void attention_pullback() = delete;
};
struct ClassifiesNothing : Xtensor<float> {
    static void classify_mask() = delete;
};
struct CausalAttentionAlone : Xtensor<float> {
    static void attention(Context&, const masks::Causal&, const scores::None&,
                          const Attention<float>&);
};
struct ForgetsItsMasks : Xtensor<float> {
    struct Context {};
    template <class Mask>
    static void classify_mask(Context&, const Mask&, const ClassifyMask&);
    template <class Mask, class Score>
    static void attention(Context&, const Mask&, const Score&, const Attention<float>&);
    template <class Mask, class Score>
    static void attention_pullback(Context&, const Mask&, const Score&,
                                   const AttentionPullback<float>&);
};
static_assert(!AttentionBackend<NoAttention>);
static_assert(!AttentionBackend<NoAttentionPullback>);
static_assert(!AttentionBackend<ClassifiesNothing>);
static_assert(!AttentionBackend<CausalAttentionAlone>);
static_assert(!AttentionBackend<ForgetsItsMasks>);

// What lacks one capability is not a backend, and has all others.
static_assert(!CompleteBackend<NoMaxPool>);
static_assert(LossBackend<NoMaxPool> && GroupNormBackend<NoMaxPool>);

TEST_CASE("capabilities are concepts that near misses do not satisfy", "[B-6]") {
    SUCCEED("proved at compile time above");
}

}  // namespace
}  // namespace kasmina::concepts_test
