// The steps of a norm in order: which kernels run over which grids, for batch and for group norm.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/norm/apply.hpp>
#include <kasmina/backends/cuda/kernels/norm/pullback.hpp>
#include <kasmina/backends/cuda/kernels/norm/statistics.hpp>

namespace kasmina::backends::cuda_detail {

/// Where a norm's statistics go; the running ones may be null.
template <class T>
struct NormStatisticsTarget {
    T* mean;
    T* inverse_deviation;
    T* running_mean = nullptr;
    T* running_variance = nullptr;
    double momentum = 0.0;
};

template <class D, class T>
void run_statistics(typename D::Context& context, const NormGeometry& geometry, const T* x,
                    double epsilon, const NormStatisticsTarget<T>& to) {
    const NormGroups groups(geometry);
    with_lanes<T>(in_vectors<T>(geometry.channels, x), [&](auto lanes) {
        constexpr int width = decltype(lanes)::value;
        const ChannelGrid grid = channel_grid(geometry.samples, geometry.positions,
                                              geometry.channels, width, 8, most_partial_blocks);
        Scratch<SumPair, D> partials(context, grid.samples * grid.channels * grid.chunks);
        context.launch(grid.launch(sum_rows_bytes<2 * width, double>()),
                       NormSumsKernel<T, width>{grid, groups, x, partials.data()});
        context.launch(
            over_warps(geometry.samples * geometry.groups),
            NormStatisticsKernel<T>{grid, groups, epsilon, to.momentum, x, partials.data(), to.mean,
                                    to.inverse_deviation, to.running_mean, to.running_variance});
    });
}

/// What a norm's way back has to do with.
template <class T>
struct NormGradientTargets {
    bool own_statistics;  ///< gradients flow through mean and deviation
    GradientTarget<T> grad_x;
    GradientTarget<T> grad_scale;
    GradientTarget<T> grad_shift;
};

/// `summed` and `written` cover all of x, each in an order of its own.
template <class D, int Width, class T, class Summed, class Written>
void run_pullback(typename D::Context& context, const NormGeometry& geometry,
                  const NormParameters<T>& parameters, const NormGradientTargets<T>& targets,
                  Index summed, const Summed& summed_gradient, Index written,
                  const Written& written_gradient) {
    const bool coefficients_wanted = targets.grad_x && targets.own_statistics;
    const Index statistics = coefficients_wanted ? geometry.samples * geometry.groups : 0;
    Scratch<T, D> coefficient_room(context, 2 * statistics);
    NormCoefficients<T> coefficients;
    if (coefficients_wanted) {
        coefficients = {coefficient_room.data(), coefficient_room.data() + statistics};
    }
    if (coefficients_wanted || targets.grad_scale || targets.grad_shift) {
        const ChannelGrid grid = channel_grid(geometry.samples, summed, geometry.channels, Width, 4,
                                              most_partial_blocks);
        Scratch<SumPair, D> partials(context, grid.samples * grid.channels * grid.chunks);
        context.launch(grid.launch(sum_rows_bytes<2 * Width, double>()),
                       NormGradientSumsKernel<T, Width, Summed>{grid, parameters, summed_gradient,
                                                                partials.data()});
        const NormGradientKernel<T> kernel{grid,
                                           parameters,
                                           partials.data(),
                                           geometry.positions * parameters.groups.members,
                                           statistics,
                                           coefficients,
                                           targets.grad_scale,
                                           targets.grad_shift};
        context.launch(kernel.launch(), kernel);
    }
    if (targets.grad_x) {
        const ChannelGrid grid = channel_grid(geometry.samples, written, geometry.channels, Width,
                                              4 / Written::corners, any_blocks);
        context.launch(grid.launch(),
                       NormPullbackKernel<T, Width, Written>{grid, parameters, written_gradient,
                                                             coefficients, targets.grad_x});
    }
}

}  // namespace kasmina::backends::cuda_detail
