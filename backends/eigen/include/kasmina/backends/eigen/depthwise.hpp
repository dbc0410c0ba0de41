// Depthwise convolution: one small filter per channel, vectorised over channels.
#pragma once

#include <algorithm>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv_rows.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// Filters as [tap][channel], in reverse order of taps if `reversed` (for backward-data).
template <class T>
[[nodiscard]] Buffer<T> pack_depthwise(Context& context, const ConvShape& shape, const T* weight,
                                       bool reversed) {
    const Index taps = shape.kernel_height * shape.kernel_width;
    Buffer<T> packed = context.buffer<T>(taps * shape.in_channels);
    for (Index tap = 0; tap < taps; ++tap) {
        const Index from = reversed ? taps - 1 - tap : tap;
        for (Index c = 0; c < shape.in_channels; ++c) {
            packed.data()[tap * shape.in_channels + c] = weight[c * taps + from];
        }
    }
    return packed;
}

/// One output row for the channels that a `V` (a Vector or a single number) covers; `x`, `y` and
/// `filters` point at the first of them.
template <class V, class T>
void depthwise_row(const ConvShape& shape, Index row, const T* x, const T* filters, T* y,
                   bool accumulate) {
    const Index channels = shape.in_channels;
    const TapRange vertical(row, shape.kernel_height, shape.height);
    for (Index column = 0; column < shape.width; ++column) {
        const TapRange horizontal(column, shape.kernel_width, shape.width);
        V sum = accumulate ? load<V>(y + column * channels) : V{};
        for (Index kh = vertical.first; kh < vertical.last; ++kh) {
            for (Index kw = horizontal.first; kw < horizontal.last; ++kw) {
                const Index offset = (kh - shape.kernel_height / 2) * shape.width + column + kw -
                                     shape.kernel_width / 2;
                sum += load<V>(x + offset * channels) *
                       load<V>(filters + (kh * shape.kernel_width + kw) * channels);
            }
        }
        store(y + column * channels, sum);
    }
}

/// Runs body.operator()<V>(channel) over all channels: vectors first, then one by one.
template <class T, class Body>
void for_each_channel_vector(Index channels, Body&& body) {
    Index channel = 0;
    for (; channel + lanes<T> <= channels; channel += lanes<T>) {
        body.template operator()<Vector<T>>(channel);
    }
    for (; channel < channels; ++channel) body.template operator()<T>(channel);
}

template <class T>
void depthwise_packed(Context& context, const ConvShape& shape, const T* x, const T* filters, T* y,
                      bool accumulate) {
    const Index rows = shape.batch * shape.height;
    const Index row_size = shape.width * shape.in_channels;
    const Index rows_per_chunk =
        std::max<Index>(1, (Index{1} << 16) / std::max<Index>(1, row_size));
    context.parallel_for(ceil_div(rows, rows_per_chunk), [&](Index chunk) {
        const Index first = chunk * rows_per_chunk;
        const Index last = std::min(rows, first + rows_per_chunk);
        for (Index row = first; row < last; ++row) {
            for_each_channel_vector<T>(shape.in_channels, [&]<class V>(Index channel) {
                depthwise_row<V>(shape, row % shape.height, x + row * row_size + channel,
                                 filters + channel, y + row * row_size + channel, accumulate);
            });
        }
    });
}

/// y (batch, height, width, c) from x of the same shape and weight (c, 1, kh, kw): stride 1, odd
/// kernel, zero padding that keeps the size.
template <class T>
void depthwise_conv2d_forward(Context& context, const ConvShape& shape, const T* x, const T* weight,
                              T* y) {
    const Buffer<T> filters = pack_depthwise(context, shape, weight, false);
    depthwise_packed(context, shape, x, filters.data(), y, false);
}

/// The gradient of x, added to grad_x if `accumulate`, otherwise overwriting it.
template <class T>
void depthwise_conv2d_backward_input(Context& context, const ConvShape& shape, const T* grad_y,
                                     const T* weight, T* grad_x, bool accumulate) {
    const Buffer<T> filters = pack_depthwise(context, shape, weight, true);
    depthwise_packed(context, shape, grad_y, filters.data(), grad_x, accumulate);
}

/// Adds one tap's products over an output row to `sum`.
template <class V, class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE V depthwise_tap_row(const ConvShape& shape, Index right,
                                                        const T* x, const T* grad_y, V sum) {
    const Index channels = shape.in_channels;
    const Index first = std::max<Index>(0, -right);
    const Index last = std::min(shape.width, shape.width - right);
    for (Index column = first; column < last; ++column) {
        sum += load<V>(x + (column + right) * channels) * load<V>(grad_y + column * channels);
    }
    return sum;
}

/// The gradient of weight, added to grad_weight if `accumulate`, otherwise overwriting it.
template <class T>
void depthwise_conv2d_backward_weight(Context& context, const ConvShape& shape, const T* x,
                                      const T* grad_y, T* grad_weight, bool accumulate) {
    const Index channels = shape.in_channels;
    const Index taps = shape.kernel_height * shape.kernel_width;
    const Index rows = shape.batch * shape.height;
    const Index row_size = shape.width * channels;
    // Partial sums over rows, as many as the shape alone says (E-1).
    const Index parts = std::clamp<Index>(rows * row_size >> 16, 1, std::min<Index>(rows, 16));
    const Index part_size = ceil_div(taps * channels, 32) * 32;
    Buffer<T> partial = context.buffer<T>(parts * part_size);
    context.parallel_for(parts, [&](Index part) {
        T* sums = partial.data() + part * part_size;
        std::fill_n(sums, part_size, T{0});
        const Index last = rows * (part + 1) / parts;
        for (Index row = rows * part / parts; row < last; ++row) {
            const TapRange vertical(row % shape.height, shape.kernel_height, shape.height);
            for_each_channel_vector<T>(channels, [&]<class V>(Index channel) {
                for (Index kh = vertical.first; kh < vertical.last; ++kh) {
                    const T* from = x + (row + kh - shape.kernel_height / 2) * row_size + channel;
                    for (Index kw = 0; kw < shape.kernel_width; ++kw) {
                        T* sum = sums + (kh * shape.kernel_width + kw) * channels + channel;
                        store(sum, depthwise_tap_row<V>(shape, kw - shape.kernel_width / 2, from,
                                                        grad_y + row * row_size + channel,
                                                        load<V>(sum)));
                    }
                }
            });
        }
    });
    for (Index tap = 0; tap < taps; ++tap) {
        for (Index c = 0; c < channels; ++c) {
            const T* sums = partial.data() + tap * channels + c;
            T sum = sums[0];
            for (Index part = 1; part < parts; ++part) sum += sums[part * part_size];
            T& to = grad_weight[c * taps + tap];
            to = accumulate ? to + sum : sum;
        }
    }
}

}  // namespace kasmina::backends::eigen_detail
