// Direct convolution: the register tile slides over the pixels of a row.
#pragma once

#include <algorithm>
#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv_rows.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>
#include <utility>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The shape of the backward-data convolution: inputs and outputs change places.
[[nodiscard]] inline ConvShape transposed(ConvShape shape) {
    std::swap(shape.in_channels, shape.out_channels);
    return shape;
}

/// A convolution of either way, as the kernels take it: y (+)= x convolved with filters. `shape` is
/// that of this convolution. For backward-data, whose x is grad_y and whose y is grad_x, `weight`
/// belongs to `transposed(shape)`.
template <class T>
struct Convolution {
    ConvShape shape;
    const T* x;
    const T* weight;
    bool backward;
    GradientTarget<T> y;

    Convolution(const Conv2d<T>& call)  // NOLINT(google-explicit-constructor)
        : shape(call.shape), x(call.x), weight(call.weight), backward(false), y{call.y, false} {}
    Convolution(const Conv2dPullbackInput<T>& call)  // NOLINT(google-explicit-constructor)
        : shape(transposed(call.shape)),
          x(call.grad_y),
          weight(call.weight),
          backward(true),
          y(call.grad_x) {}
};

/// Filters as the kernels read them: [panel of outputs][tap][input channel][output in panel],
/// the last panel zero-filled. For backward-data they are packed with inputs and outputs exchanged
/// and the taps in reverse order, which turns the forward kernel into the backward-data kernel.
template <class T>
[[nodiscard]] Buffer<T> pack_filters(Context& context, const Convolution<T>& call) {
    const ConvShape& shape = call.shape;
    const T* const weight = call.weight;
    constexpr Index width = panel_width<T>;
    const Index taps = shape.kernel_height * shape.kernel_width;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    const Index panels = ceil_div(out, width);
    Buffer<T> packed = context.buffer<T>(panels * taps * in * width);
    context.parallel_for(panels, [&](Index panel) {
        const Index first = panel * width;
        const Index count = std::min(width, out - first);
        for (Index tap = 0; tap < taps; ++tap) {
            for (Index i = 0; i < in; ++i) {
                T* to = packed.data() + ((panel * taps + tap) * in + i) * width;
                const T* from = call.backward ? weight + (i * out + first) * taps + taps - 1 - tap
                                              : weight + (first * in + i) * taps + tap;
                const Index step = call.backward ? taps : in * taps;
                for (Index o = 0; o < count; ++o) to[o] = from[o * step];
                std::fill(to + count, to + width, T{0});
            }
        }
    });
    return packed;
}

template <class T>
void conv_direct(Context& context, const Convolution<T>& call) {
    const ConvShape& shape = call.shape;
    T* const y = call.y.data;
    const bool accumulate = call.y.accumulate;
    const Buffer<T> filters_of_panels = pack_filters(context, call);
    const T* const packed = filters_of_panels.data();
    constexpr Constant<1> one;
    constexpr Constant<panel_width<T>> width;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    const Index depth = shape.kernel_width * in;
    const Index panels = ceil_div(out, width);
    const Index rows = shape.batch * shape.height;
    const PaddedRows<T> input(context, shape, call.x);
    // As much output as stays in the second-level cache while the panels take their turns.
    const Index rows_per_chunk = ceil_div(Index{1} << 15, shape.width * (in + out));
    context.parallel_for(ceil_div(rows, rows_per_chunk), [&](Index chunk) {
        const Index first = chunk * rows_per_chunk;
        const Index last = std::min(rows, first + rows_per_chunk);
        for (Index panel = 0; panel < panels; ++panel) {
            const T* filters = packed + panel * shape.kernel_height * depth * width;
            const Index channel = panel * width;
            for (Index row = first; row < last; ++row) {
                const TapRange taps(row % shape.height, shape.kernel_height, shape.height);
                T* const y_row = y + row * shape.width * out + channel;
                for_each_tile(shape.width, panel_vectors<T>(channel, out),
                              [&]<int Rows, int Vectors>(Index column) {
                                  RegisterTile<T, Rows, Vectors> sums;
                                  sums.clear();
                                  for (Index kh = taps.first; kh < taps.last; ++kh) {
                                      sums.accumulate(
                                          input.at(row + kh - shape.kernel_height / 2, column), in,
                                          one, filters + kh * depth * width, width, depth);
                                  }
                                  T* const to = y_row + column * out;
                                  if (accumulate) sums.add_stored(to, out, out - channel);
                                  sums.write(to, out, out - channel);
                              });
            }
        }
    });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
