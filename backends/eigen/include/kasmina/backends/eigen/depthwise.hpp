// Depthwise convolution: one small filter per channel, vectorised over channels.
#pragma once

#include <algorithm>
#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv_axis.hpp>
#include <kasmina/backends/eigen/depthwise_any.hpp>
#include <kasmina/backends/eigen/elementwise.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

// Extents of arrays are Index here: constants, of which g++ warns in templates all the same.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

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

/// The taps of a kernel along one axis that stay on the map when it is centred on `position`.
[[nodiscard]] inline TapRange centred_taps(Index position, Index kernel, Index extent) noexcept {
    return {std::max<Index>(0, kernel / 2 - position),
            std::min(kernel, extent + kernel / 2 - position)};
}

/// One output for the channels that a `V` (a Vector or a single number) covers, any kernel.
/// Pointers are to the first of these channels: `x` and `y` in row `row`, `filters` in tap 0.
template <class V, class T>
void depthwise_pixel(const ConvShape& shape, Index row, Index column, const T* x, const T* filters,
                     T* y, bool accumulate) {
    const Index channels = shape.in_channels;
    const TapRange vertical = centred_taps(row, shape.kernel_height, shape.height);
    const TapRange horizontal = centred_taps(column, shape.kernel_width, shape.width);
    V sum = accumulate ? load<V>(y + column * channels) : V{};
    for (Index kh = vertical.first; kh < vertical.last; ++kh) {
        for (Index kw = horizontal.first; kw < horizontal.last; ++kw) {
            const Index pixel =
                (kh - shape.kernel_height / 2) * shape.width + column + kw - shape.kernel_width / 2;
            sum += load<V>(x + pixel * channels) *
                   load<V>(filters + (kh * shape.kernel_width + kw) * channels);
        }
    }
    store(y + column * channels, sum);
}

/// Pixels of one row from `column` - 1 to `column` + Columns, those off the map zero.
template <class V, int Columns>
struct PixelRun {
    template <class T>
    KASMINA_ALWAYS_INLINE PixelRun(const ConvShape& shape, Index column, const T* row) {
        const T* from = row + column * shape.in_channels;
        at[0] = column > 0 ? load<V>(from - shape.in_channels) : V{};
        for (int i = 0; i < Columns; ++i) at[i + 1] = load<V>(from + i * shape.in_channels);
        at[Columns + 1] =
            column + Columns < shape.width ? load<V>(from + Columns * shape.in_channels) : V{};
    }

    V at[Columns + 2];
};

/// `Columns` neighbouring outputs of a kernel three wide: each input is read once per kernel row.
template <class V, int Columns, class T>
KASMINA_ALWAYS_INLINE void depthwise_run(const ConvShape& shape, const TapRange& vertical,
                                         Index column, const T* x, const T* filters, T* y,
                                         bool accumulate) {
    const Index channels = shape.in_channels;
    V sums[Columns];
    for (int i = 0; i < Columns; ++i) {
        sums[i] = accumulate ? load<V>(y + (column + i) * channels) : V{};
    }
    for (Index kh = vertical.first; kh < vertical.last; ++kh) {
        const Index down = kh - shape.kernel_height / 2;
        const PixelRun<V, Columns> run(shape, column, x + down * shape.width * channels);
        for (int kw = 0; kw < 3; ++kw) {
            const V filter = load<V>(filters + (kh * 3 + kw) * channels);
            for (int i = 0; i < Columns; ++i) sums[i] += run.at[i + kw] * filter;
        }
    }
    for (int i = 0; i < Columns; ++i) store(y + (column + i) * channels, sums[i]);
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

/// y (+)= x convolved with filters that `pack_depthwise` packed, of either way.
template <class T>
void depthwise_packed(Context& context, const ConvShape& shape, const T* x, const T* filters,
                      const GradientTarget<T>& to) {
    T* const y = to.data;
    const bool accumulate = to.accumulate;
    const Index rows = shape.batch * shape.height;
    const Index row_size = shape.width * shape.in_channels;
    const Index rows_per_chunk = ceil_div(Index{1} << 15, row_size);
    context.parallel_for(ceil_div(rows, rows_per_chunk), [&](Index chunk) {
        const Index first = chunk * rows_per_chunk;
        for (Index row = first; row < std::min(rows, first + rows_per_chunk); ++row) {
            const Index map_row = row % shape.height;
            const TapRange vertical = centred_taps(map_row, shape.kernel_height, shape.height);
            const T* const x_row = x + row * row_size;
            T* const y_row = y + row * row_size;
            Index column = 0;
            if (shape.kernel_width == 3) {
                for (; column + 4 <= shape.width; column += 4) {
                    for_each_channel_vector<T>(shape.in_channels, [&]<class V>(Index channel) {
                        depthwise_run<V, 4>(shape, vertical, column, x_row + channel,
                                            filters + channel, y_row + channel, accumulate);
                    });
                }
            }
            for (; column < shape.width; ++column) {
                for_each_channel_vector<T>(shape.in_channels, [&]<class V>(Index channel) {
                    depthwise_pixel<V>(shape, map_row, column, x_row + channel, filters + channel,
                                       y_row + channel, accumulate);
                });
            }
        }
    });
}

/// y (batch, out height, out width, c) from x (batch, height, width, c) and weight (c, 1, kh, kw).
template <class T>
void depthwise_conv2d(Context& context, const Conv2d<T>& call) {
    if (sums_nothing(call.shape)) {
        return put_zeros<T>(context, {call.y, false}, output_size(call.shape));
    }
    if (!keeps_size(call.shape)) return depthwise_any(context, call);
    const Buffer<T> filters = pack_depthwise(context, call.shape, call.weight, false);
    depthwise_packed<T>(context, call.shape, call.x, filters.data(), {call.y, false});
}

template <class T>
void depthwise_conv2d_pullback_input(Context& context, const Conv2dPullbackInput<T>& call) {
    if (!call.grad_x) return;
    if (sums_nothing(call.shape)) {
        return put_zeros(context, call.grad_x, input_size(call.shape));
    }
    if (!keeps_size(call.shape)) return depthwise_any(context, call);
    const Buffer<T> filters = pack_depthwise(context, call.shape, call.weight, true);
    depthwise_packed(context, call.shape, call.grad_y, filters.data(), call.grad_x);
}

/// Adds what one pixel of grad_y contributes to the sums of all taps, for the channels that a `V`
/// covers, any kernel.
template <class V, class T>
void depthwise_pixel_gradient(const ConvShape& shape, const TapRange& vertical, Index column,
                              const T* x, const T* grad_y, T* sums) {
    const Index channels = shape.in_channels;
    const TapRange horizontal = centred_taps(column, shape.kernel_width, shape.width);
    const V gradient = load<V>(grad_y + column * channels);
    for (Index kh = vertical.first; kh < vertical.last; ++kh) {
        for (Index kw = horizontal.first; kw < horizontal.last; ++kw) {
            const Index pixel =
                (kh - shape.kernel_height / 2) * shape.width + column + kw - shape.kernel_width / 2;
            T* const tap = sums + (kh * shape.kernel_width + kw) * channels;
            store(tap, load<V>(tap) + load<V>(x + pixel * channels) * gradient);
        }
    }
}

/// The same for `Columns` neighbouring pixels and a kernel three wide.
template <class V, int Columns, class T>
KASMINA_ALWAYS_INLINE void depthwise_run_gradient(const ConvShape& shape, const TapRange& vertical,
                                                  Index column, const T* x, const T* grad_y,
                                                  T* sums) {
    const Index channels = shape.in_channels;
    V gradients[Columns];
    for (int i = 0; i < Columns; ++i) gradients[i] = load<V>(grad_y + (column + i) * channels);
    for (Index kh = vertical.first; kh < vertical.last; ++kh) {
        const Index down = kh - shape.kernel_height / 2;
        const PixelRun<V, Columns> run(shape, column, x + down * shape.width * channels);
        for (int kw = 0; kw < 3; ++kw) {
            T* const tap = sums + (kh * 3 + kw) * channels;
            V sum = load<V>(tap);
            for (int i = 0; i < Columns; ++i) sum += run.at[i + kw] * gradients[i];
            store(tap, sum);
        }
    }
}

/// The sums of all taps over the pixels of one row of the output, of a convolution that keeps the
/// size, are added to `sums`.
template <class T>
void depthwise_centred_row_gradient(const ConvShape& shape, Index row, const T* x, const T* grad_y,
                                    T* sums) {
    const Index channels = shape.in_channels;
    const Index row_size = shape.width * channels;
    const TapRange vertical = centred_taps(row % shape.height, shape.kernel_height, shape.height);
    const T* const x_row = x + row * row_size;
    const T* const grad_row = grad_y + row * row_size;
    Index column = 0;
    if (shape.kernel_width == 3) {
        for (; column + 4 <= shape.width; column += 4) {
            for_each_channel_vector<T>(channels, [&]<class V>(Index channel) {
                depthwise_run_gradient<V, 4>(shape, vertical, column, x_row + channel,
                                             grad_row + channel, sums + channel);
            });
        }
    }
    for (; column < shape.width; ++column) {
        for_each_channel_vector<T>(channels, [&]<class V>(Index channel) {
            depthwise_pixel_gradient<V>(shape, vertical, column, x_row + channel,
                                        grad_row + channel, sums + channel);
        });
    }
}

template <class T>
void depthwise_conv2d_pullback_weight(Context& context, const Conv2dPullbackWeight<T>& call) {
    if (!call.grad_weight) return;
    if (sums_nothing(call.shape)) {
        return put_zeros(context, call.grad_weight, weight_size(call.shape));
    }
    const ConvShape& shape = call.shape;
    const bool centred = keeps_size(shape);
    const Index channels = shape.in_channels;
    const Index taps = shape.kernel_height * shape.kernel_width;
    const Index rows = shape.batch * shape.out_height;
    const Index row_size = shape.out_width * channels;
    // Partial sums over rows, as many as the shape alone says (E-1).
    const Index most = std::clamp<Index>(rows, 1, 16);
    const Index parts = std::clamp<Index>(rows * row_size >> 16, 1, most);
    const Index part_size = ceil_div(taps * channels, 32) * 32;
    Buffer<T> partial = context.buffer<T>(parts * part_size);
    context.parallel_for(parts, [&](Index part) {
        T* sums = partial.data() + part * part_size;
        std::fill_n(sums, part_size, T{0});
        const Index last = rows * (part + 1) / parts;
        for (Index row = rows * part / parts; row < last; ++row) {
            if (centred) {
                depthwise_centred_row_gradient<T>(shape, row, call.x, call.grad_y, sums);
            } else {
                depthwise_row_gradient<T>(shape, row, call.x, call.grad_y, sums);
            }
        }
    });
    for (Index tap = 0; tap < taps; ++tap) {
        for (Index c = 0; c < channels; ++c) {
            const T* sums = partial.data() + tap * channels + c;
            T sum = sums[0];
            for (Index part = 1; part < parts; ++part) sum += sums[part * part_size];
            T& to = call.grad_weight.data[c * taps + tap];
            to = call.grad_weight.accumulate ? to + sum : sum;
        }
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
