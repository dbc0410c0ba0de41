// The weight gradient of a direct convolution: a product over pixels for every tap.
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

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// How many partial sums over pixels a weight gradient is made of: by the shape alone, so that
/// the order of the additions never depends on threads (E-1).
[[nodiscard]] inline Index weight_gradient_parts(const ConvShape& shape) {
    const Index pixels = shape.batch * shape.height * shape.width;
    return std::clamp<Index>(pixels / 1024, 1, 8);
}

/// Sums over parts of the pixels: `parts` blocks of [tap][input][output, rows of `out_stride`].
template <class T>
struct PartialGradients {
    const T* data;
    Index parts;
    Index out_stride;
};

/// Adds up the parts in order and writes the sum in PyTorch's order (out, in, tap).
template <class T>
void write_weight_gradient(Context& context, const ConvShape& shape, PartialGradients<T> partial,
                           GradientTarget<T> gradient) {
    const Index out_stride = partial.out_stride;
    const Index parts = partial.parts;
    const Index taps = shape.kernel_height * shape.kernel_width;
    const Index part_size = taps * shape.in_channels * out_stride;
    constexpr Index outputs_per_chunk = 8;
    context.parallel_for(ceil_div(shape.out_channels, outputs_per_chunk), [&](Index chunk) {
        const Index first = chunk * outputs_per_chunk;
        const Index last = std::min(shape.out_channels, first + outputs_per_chunk);
        for (Index tap = 0; tap < taps; ++tap) {
            for (Index i = 0; i < shape.in_channels; ++i) {
                const T* row = partial.data + (tap * shape.in_channels + i) * out_stride;
                for (Index o = first; o < last; ++o) {
                    T sum = row[o];
                    for (Index part = 1; part < parts; ++part) sum += row[part * part_size + o];
                    T& to = gradient.data[(o * shape.in_channels + i) * taps + tap];
                    to = gradient.accumulate ? to + sum : sum;
                }
            }
        }
    });
}

/// One panel of the outputs: gradients and sums in rows of `stride`.
template <class T>
struct OutputPanel {
    const T* grad_y;
    T* sums;
    Index stride;
    Index vectors;
};

/// Rows of pixels through the batch, from `first` up to `last`.
struct PixelRows {
    Index first;
    Index last;
};

/// The sums of one kernel row over some rows of pixels, (tap, input) x outputs of one panel, are
/// added to the panel's.
template <class T>
void accumulate_kernel_row(const ConvShape& shape, const PaddedRows<T>& x, Index kh, PixelRows rows,
                           OutputPanel<T> panel) {
    const Index down = kh - shape.kernel_height / 2;
    const Index out_stride = panel.stride;
    T* const sums_at = panel.sums + kh * shape.kernel_width * shape.in_channels * out_stride;
    for_each_tile(shape.kernel_width * shape.in_channels, panel.vectors,
                  [&]<int Rows, int Vectors>(Index input) {
                      RegisterTile<T, Rows, Vectors> sums;
                      sums.clear();
                      for (Index row = rows.first; row < rows.last; ++row) {
                          const Index from = row % shape.height + down;
                          if (from < 0 || from >= shape.height) continue;
                          sums.accumulate(x.at(row + down, 0) + input, Constant<1>{},
                                          shape.in_channels,
                                          panel.grad_y + row * shape.width * out_stride, out_stride,
                                          shape.width);
                      }
                      T* const to = sums_at + input * out_stride;
                      sums.add_stored(to, out_stride, Vectors * lanes<T>);
                      sums.write(to, out_stride, Vectors * lanes<T>);
                  });
}

/// grad_weight (out, in, kh, kw) = sum over pixels of x (shifted by the tap) times grad_y.
template <class T>
void conv_weight_gradient(Context& context, const Conv2dPullbackWeight<T>& call) {
    const ConvShape& shape = call.shape;
    const T* grad_y = call.grad_y;
    const Index taps = shape.kernel_height * shape.kernel_width;
    const Index rows = shape.batch * shape.height;
    const Index out_stride = ceil_div(shape.out_channels, lanes<T>) * lanes<T>;
    const Index panels = ceil_div(out_stride, panel_width<T>);

    // Whole vectors of outputs are read, so rows that do not end on one are copied apart.
    Buffer<T> padded;
    if (out_stride != shape.out_channels) {
        const Index pixels = rows * shape.width;
        padded = context.buffer<T>(pixels * out_stride);
        context.parallel_for(ceil_div(pixels, 1024), [&](Index chunk) {
            for (Index p = chunk * 1024; p < std::min(pixels, chunk * 1024 + 1024); ++p) {
                T* to = padded.data() + p * out_stride;
                std::copy_n(grad_y + p * shape.out_channels, shape.out_channels, to);
                std::fill(to + shape.out_channels, to + out_stride, T{0});
            }
        });
        grad_y = padded.data();
    }

    const PaddedRows<T> input(context, shape, call.x);
    const Index parts = std::min(rows, weight_gradient_parts(shape));
    const Index part_size = taps * shape.in_channels * out_stride;
    Buffer<T> partial = context.buffer<T>(parts * part_size);
    // Some 64 pixels: their inputs and gradients stay in the first-level cache over all taps.
    const Index block = std::max<Index>(1, 64 / shape.width);
    context.parallel_for(parts * panels, [&](Index chunk) {
        const Index part = chunk / panels;
        const Index channel = chunk % panels * panel_width<T>;
        const Index vectors = panel_vectors<T>(channel, out_stride);
        T* sums = partial.data() + part * part_size + channel;
        for (Index i = 0; i < taps * shape.in_channels; ++i) {
            std::fill_n(sums + i * out_stride, vectors * lanes<T>, T{0});
        }
        const Index last = rows * (part + 1) / parts;
        for (Index row = rows * part / parts; row < last; row += block) {
            for (Index kh = 0; kh < shape.kernel_height; ++kh) {
                accumulate_kernel_row<T>(shape, input, kh, {row, std::min(last, row + block)},
                                         {grad_y + channel, sums, out_stride, vectors});
            }
        }
    });
    write_weight_gradient<T>(context, shape, {partial.data(), parts, out_stride}, call.grad_weight);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
