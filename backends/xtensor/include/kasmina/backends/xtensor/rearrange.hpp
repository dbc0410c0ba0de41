// Rearranging: copies between strided places, and sums over axes, one index tuple after another.
#pragma once

#include <array>
#include <cstddef>

#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backends/xtensor/context.hpp>

namespace kasmina::backends::xtensor_detail {

/// f(place in from, place in to) for each index tuple, the last axis fastest.
template <class F>
void for_each_index(const StridedAxes& axes, F&& f, std::size_t axis = 0, Index from = 0,
                    Index to = 0) {
    if (axis == axes.rank) {
        f(from, to);
        return;
    }
    for (Index i = 0; i < axes.extents[axis]; ++i) {
        for_each_index(axes, f, axis + 1, from + i * axes.from_strides[axis],
                       to + i * axes.to_strides[axis]);
    }
}

/// Capability: RearrangeBackend.
template <class T>
struct Rearranging {
    static void rearrange(Context&, const Rearrange<T>& call) {
        for_each_index(call.axes, [&](Index from, Index to) {
            const T value = static_cast<T>(call.scale) * call.from[from];
            call.to[to] = call.accumulate ? call.to[to] + value : value;
        });
    }

    static void sum_axes(Context&, const SumAxes<T>& call) {
        StridedAxes kept;
        StridedAxes summed;
        for (std::size_t axis = 0; axis < call.axes.rank; ++axis) {
            StridedAxes& to = call.axes.to_strides[axis] == 0 ? summed : kept;
            to.append(call.axes.extents[axis], call.axes.from_strides[axis],
                      call.axes.to_strides[axis]);
        }
        for_each_index(kept, [&](Index first, Index to) {
            double sum = 0.0;
            for_each_index(summed, [&](Index from, Index) {
                sum += static_cast<double>(call.from[first + from]);
            });
            const double before = call.accumulate ? static_cast<double>(call.to[to]) : 0.0;
            call.to[to] = static_cast<T>(before + call.scale * sum);
        });
    }
};

}  // namespace kasmina::backends::xtensor_detail
