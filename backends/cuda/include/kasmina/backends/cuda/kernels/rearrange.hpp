// Rearrange: copies between strided places, and sums over axes.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/rearrange/copy.hpp>
#include <kasmina/backends/cuda/kernels/rearrange/sums.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: RearrangeBackend. Kernels count elements in 31 bits; what has more is done in parts.
template <class T, class D>
struct Rearranges {
    using Context = typename D::Context;

    static void rearrange(Context& context, const Rearrange<T>& call) {
        Axes axes(call.axes);
        axes.simplify(&Axis::to_stride);
        copy_axes(context, axes, static_cast<T>(call.scale), call.from, {call.to, call.accumulate});
    }

    static void sum_axes(Context& context, const SumAxes<T>& call) {
        Axes kept;
        Axes summed;
        for (std::size_t i = 0; i < call.axes.rank; ++i) {
            const Axis axis{call.axes.extents[i], call.axes.from_strides[i],
                            call.axes.to_strides[i]};
            (axis.to_stride == 0 ? summed : kept).add(axis);
        }
        kept.simplify(&Axis::from_stride);
        summed.simplify(&Axis::from_stride);
        sum_parts(context, kept, summed, call.scale, call.from, {call.to, call.accumulate});
    }

private:
    static void copy_axes(Context& context, Axes axes, T scale, const T* from,
                          const GradientTarget<T>& to) {
        if (axes.elements() == 0) return;
        if (axes.elements() >= divisible_numbers) {
            axes.in_halves([&](const Axes& half, const Places& start) {
                copy_axes(context, half, scale, from + start.from,
                          {to.data + start.to, to.accumulate});
            });
            return;
        }
        if (turned_copy(context, axes, scale, from, to)) return;
        const bool vectors = in_vectors(axes, from, to.data);
        with_lanes<T>(vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (vectors) {
                Axis& last = axes[axes.count() - 1];
                last = {last.extent / width, width, width};
            }
            const Index count = axes.elements();
            context.launch(over_elements(count),
                           StridedCopyKernel<T, width>{Walk(axes), count, scale, from, to});
        });
    }

    /// Whether the innermost axis, in vectors, is one in both arrays.
    [[nodiscard]] static bool in_vectors(const Axes& axes, const T* from, const T* to) {
        const Axis last = axes.last();
        bool vectors = last.from_stride == 1 && last.to_stride == 1 &&
                       last.extent % vector_width<T> == 0 && aligned_for_vectors(from) &&
                       aligned_for_vectors(to);
        for (int i = 0; i + 1 < axes.count(); ++i) {
            vectors = vectors && axes[i].from_stride % vector_width<T> == 0 &&
                      axes[i].to_stride % vector_width<T> == 0;
        }
        return vectors;
    }

    /// Whether it was a transposition, and is done.
    [[nodiscard]] static bool turned_copy(Context& context, Axes axes, T scale, const T* from,
                                          const GradientTarget<T>& to) {
        constexpr Index least_extent = 8;  // with less there is little in a tile
        const Axis last = axes.last();
        if (last.to_stride != 1 || last.from_stride <= 1 || last.extent < least_extent) {
            return false;
        }
        for (int i = 0; i + 1 < axes.count(); ++i) {
            if (axes[i].from_stride != 1 || axes[i].extent < least_extent) continue;
            static_cast<void>(axes.take(axes.count() - 1));
            const Axis source = axes.take(i);
            const TurnedCopyKernel<T> kernel{Walk(axes),
                                             source.extent,
                                             source.to_stride,
                                             last.extent,
                                             last.from_stride,
                                             scale,
                                             from,
                                             to};
            context.launch(kernel.launch(axes.elements()), kernel);
            return true;
        }
        return false;
    }

    static void sum_parts(Context& context, const Axes& kept, const Axes& summed, double scale,
                          const T* from, const GradientTarget<T>& to) {
        if (kept.elements() == 0) return;
        if (kept.elements() >= divisible_numbers) {
            kept.in_halves([&](const Axes& half, const Places& start) {
                sum_parts(context, half, summed, scale, from + start.from,
                          {to.data + start.to, to.accumulate});
            });
            return;
        }
        if (summed.elements() >= divisible_numbers) {
            // The second half is added to the first.
            GradientTarget<T> target = to;
            summed.in_halves([&](const Axes& half, const Places& start) {
                sum_parts(context, kept, half, scale, from + start.from, target);
                target.accumulate = true;
            });
            return;
        }
        const bool sums_inside =
            kept.count() > 0 &&
            (summed.count() == 0 || kept.last().from_stride < summed.last().from_stride);
        const SumGrid grid =
            sum_grid(kept.elements(), summed.elements(), sums_inside, kept.last().extent);
        const SumTarget<T> target{Walk(kept), scale, to};
        Scratch<double, D> partials(context, grid.chunks > 1 ? grid.chunks * grid.sums : 0);
        context.launch(grid.launch(),
                       SumAxesKernel<T>{grid, target, Walk(summed), from, partials.data()});
        if (grid.chunks > 1) {
            context.launch(over_warps(grid.sums),
                           SumChunksKernel<T>{target, grid.sums, grid.chunks, partials.data()});
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
