// Group norm and layer norm, with ReLU and a residual sum, and the way back.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/group_norm.hpp>
#include <kasmina/backends/cuda/kernels/norm/rows.hpp>
#include <kasmina/backends/cuda/kernels/norm/run.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: GroupNormBackend. Samples with one position are rows: one warp has a group.
template <class T, class D>
struct GroupNorms {
    using Context = typename D::Context;

    /// y may be x or the residual.
    static void group_norm(Context& context, const GroupNorm<T>& call) {
        const NormGeometry& geometry = call.geometry;
        const NormGroups groups(geometry);
        const bool rows = geometry.positions == 1;
        const bool vectors = in_vectors<T>(rows ? groups.members : geometry.channels, call.x,
                                           call.scale, call.shift, call.residual, call.y);
        if (!rows) {
            run_statistics<D>(context, geometry, call.x, call.epsilon,
                              NormStatisticsTarget<T>{call.mean, call.inverse_deviation});
        }
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (rows) {
                context.launch(over_warps(geometry.samples * geometry.groups),
                               NormRowsKernel<T, width>{call, groups});
                return;
            }
            const ChannelGrid grid =
                channel_grid(geometry.samples, geometry.positions, geometry.channels, width,
                             NormApplyKernel<T, width>::batch, any_blocks);
            context.launch(grid.launch(),
                           NormApplyKernel<T, width>{grid, parameters_of(call), call.relu, call.x,
                                                     call.residual, call.y});
        });
    }

    static void group_norm_pullback(Context& context, const GroupNormPullback<T>& call) {
        const NormGeometry& geometry = call.geometry;
        const NormGroups groups(geometry);
        const bool rows = geometry.positions == 1;
        const bool vectors = in_vectors<T>(rows ? groups.members : geometry.channels, call.x,
                                           call.grad_y, call.scale, call.shift, call.grad_x.data);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (rows) {
                rows_pullback<width>(context, call, groups);
                return;
            }
            const PlainGradient<T, width> gradient{call.x, call.grad_y, call.relu,
                                                   geometry.positions * geometry.channels,
                                                   geometry.channels};
            run_pullback<D, width>(
                context, geometry, parameters_of(call),
                NormGradientTargets<T>{true, call.grad_x, call.grad_scale, call.grad_shift},
                geometry.positions, gradient, geometry.positions, gradient);
        });
    }

private:
    template <int Width>
    static void rows_pullback(Context& context, const GroupNormPullback<T>& call,
                              const NormGroups& groups) {
        const NormGeometry& geometry = call.geometry;
        if (call.grad_x) {
            context.launch(over_warps(geometry.samples * geometry.groups),
                           NormRowsPullbackKernel<T, Width>{call, groups});
        }
        if (!call.grad_scale && !call.grad_shift) return;
        const ChannelGrid grid =
            channel_grid(1, geometry.samples, geometry.channels, Width, 8, most_partial_blocks);
        Scratch<SumPair, D> partials(context, grid.channels * grid.chunks);
        context.launch(grid.launch(sum_rows_bytes<2 * Width, double>()),
                       NormRowsParameterSumsKernel<T, Width>{grid, call, groups, partials.data()});
        context.launch(over_warps(grid.channels),
                       NormRowsParametersKernel<T>{grid.channels, grid.chunks, partials.data(),
                                                   call.grad_scale, call.grad_shift});
    }

    template <class Call>
    [[nodiscard]] static NormParameters<T> parameters_of(const Call& call) {
        return {NormGroups(call.geometry), call.mean, call.inverse_deviation, call.scale,
                call.shift};
    }
};

}  // namespace kasmina::backends::cuda_detail
