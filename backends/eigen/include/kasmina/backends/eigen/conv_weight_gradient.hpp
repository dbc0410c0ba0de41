// The weight gradient of a direct convolution: a product over pixels for every tap.
#pragma once

#include <algorithm>
#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/conv_axis.hpp>
#include <kasmina/backends/eigen/conv_direct.hpp>
#include <kasmina/backends/eigen/conv_rows.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// How many partial sums over pixels a weight gradient is made of: by the shape alone, so that
/// the order of the additions never depends on threads (E-1).
[[nodiscard]] inline Index weight_gradient_parts(const ConvShape& shape) {
    const Index pixels = shape.batch * shape.out_height * shape.out_width;
    return std::clamp<Index>(pixels / 1024, 1, 8);
}

/// Sums over parts of the pixels: `parts` blocks of [group][tap][input][output of the group, rows
/// of `out_stride`].
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
    const Index in = shape.in_channels / shape.groups;
    const Index out = shape.out_channels / shape.groups;
    const Index part_size = shape.groups * taps * in * out_stride;
    constexpr Index outputs_per_chunk = 8;
    const Index chunks = ceil_div(out, outputs_per_chunk);
    context.parallel_for(shape.groups * chunks, [&](Index chunk) {
        const Index group = chunk / chunks;
        const Index first = chunk % chunks * outputs_per_chunk;
        const Index last = std::min(out, first + outputs_per_chunk);
        for (Index tap = 0; tap < taps; ++tap) {
            for (Index i = 0; i < in; ++i) {
                const T* row = partial.data + ((group * taps + tap) * in + i) * out_stride;
                for (Index o = first; o < last; ++o) {
                    T sum = row[o];
                    for (Index part = 1; part < parts; ++part) sum += row[part * part_size + o];
                    T& to = gradient.data[((group * out + o) * in + i) * taps + tap];
                    to = gradient.accumulate ? to + sum : sum;
                }
            }
        }
    });
}

/// Gradients that are read in whole vectors: these may end behind a group's outputs, in numbers
/// whose sums nobody uses. At the very end there are none, so the last rows are copied.
template <class T>
class ReadableGradients {
public:
    ReadableGradients(Context& context, const ConvShape& shape, bool whole_vectors, const T* grad_y)
        : row_size_(shape.out_width * shape.out_channels), data_(grad_y) {
        const Index rows = shape.batch * shape.out_height;
        copied_from_ = rows;
        if (whole_vectors || rows * row_size_ == 0) return;
        copied_from_ = std::max<Index>(0, rows - 1 - ceil_div(lanes<T>, row_size_));
        const Index size = (rows - copied_from_) * row_size_;
        copy_ = context.buffer<T>(size + lanes<T>);
        std::copy_n(grad_y + copied_from_ * row_size_, size, copy_.data());
        std::fill_n(copy_.data() + size, lanes<T>, T{0});
    }

    /// A row of the output, counted through the batch.
    [[nodiscard]] const T* row(Index row) const noexcept {
        return row < copied_from_ ? data_ + row * row_size_
                                  : copy_.data() + (row - copied_from_) * row_size_;
    }

private:
    Index row_size_;
    const T* data_;
    Index copied_from_;
    Buffer<T> copy_{};
};

/// One panel of a group's outputs, the first of which is channel `output`, and sums in rows of
/// `stride`.
template <class T>
struct OutputPanel {
    const ReadableGradients<T>& gradients;
    Index output;
    T* sums;
    Index stride;
    Index vectors;
};

/// The sums of one kernel row over some rows of the output, (tap, input) x outputs of one panel,
/// are added to the panel's. What neighbouring taps read is one run of numbers where `one_run` says
/// so.
template <class T>
void accumulate_kernel_row(const ConvShape& shape, const typename PaddedRows<T>::View& x,
                           Index first_input, bool one_run, Index kh, RowRange rows,
                           OutputPanel<T> panel) {
    const Index in = shape.in_channels / shape.groups;
    const Index down = kh * shape.dilation_height - shape.pad_top;
    const Index runs = one_run ? 1 : shape.kernel_width;
    const Index run = one_run ? shape.kernel_width * in : in;
    for (Index kw = 0; kw < runs; ++kw) {
        T* const sums_at = panel.sums + (kh * shape.kernel_width + kw) * in * panel.stride;
        const Index right = kw * shape.dilation_width - shape.pad_left;
        for_each_tile(run, panel.vectors, [&]<int Rows, int Vectors>(Index input) {
            RegisterTile<T, Rows, Vectors> sums;
            sums.clear();
            for (Index row = rows.first; row < rows.last; ++row) {
                const Index from = row % shape.out_height * shape.stride_height + down;
                if (from < 0 || from >= shape.height) continue;
                const Index from_row = row / shape.out_height * shape.height + from;
                sums.accumulate(x.data() + x.place(from_row, right) + first_input + input,
                                Constant<1>{}, shape.stride_width * shape.in_channels,
                                panel.gradients.row(row) + panel.output, shape.out_channels,
                                shape.out_width);
            }
            T* const to = sums_at + input * panel.stride;
            sums.add_stored(to, panel.stride, Vectors * lanes<T>);
            sums.write(to, panel.stride, Vectors * lanes<T>);
        });
    }
}

/// grad_weight (out, in / groups, kh, kw) = sum over pixels of x (shifted by the tap) times grad_y.
template <class T>
void conv_weight_gradient(Context& context, const Conv2dPullbackWeight<T>& call) {
    const ConvShape& shape = call.shape;
    const Index taps = shape.kernel_height * shape.kernel_width;
    const Index rows = shape.batch * shape.out_height;
    const Index in = shape.in_channels / shape.groups;
    const Index out = shape.out_channels / shape.groups;
    const Index out_stride = ceil_div(out, lanes<T>) * lanes<T>;
    const Index panels = ceil_div(out_stride, panel_width<T>);

    const ReadableGradients<T> gradients(context, shape, out_stride == out, call.grad_y);
    const ConvMaps maps = ConvMaps::forward(shape);
    const ConvAxis horizontal = ConvExtents::horizontal(shape).forward();
    const PaddedRows<T> input(maps.from, {horizontal.reads_from(), horizontal.reads_to()}, call.x);
    const bool one_run =
        shape.groups == 1 && (shape.dilation_width == 1 || shape.kernel_width == 1);
    const Index parts = std::min(std::max<Index>(1, rows), weight_gradient_parts(shape));
    const Index part_size = shape.groups * taps * in * out_stride;
    Buffer<T> partial = context.buffer<T>(parts * part_size);
    // Some pixels: their inputs and gradients stay in the first-level cache over all taps. With
    // strides a row of the kernel meets a share of the input alone.
    const Index pixels_at_once = keeps_size(shape) ? 64 : 256;
    const Index block = std::max<Index>(1, pixels_at_once / shape.out_width);
    const Index panels_of_part = shape.groups * panels;
    const ConvAxis vertical = ConvExtents::vertical(shape).forward();
    Index most = 0;
    for (Index part = 0; part < parts; ++part) {
        const RowRange of_part{rows * part / parts, rows * (part + 1) / parts};
        most = std::max(most, most_rows_read(vertical, shape.height, of_part, block));
    }
    const auto add_up = [&](Index chunk, T* scratch) {
        const Index part = chunk / panels_of_part;
        const Index group = chunk % panels_of_part / panels;
        const Index channel = chunk % panels * panel_width<T>;
        const Index vectors = panel_vectors<T>(channel, out_stride);
        T* sums = partial.data() + part * part_size + group * taps * in * out_stride + channel;
        for (Index i = 0; i < taps * in; ++i) {
            std::fill_n(sums + i * out_stride, vectors * lanes<T>, T{0});
        }
        const OutputPanel<T> panel{gradients, group * out + channel, sums, out_stride, vectors};
        const Index last = rows * (part + 1) / parts;
        for (Index row = rows * part / parts; row < last; row += block) {
            const RowRange outputs{row, std::min(last, row + block)};
            const auto x = input.load(rows_read(vertical, shape.height, outputs), scratch);
            for (Index kh = 0; kh < shape.kernel_height; ++kh) {
                accumulate_kernel_row<T>(shape, x, group * in, one_run, kh, outputs, panel);
            }
        }
    };
    context.parallel_for_with_scratch<T>(parts * panels_of_part, spaced<T>(input.room(most)),
                                         add_up);
    write_weight_gradient<T>(context, shape, {partial.data(), parts, out_stride}, call.grad_weight);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
