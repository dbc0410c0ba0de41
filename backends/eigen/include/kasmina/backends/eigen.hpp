// The CPU backend: the library's backend concept, forwarded to kernels on Eigen and plain SIMD.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <kasmina/backends/eigen/batch_norm.hpp>
#include <kasmina/backends/eigen/batch_norm_pullback.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv.hpp>
#include <kasmina/backends/eigen/cross_entropy.hpp>
#include <kasmina/backends/eigen/depthwise.hpp>
#include <kasmina/backends/eigen/elementwise.hpp>
#include <kasmina/backends/eigen/gemm.hpp>
#include <kasmina/backends/eigen/group_norm.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/multi_tensor.hpp>
#include <kasmina/backends/eigen/pointwise.hpp>
#include <kasmina/backends/eigen/pooling.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET {

/// Kernels on the CPU for `T` = float or double. What each function does is said at the concept
/// it fulfils (kasmina/tensor/backend.hpp); how, at the function of the same name in
/// `eigen_detail`. All results are the same for any number of threads (E-1).
template <class T>
struct Eigen {
    using Scalar = T;
    using Context = eigen_detail::Context;
    using Buffer = eigen_detail::Buffer<T>;
    using Target = GradientTarget<T>;
    using Targets = std::span<const std::int32_t>;

    static Buffer acquire(Context& context, Index count) { return context.buffer<T>(count); }
    static Buffer persistent(Index count) { return Buffer::persistent(count); }
    static void upload(const T* from, T* to, Index count) { std::copy_n(from, count, to); }
    static void download(const T* from, T* to, Index count) { std::copy_n(from, count, to); }
    static void copy(Context& context, const T* from, T* to, Index count) {
        eigen_detail::copy(context, from, to, count);
    }
    static void fill(Context& context, T* to, Index count, T value) {
        eigen_detail::fill(context, to, count, value);
    }
    static void add(Context& context, const T* from, T* to, Index count) {
        eigen_detail::add(context, from, to, count);
    }

    template <class F, std::size_t N>
    static void map(Context& context, const F& function, const MapGeometry& geometry,
                    const std::array<Operand<T>, N>& operands, T* out) {
        eigen_detail::map(context, function, geometry, operands, out);
    }
    template <class F, std::size_t N>
    static void map_pullback(Context& context, const F& function, const MapGeometry& geometry,
                             const std::array<Operand<T>, N>& operands, const T* upstream,
                             const std::array<Target, N>& targets) {
        eigen_detail::map_pullback(context, function, geometry, operands, upstream, targets);
    }

    static void gemm(Context& context, bool trans_a, bool trans_b, Index m, Index n, Index k,
                     const T* a, const T* b, T* c, bool accumulate) {
        eigen_detail::gemm(context, trans_a, trans_b, m, n, k, a, b, c, accumulate);
    }

    static void conv2d(Context& context, const ConvShape& shape, const T* x, const T* weight,
                       T* y) {
        eigen_detail::conv2d_forward(context, shape, x, weight, y);
    }
    static void conv2d_pullback_input(Context& context, const ConvShape& shape, const T* grad_y,
                                      const T* weight, const Target& grad_x) {
        if (!grad_x) return;
        eigen_detail::conv2d_backward_input(context, shape, grad_y, weight, grad_x.data,
                                            grad_x.accumulate);
    }
    static void conv2d_pullback_weight(Context& context, const ConvShape& shape, const T* x,
                                       const T* grad_y, const Target& grad_weight) {
        if (!grad_weight) return;
        eigen_detail::conv2d_backward_weight(context, shape, x, grad_y, grad_weight.data,
                                             grad_weight.accumulate);
    }

    static void depthwise_conv2d(Context& context, const ConvShape& shape, const T* x,
                                 const T* weight, T* y) {
        eigen_detail::depthwise_conv2d_forward(context, shape, x, weight, y);
    }
    static void depthwise_conv2d_pullback_input(Context& context, const ConvShape& shape,
                                                const T* grad_y, const T* weight,
                                                const Target& grad_x) {
        if (!grad_x) return;
        eigen_detail::depthwise_conv2d_backward_input(context, shape, grad_y, weight, grad_x.data,
                                                      grad_x.accumulate);
    }
    static void depthwise_conv2d_pullback_weight(Context& context, const ConvShape& shape,
                                                 const T* x, const T* grad_y,
                                                 const Target& grad_weight) {
        if (!grad_weight) return;
        eigen_detail::depthwise_conv2d_backward_weight(context, shape, x, grad_y, grad_weight.data,
                                                       grad_weight.accumulate);
    }

    static void group_norm(Context& context, const NormGeometry& geometry, double epsilon,
                           const T* x, const T* scale, const T* shift, const T* residual, bool relu,
                           T* y, T* mean, T* inverse_deviation) {
        eigen_detail::group_norm(context, geometry, epsilon, x, scale, shift, residual, relu, y,
                                 mean, inverse_deviation);
    }
    static void group_norm_pullback(Context& context, const NormGeometry& geometry, const T* x,
                                    const T* scale, const T* shift, bool relu, const T* mean,
                                    const T* inverse_deviation, const T* grad_y,
                                    const Target& grad_x, const Target& grad_scale,
                                    const Target& grad_shift) {
        eigen_detail::group_norm_pullback(context, geometry, x, scale, shift, relu, mean,
                                          inverse_deviation, grad_y, grad_x, grad_scale,
                                          grad_shift);
    }

    static void batch_norm_statistics(Context& context, const MapShape& shape, double epsilon,
                                      double momentum, const T* x, T* mean, T* inverse_deviation,
                                      T* running_mean, T* running_variance) {
        eigen_detail::batch_norm_statistics(context, shape, epsilon, momentum, x, mean,
                                            inverse_deviation, running_mean, running_variance);
    }
    static void inverse_deviation(Context&, Index channels, double epsilon, const T* variance,
                                  T* inverse_deviation) {
        eigen_detail::inverse_deviations(channels, epsilon, variance, inverse_deviation);
    }
    static void batch_norm(Context& context, const MapShape& shape, const NormEpilogue& epilogue,
                           const T* x, const T* mean, const T* inverse_deviation, const T* scale,
                           const T* shift, T* y) {
        eigen_detail::batch_norm(context, shape, epilogue, x, mean, inverse_deviation, scale, shift,
                                 y);
    }
    static void batch_norm_pullback(Context& context, const MapShape& shape,
                                    const NormEpilogue& epilogue, bool batch, const T* x,
                                    const T* mean, const T* inverse_deviation, const T* scale,
                                    const T* shift, const T* grad_y, const Target& grad_x,
                                    const Target& grad_scale, const Target& grad_shift) {
        eigen_detail::batch_norm_pullback(context, shape, epilogue, batch, x, mean,
                                          inverse_deviation, scale, shift, grad_y, grad_x,
                                          grad_scale, grad_shift);
    }

    static void max_pool(Context& context, const MapShape& shape, const T* x, T* y) {
        eigen_detail::max_pool(context, shape, x, y);
    }
    static void max_pool_pullback(Context& context, const MapShape& shape, const T* x,
                                  const T* grad_y, const Target& grad_x) {
        eigen_detail::max_pool_pullback(context, shape, x, grad_y, grad_x);
    }
    static void mean_positions(Context& context, const NormGeometry& geometry, const T* x, T* y) {
        eigen_detail::mean_positions(context, geometry, x, y);
    }
    static void mean_positions_pullback(Context& context, const NormGeometry& geometry,
                                        const T* grad_y, const Target& grad_x) {
        eigen_detail::mean_positions_pullback(context, geometry, grad_y, grad_x);
    }

    static void cross_entropy(Context& context, Index rows, Index classes,
                              const CrossEntropyOptions& options, const T* logits, Targets targets,
                              T* probabilities, T* loss) {
        eigen_detail::cross_entropy(context, rows, classes, options, logits, targets, probabilities,
                                    loss);
    }
    static void cross_entropy_pullback(Context& context, Index rows, Index classes,
                                       const CrossEntropyOptions& options, const T* probabilities,
                                       Targets targets, const T* scale, const Target& grad_logits) {
        eigen_detail::cross_entropy_pullback(context, rows, classes, options, probabilities,
                                             targets, scale, grad_logits);
    }
    static Index count_correct(Context& context, Index rows, Index classes, const T* logits,
                               Targets targets) {
        return eigen_detail::count_correct(context, rows, classes, logits, targets);
    }

    static void squared_norms(Context& context, std::span<const TensorSlice<T>> slices,
                              std::span<double> norms) {
        eigen_detail::squared_norms(context, slices, norms);
    }
    static void sgd_step(Context& context, const SgdStep& step,
                         std::span<const OptimiserSlice<T>> slices) {
        eigen_detail::sgd_step(context, step, slices);
    }
    static void adamw_step(Context& context, const AdamWStep& step,
                           std::span<const OptimiserSlice<T>> slices) {
        eigen_detail::adamw_step(context, step, slices);
    }
    static void scale(Context& context, T factor, T* values, Index count) {
        eigen_detail::scale(context, factor, values, count);
    }
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET

// Where kasmina::eigen_compiled is linked, most of it is compiled already.
#if defined(KASMINA_EIGEN_COMPILED)
#include <kasmina/compiled/eigen.hpp>
#endif
