// Kernels on threads that really run at once: what ThreadSanitizer lets pass has no race between
// the barriers, and gives what fibers give.
#include "conformance/support.hpp"

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/backend/attention.hpp>
#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backend/softmax.hpp>
#include <kasmina/backends/cuda/kernels/attention.hpp>
#include <kasmina/backends/cuda/kernels/batch_norm.hpp>
#include <kasmina/backends/cuda/kernels/convolution.hpp>
#include <kasmina/backends/cuda/kernels/embedding.hpp>
#include <kasmina/backends/cuda/kernels/group_norm.hpp>
#include <kasmina/backends/cuda/kernels/loss.hpp>
#include <kasmina/backends/cuda/kernels/multi_tensor.hpp>
#include <kasmina/backends/cuda/kernels/pointwise.hpp>
#include <kasmina/backends/cuda/kernels/rearrange.hpp>
#include <kasmina/backends/cuda/kernels/row_gradient.hpp>
#include <kasmina/backends/cuda/kernels/softmax.hpp>
#include <kasmina/backends/cuda/kernels/storage.hpp>

#include "cuda/attention_both_ways.hpp"
#include "support/cuda_emulation/threaded.hpp"

namespace kasmina::conformance::threads_test {
namespace {

using test::Threaded;

/// The capabilities whose kernels have barriers.
struct OnThreads : backends::cuda_detail::Storage<double, Threaded>,
                   backends::cuda_detail::Pointwise<double, Threaded>,
                   backends::cuda_detail::BatchNorms<double, Threaded>,
                   backends::cuda_detail::GroupNorms<double, Threaded>,
                   backends::cuda_detail::Losses<double, Threaded>,
                   backends::cuda_detail::Convolutions<double, Threaded>,
                   backends::cuda_detail::Rearranges<double, Threaded>,
                   backends::cuda_detail::Attentions<double, Threaded>,
                   backends::cuda_detail::Softmaxes<double, Threaded>,
                   backends::cuda_detail::MultiTensors<double, Threaded>,
                   backends::cuda_detail::Embeddings<double, Threaded>,
                   backends::cuda_detail::RowGradients<double, Threaded> {
    using Scalar = double;
    using Context = Threaded::Context;
    template <class V>
    using Buffer = backends::cuda_detail::Buffer<V, Threaded>;
    template <class V>
    using Reading = backends::cuda_detail::Reading<V, Threaded>;
};

struct Scaled {
    template <class V>
    constexpr V operator()(const V& x, const V& scale) const {
        return x * scale;
    }
};

template <class Call>
void check_threads(const Call& call) {
    Oracle::Context oracle;
    check_against<OnThreads>(results_of<Oracle>(oracle, call), call);
}

}  // namespace

TEST_CASE("sums of stretched gradients have no race", "[cuda]") {
    check_threads([]<class B>(Run<B>& run) {
        const auto* x = run.in(normal(40, 1));
        const auto* scale = run.in(normal(5, 2));
        B::map_pullback(
            run.context, Scaled{},
            MapPullback<double, 2>{.geometry = {2, 4, 5},
                                   .operands = {{{x}, {scale, Broadcast::channel}}},
                                   .upstream = run.in(normal(40, 3)),
                                   .targets = {run.target(40, false), run.target(5, true)}});
    });
}

TEST_CASE("norms have no race", "[cuda]") {
    check_threads([]<class B>(Run<B>& run) {
        const MapShape shape{2, 3, 2, 3};
        const auto* x = run.in(normal(36, 1));
        const auto* scale = run.in(normal(3, 2));
        const auto* shift = run.in(normal(3, 3));
        auto* mean = run.out(3);
        auto* deviation = run.out(3);
        B::batch_norm_statistics(
            run.context, {.shape = shape, .x = x, .mean = mean, .inverse_deviation = deviation});
        B::batch_norm_pullback(run.context, {.shape = shape,
                                             .epilogue = {true, false},
                                             .x = x,
                                             .mean = mean,
                                             .inverse_deviation = deviation,
                                             .scale = scale,
                                             .shift = shift,
                                             .grad_y = run.in(normal(36, 4)),
                                             .grad_x = run.target(36, false),
                                             .grad_scale = run.target(3, false),
                                             .grad_shift = run.target(3, true)});
    });
    check_threads([]<class B>(Run<B>& run) {
        const NormGeometry geometry{2, 3, 4, 2};
        const auto* x = run.in(normal(24, 1));
        const auto* scale = run.in(normal(4, 2));
        const auto* shift = run.in(normal(4, 3));
        auto* y = run.out(24);
        auto* mean = run.out(4);
        auto* deviation = run.out(4);
        B::group_norm(run.context, {.geometry = geometry,
                                    .x = x,
                                    .scale = scale,
                                    .shift = shift,
                                    .y = y,
                                    .mean = mean,
                                    .inverse_deviation = deviation});
        B::group_norm_pullback(run.context, {.geometry = geometry,
                                             .x = x,
                                             .scale = scale,
                                             .shift = shift,
                                             .mean = mean,
                                             .inverse_deviation = deviation,
                                             .grad_y = run.in(normal(24, 4)),
                                             .grad_x = run.target(24, false),
                                             .grad_scale = run.target(4, false),
                                             .grad_shift = run.target(4, false)});
    });
}

TEST_CASE("losses, norms of many tensors and embeddings have no race", "[cuda]") {
    check_threads([]<class B>(Run<B>& run) {
        const std::int32_t targets[]{0, 2, 1, -100};
        auto* probabilities = run.out(12);
        B::cross_entropy(run.context, {.rows = 4,
                                       .classes = 3,
                                       .counted = 3,
                                       .logits = run.in(normal(12, 1)),
                                       .targets = run.integers(targets),
                                       .probabilities = probabilities,
                                       .loss = run.out(1)});
    });
    check_threads([]<class B>(Run<B>& run) {
        const std::vector<GradientSlice<double>> gradients{{run.inout(normal(300, 1)), 300},
                                                           {run.inout(normal(5, 2)), 5}};
        B::clip_by_norm(run.context,
                        {.gradients = gradients, .max_norm = 0.5, .norm = run.doubles_out(1)});
    });
    check_threads([]<class B>(Run<B>& run) {
        const std::int32_t ids[]{1, 0, 1, 7, 1};
        B::embedding_pullback(run.context, {.rows = 2,
                                            .width = 3,
                                            .count = 5,
                                            .ids = run.integers(ids),
                                            .grad_y = run.in(normal(15, 1)),
                                            .grad_table = run.target(6, false)});
    });
    check_threads([]<class B>(Run<B>& run) {
        const std::int32_t ids[]{1, 0, 1, 7, 1};
        B::embedding_pullback_rows(run.context, {.rows = 2,
                                                 .width = 3,
                                                 .count = 5,
                                                 .ids = run.integers(ids),
                                                 .grad_y = run.in(normal(15, 1)),
                                                 .row_ids = run.integers_out(5),
                                                 .values = run.out(15)});
    });
}

TEST_CASE("sums over axes, turned copies and long rows have no race", "[N-2][cuda]") {
    check_threads([]<class B>(Run<B>& run) {
        StridedAxes rows;
        rows.append(3, 40, 1);
        rows.append(40, 1, 0);
        B::sum_axes(run.context, {.axes = rows, .from = run.in(normal(120, 1)), .to = run.out(3)});
        StridedAxes columns;
        columns.append(2100, 3, 0);
        columns.append(3, 1, 1);
        B::sum_axes(run.context,
                    {.axes = columns, .from = run.in(normal(6300, 2)), .to = run.out(3)});
        StridedAxes turned;
        turned.append(9, 1, 10);
        turned.append(10, 9, 1);
        B::rearrange(run.context,
                     {.axes = turned, .from = run.in(normal(90, 3)), .to = run.out(90)});
    });
    check_threads([]<class B>(Run<B>& run) {
        auto* y = run.out(2050);
        B::softmax(run.context, {.rows = 1, .columns = 2050, .x = run.in(normal(2050, 1)), .y = y});
        B::softmax_pullback(run.context, {.rows = 1,
                                          .columns = 2050,
                                          .y = y,
                                          .grad_y = run.in(normal(2050, 2)),
                                          .grad_x = run.target(2050, false)});
    });
}

TEST_CASE("attention has no race", "[cuda]") {
    check_threads([](auto& run) {
        // Two tiles of keys, the second with a mask; a head of two chunks.
        attend(run, AttentionShape{1, 1, 3, 66, 65, 63}, masks::Causal{}, scores::None{}, true);
    });
}

TEST_CASE("convolutions in products and in groups have no race", "[N-1][cuda]") {
    for (const Index groups : {Index{1}, Index{2}}) {
        check_threads([&]<class B>(Run<B>& run) {
            const ConvShape shape{.batch = 2,
                                  .height = 5,
                                  .width = 4,
                                  .in_channels = 4,
                                  .out_channels = 6,
                                  .kernel_height = 3,
                                  .kernel_width = 3,
                                  .out_height = 3,
                                  .out_width = 2,
                                  .stride_height = 2,
                                  .stride_width = 2,
                                  .pad_top = 1,
                                  .pad_left = 1,
                                  .groups = groups};
            const auto* x = run.in(normal(input_size(shape), 1));
            const auto* weight = run.in(normal(weight_size(shape), 2));
            const auto* grad_y = run.in(normal(output_size(shape), 3));
            B::conv2d(run.context, {shape, x, weight, run.out(output_size(shape))});
            B::conv2d_pullback_input(run.context,
                                     {shape, weight, grad_y, run.target(input_size(shape), false)});
            B::conv2d_pullback_weight(run.context,
                                      {shape, x, grad_y, run.target(weight_size(shape), false)});
        });
    }
}

}  // namespace kasmina::conformance::threads_test
