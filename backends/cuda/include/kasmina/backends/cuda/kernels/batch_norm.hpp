// Batch norm: statistics over the batch, normalisation with ReLU and 2x2 max-pool, and the way
// back.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/batch_norm.hpp>
#include <kasmina/backends/cuda/kernels/norm/pooled.hpp>
#include <kasmina/backends/cuda/kernels/norm/run.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: BatchNormBackend.
template <class T, class D>
struct BatchNorms {
    using Context = typename D::Context;

    static void batch_norm_statistics(Context& context, const BatchNormStatistics<T>& call) {
        run_statistics<D>(
            context, over_batch(call.shape), call.x, call.epsilon,
            NormStatisticsTarget<T>{call.mean, call.inverse_deviation, call.running_mean,
                                    call.running_variance, call.momentum});
    }

    static void inverse_deviation(Context& context, const InverseDeviation<T>& call) {
        context.launch(over_elements(call.channels), InverseDeviationKernel<T>{call});
    }

    /// Without a pool y may be x.
    static void batch_norm(Context& context, const BatchNorm<T>& call) {
        const NormGeometry geometry = over_batch(call.shape);
        const NormParameters<T> parameters = parameters_of(call);
        const bool vectors =
            in_vectors<T>(call.shape.channels, call.x, call.y, call.scale, call.shift);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (call.epilogue.max_pool) {
                const Windows windows = Windows::whole(call.shape);
                const ChannelGrid grid = channel_grid(1, windows.count(call.shape),
                                                      geometry.channels, width, 1, any_blocks);
                context.launch(grid.launch(),
                               NormPooledKernel<T, width>{grid, windows, parameters,
                                                          call.epilogue.relu, call.x, call.y});
            } else {
                const ChannelGrid grid =
                    channel_grid(1, geometry.positions, geometry.channels, width,
                                 NormApplyKernel<T, width>::batch, any_blocks);
                context.launch(grid.launch(),
                               NormApplyKernel<T, width>{grid, parameters, call.epilogue.relu,
                                                         call.x, nullptr, call.y});
            }
        });
    }

    static void batch_norm_pullback(Context& context, const BatchNormPullback<T>& call) {
        const NormGeometry geometry = over_batch(call.shape);
        const NormParameters<T> parameters = parameters_of(call);
        const NormGradientTargets<T> targets{call.batch_statistics, call.grad_x, call.grad_scale,
                                             call.grad_shift};
        const bool relu = call.epilogue.relu;
        const bool vectors = in_vectors<T>(call.shape.channels, call.x, call.grad_y, call.scale,
                                           call.shift, call.grad_x.data);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            // Sums are in the order of windows with a pool and without.
            const Windows windows = Windows::all(call.shape);
            const Index count = windows.count(call.shape);
            if (call.epilogue.max_pool) {
                const PooledGradient<T, width> gradient{call.x, call.grad_y, relu, windows};
                run_pullback<D, width>(context, geometry, parameters, targets, count, gradient,
                                       count, gradient);
            } else {
                run_pullback<D, width>(
                    context, geometry, parameters, targets, count,
                    WindowedGradient<T, width>{call.x, call.grad_y, relu, windows},
                    geometry.positions,
                    PlainGradient<T, width>{call.x, call.grad_y, relu, call.shape.elements(),
                                            geometry.channels});
            }
        });
    }

private:
    template <class Call>
    [[nodiscard]] static NormParameters<T> parameters_of(const Call& call) {
        return {NormGroups(over_batch(call.shape)), call.mean, call.inverse_deviation, call.scale,
                call.shift};
    }
};

}  // namespace kasmina::backends::cuda_detail
