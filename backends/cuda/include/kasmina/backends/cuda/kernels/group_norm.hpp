// Group norm and layer norm, with ReLU and a residual sum, and the way back.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/group_norm.hpp>
#include <kasmina/backends/cuda/kernels/norm/one_pass.hpp>
#include <kasmina/backends/cuda/kernels/norm/rows.hpp>
#include <kasmina/backends/cuda/kernels/norm/run.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: GroupNormBackend. Samples with one position are rows: one warp has a group. Groups
/// that a block can hold are done in one pass.
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
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (rows) {
                context.launch(over_warps(geometry.samples * geometry.groups),
                               NormRowsKernel<T, width>{call, groups});
                return;
            }
            const GroupBlocks blocks = GroupBlocks::of(geometry, width, most_held);
            if (blocks.held > 0) return one_pass<width>(context, call, groups, blocks);
            run_statistics<D>(context, geometry, call.x, call.epsilon,
                              NormStatisticsTarget<T>{call.mean, call.inverse_deviation});
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
            // With x and its gradient in registers, half as many positions.
            const GroupBlocks blocks = GroupBlocks::of(geometry, width, most_held / 2);
            if (blocks.held > 0 && call.grad_x) {
                return one_pass_pullback<width>(context, call, blocks);
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
    /// Positions that a thread keeps in registers, of `Width` numbers each.
    static constexpr int most_held = 16;

    template <int Width>
    static void one_pass(Context& context, const GroupNorm<T>& call, const NormGroups& groups,
                         const GroupBlocks& blocks) {
        if (blocks.held > most_held / 2) {
            context.launch(blocks.launch(),
                           OnePassNormKernel<T, Width, most_held>{blocks.grid, groups, call});
        } else {
            context.launch(blocks.launch(),
                           OnePassNormKernel<T, Width, most_held / 2>{blocks.grid, groups, call});
        }
    }

    template <int Width>
    static void one_pass_pullback(Context& context, const GroupNormPullback<T>& call,
                                  const GroupBlocks& blocks) {
        const NormParameters<T> parameters = parameters_of(call);
        const bool wanted = call.grad_scale || call.grad_shift;
        Scratch<SumPair, D> partials(context,
                                     wanted ? blocks.grid.samples * blocks.grid.channels : 0);
        context.launch(blocks.launch(), OnePassNormPullbackKernel<T, Width, most_held / 2>{
                                            blocks.grid, parameters, call, partials.data()});
        if (!wanted) return;
        const NormGradientKernel<T> kernel{blocks.grid, parameters,      partials.data(), 0, 0,
                                           {},          call.grad_scale, call.grad_shift};
        context.launch(kernel.launch(), kernel);
    }

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
