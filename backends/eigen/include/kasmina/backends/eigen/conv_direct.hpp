// Direct convolution: the register tile slides over the pixels of a row.
#pragma once

#include <algorithm>
#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/geometry.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv_axis.hpp>
#include <kasmina/backends/eigen/conv_rows.hpp>
#include <kasmina/backends/eigen/elementwise.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// What a convolution of either way reads, and where it writes.
struct ConvMaps {
    MapShape from;
    MapShape to;
    Index groups;
    bool backward;

    [[nodiscard]] static ConvMaps forward(const ConvShape& shape) noexcept {
        return {{shape.batch, shape.height, shape.width, shape.in_channels},
                {shape.batch, shape.out_height, shape.out_width, shape.out_channels},
                shape.groups,
                false};
    }
    [[nodiscard]] static ConvMaps back(const ConvShape& shape) noexcept {
        const ConvMaps maps = forward(shape);
        return {maps.to, maps.from, shape.groups, true};
    }

    /// Channels of a group.
    [[nodiscard]] Index inputs() const noexcept { return from.channels / groups; }
    [[nodiscard]] Index outputs() const noexcept { return to.channels / groups; }
};

/// The positions of one phase of a convolution: all of them forwards.
struct ConvPhase {
    ConvAxis vertical;
    ConvAxis horizontal;

    [[nodiscard]] Index taps() const noexcept { return vertical.taps * horizontal.taps; }
};

/// A weight, with the kernel's extents.
template <class T>
struct ConvWeight {
    const T* data;
    Index kernel_height;
    Index kernel_width;
};

/// Filters as the kernels read them: [group][panel of outputs][tap][input channel][output in
/// panel], the last panel of a group zero-filled. For backward-data inputs and outputs have changed
/// places.
template <class T>
[[nodiscard]] Buffer<T> pack_filters(Context& context, const ConvMaps& maps, const ConvPhase& phase,
                                     const ConvWeight<T>& weight) {
    constexpr Index width = panel_width<T>;
    const Index taps = phase.taps();
    const Index kernel = weight.kernel_height * weight.kernel_width;
    const Index in = maps.inputs();
    const Index out = maps.outputs();
    const Index panels = ceil_div(out, width);
    Buffer<T> packed = context.buffer<T>(maps.groups * panels * taps * in * width);
    context.parallel_for(maps.groups * panels, [&](Index chunk) {
        const Index group = chunk / panels;
        const Index first = chunk % panels * width;
        const Index count = std::min(width, out - first);
        for (Index tap = 0; tap < taps; ++tap) {
            const Index place =
                phase.vertical.kernel_tap(tap / phase.horizontal.taps) * weight.kernel_width +
                phase.horizontal.kernel_tap(tap % phase.horizontal.taps);
            for (Index i = 0; i < in; ++i) {
                T* to = packed.data() + ((chunk * taps + tap) * in + i) * width;
                const Index row =
                    maps.backward ? (group * in + i) * out + first : (group * out + first) * in + i;
                const T* from = weight.data + row * kernel + place;
                const Index step = maps.backward ? kernel : in * kernel;
                for (Index o = 0; o < count; ++o) to[o] = from[o * step];
                std::fill(to + count, to + width, T{0});
            }
        }
    });
    return packed;
}

/// Where the runs of numbers that a pixel's kernel covers begin, as seen from the first: as many
/// for each row of the kernel as `runs_of_row` says.
template <class T>
[[nodiscard]] Buffer<Index> run_offsets(Context& context, const ConvMaps& maps,
                                        const ConvPhase& phase, const PaddedRows<T>& input,
                                        Index runs_of_row) {
    Buffer<Index> offsets = context.buffer<Index>(phase.vertical.taps * runs_of_row);
    for (Index row = 0; row < phase.vertical.taps; ++row) {
        for (Index run = 0; run < runs_of_row; ++run) {
            offsets.data()[row * runs_of_row + run] =
                row * phase.vertical.tap_step * input.pitch() +
                run * phase.horizontal.tap_step * maps.from.channels;
        }
    }
    return offsets;
}

/// One phase: y (+)= what `input` has under its taps, times packed filters.
template <class T>
void conv_phase(Context& context, const ConvMaps& maps, const ConvPhase& phase,
                const PaddedRows<T>& input, const T* packed, GradientTarget<T> y) {
    constexpr Constant<1> one;
    constexpr Constant<panel_width<T>> width;
    const ConvAxis& vertical = phase.vertical;
    const ConvAxis& horizontal = phase.horizontal;
    const Index in = maps.inputs();
    const Index out = maps.outputs();
    const Index panels = ceil_div(out, width);
    // Where neighbouring taps read neighbouring pixels, a row of the kernel is one run of numbers.
    const bool one_run = maps.groups == 1 && (horizontal.tap_step == 1 || horizontal.taps == 1);
    const Index depth = one_run ? horizontal.taps * in : in;
    const Index runs_of_row = one_run ? 1 : horizontal.taps;
    const Buffer<Index> runs = run_offsets<T>(context, maps, phase, input, runs_of_row);
    const Index pixel_distance = horizontal.step * maps.from.channels;
    const Index y_distance = horizontal.out_step * maps.to.channels;
    const Index* const offsets = runs.data();
    const Index rows = maps.to.batch * vertical.count;
    // As much output as stays in the second-level cache while the panels take their turns.
    const Index row_size =
        horizontal.count * (horizontal.step * maps.from.channels + maps.to.channels);
    const Index rows_per_chunk = ceil_div(Index{1} << 15, row_size);
    const Index room =
        input.room(most_rows_read(vertical, maps.from.height, {0, rows}, rows_per_chunk));
    const auto convolve = [&](Index chunk, T* scratch) {
        const Index first = chunk * rows_per_chunk;
        const Index last = std::min(rows, first + rows_per_chunk);
        const auto x = input.load(rows_read(vertical, maps.from.height, {first, last}), scratch);
        for (Index panel = 0; panel < maps.groups * panels; ++panel) {
            const T* const filters = packed + panel * phase.taps() * in * width;
            const Index group = panel / panels;
            const Index channel = panel % panels * width;
            for (Index row = first; row < last; ++row) {
                const Index sample = row / vertical.count;
                const Index position = row % vertical.count;
                const TapRange taps = vertical.on_map(position, maps.from.height);
                const Index first_run = taps.first * runs_of_row;
                const Index last_run = taps.last * runs_of_row;
                const Index x_row =
                    x.place(sample * maps.from.height + position * vertical.step + vertical.first,
                            horizontal.first) +
                    group * in;
                const Index y_row =
                    sample * maps.to.height + vertical.out_first + position * vertical.out_step;
                T* const y_at = y.data +
                                (y_row * maps.to.width + horizontal.out_first) * maps.to.channels +
                                group * out + channel;
                for_each_tile(horizontal.count, panel_vectors<T>(channel, out),
                              [&]<int Rows, int Vectors>(Index column) {
                                  RegisterTile<T, Rows, Vectors> sums;
                                  sums.clear();
                                  const Index from = x_row + column * pixel_distance;
                                  for (Index run = first_run; run < last_run; ++run) {
                                      sums.accumulate(x.data() + (from + offsets[run]),
                                                      pixel_distance, one,
                                                      filters + run * depth * width, width, depth);
                                  }
                                  T* const to = y_at + column * y_distance;
                                  if (y.accumulate) sums.add_stored(to, y_distance, out - channel);
                                  sums.write(to, y_distance, out - channel);
                              });
            }
        }
    };
    context.parallel_for_with_scratch<T>(ceil_div(rows, rows_per_chunk), spaced<T>(room), convolve);
}

/// y = x convolved with weight, any shape.
template <class T>
void conv_direct(Context& context, const Conv2d<T>& call) {
    const ConvShape& shape = call.shape;
    const ConvMaps maps = ConvMaps::forward(shape);
    const ConvPhase phase{ConvExtents::vertical(shape).forward(),
                          ConvExtents::horizontal(shape).forward()};
    const Buffer<T> filters = pack_filters<T>(
        context, maps, phase, {call.weight, shape.kernel_height, shape.kernel_width});
    const PaddedRows<T> input(maps.from,
                              {phase.horizontal.reads_from(), phase.horizontal.reads_to()}, call.x);
    conv_phase<T>(context, maps, phase, input, filters.data(), {call.y, false});
}

/// The columns that the way back reads, in any of its phases.
[[nodiscard]] inline ColumnRange columns_of_phases(const ConvExtents& extents) noexcept {
    ColumnRange range{0, extents.out};
    for (Index phase = 0; phase < extents.phases(); ++phase) {
        const ConvAxis axis = extents.backward(phase);
        if (axis.taps == 0) continue;
        range.first = std::min(range.first, axis.reads_from());
        range.last = std::max(range.last, axis.reads_to());
    }
    return range;
}

/// grad_x from grad_y, any shape: phase by phase.
template <class T>
void conv_direct(Context& context, const Conv2dPullbackInput<T>& call) {
    const ConvShape& shape = call.shape;
    const ConvMaps maps = ConvMaps::back(shape);
    const ConvExtents vertical = ConvExtents::vertical(shape);
    const ConvExtents horizontal = ConvExtents::horizontal(shape);
    if (!call.grad_x.accumulate && (vertical.leaves_gaps() || horizontal.leaves_gaps())) {
        fill(context, call.grad_x.data, input_size(shape), T{0});
    }
    const PaddedRows<T> input(maps.from, columns_of_phases(horizontal), call.grad_y);
    for (Index row = 0; row < vertical.phases(); ++row) {
        for (Index column = 0; column < horizontal.phases(); ++column) {
            const ConvPhase phase{vertical.backward(row), horizontal.backward(column)};
            if (phase.taps() == 0) continue;
            const Buffer<T> filters = pack_filters<T>(
                context, maps, phase, {call.weight, shape.kernel_height, shape.kernel_width});
            conv_phase<T>(context, maps, phase, input, filters.data(), call.grad_x);
        }
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
