// Layer norm and its pullback: group norm where a sample is one row of one group.
#pragma once

#include <algorithm>
#include <cmath>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backend/group_norm.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/row_sums.hpp>
#include <kasmina/backends/eigen/rows.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

[[nodiscard]] constexpr bool is_layer_norm(const NormGeometry& geometry) {
    return geometry.positions == 1 && geometry.groups == 1;
}

/// How rows are dealt out; there are not so many chunks that their sums of gradients are much.
struct LayerNormRows {
    explicit constexpr LayerNormRows(const NormGeometry& geometry)
        : rows(geometry.samples),
          rows_per_chunk(std::max<Index>(
              {1, 16384 / std::max<Index>(1, geometry.channels), geometry.samples / 128})),
          chunks((rows + rows_per_chunk - 1) / rows_per_chunk) {}

    Index rows;
    Index rows_per_chunk;
    Index chunks;

    template <class Body>
    void for_each_row_of(Index chunk, Body&& body) const {
        const Index end = std::min(rows, (chunk + 1) * rows_per_chunk);
        for (Index row = chunk * rows_per_chunk; row < end; ++row) body(row);
    }
};

template <class T>
void layer_norm(Context& context, const GroupNorm<T>& call) {
    const Index channels = call.geometry.channels;
    const double count = static_cast<double>(channels);
    const bool relu = call.relu;
    const LayerNormRows rows(call.geometry);
    context.parallel_for(rows.chunks, [&](Index chunk) {
        rows.for_each_row_of(chunk, [&](Index row) {
            const T* const x = call.x + row * channels;
            const T* const scale = call.scale;
            const T* const shift = call.shift;
            const T* const added =
                call.residual == nullptr ? nullptr : call.residual + row * channels;
            T* const y = call.y + row * channels;
            const T mean = static_cast<T>(sum_of_run(x, channels) / count);
            const double squares = sum_over_row<T>(channels, [=](Index c, auto used) {
                const Vector<T> centred = load_lanes(x + c, used) - mean;
                return centred * centred;
            });
            const T inverse = static_cast<T>(1.0 / std::sqrt(squares / count + call.epsilon));
            call.mean[row] = mean;
            call.inverse_deviation[row] = inverse;
            for_each_vector<T>(channels, [=](Index c, auto used) {
                Vector<T> value = multiply_add<T>(load_lanes(x + c, used) - mean,
                                                  load_lanes(scale + c, used) * inverse,
                                                  load_lanes(shift + c, used));
                if (relu) value = rectified<T>(value);
                if (added != nullptr) value += load_lanes(added + c, used);
                store_lanes(y + c, value, used);
            });
        });
    });
}

/// Sums over the rows of a chunk: of the gradient times the normalised x, and of the gradient; some
/// rows in `narrow`, then in double.
template <class T>
struct ChannelSums {
    T* narrow;     ///< twice the channels
    double* wide;  ///< twice the channels
    Index channels;
    Index rows = 0;

    void next_row() {
        if (++rows == terms_at_once) widen();
    }

    void widen() {
        for_each_vector<T>(2 * channels, [&](Index c, auto used) {
            add_widened<T>(wide + c, load_lanes(narrow + c, used), used);
            store_lanes(narrow + c, Vector<T>{}, used);
        });
        rows = 0;
    }
};

template <class T>
void layer_norm_pullback_row(const GroupNormPullback<T>& call, Index row, T* scale_sums,
                             T* shift_sums) {
    const Index channels = call.geometry.channels;
    const double count = static_cast<double>(channels);
    const bool relu = call.relu;
    const T* const x = call.x + row * channels;
    const T* const grad_y = call.grad_y + row * channels;
    const T* const scale = call.scale;
    const T* const shift = call.shift;
    const T mean = call.mean[row];
    const T inverse = call.inverse_deviation[row];
    // The upstream gradient behind the ReLU.
    const auto behind_relu = [=](Index c, Vector<T> centred, auto used) {
        const Vector<T> gradient = load_lanes(grad_y + c, used);
        if (!relu) return gradient;
        const Vector<T> value = multiply_add<T>(centred, load_lanes(scale + c, used) * inverse,
                                                load_lanes(shift + c, used));
        return is_at_most_zero<T>(value) ? Vector<T>{} : gradient;
    };
    const double slopes = sum_over_row<T>(channels, [=](Index c, auto used) {
        const Vector<T> centred = load_lanes(x + c, used) - mean;
        const Vector<T> gradient = behind_relu(c, centred, used);
        const Vector<T> product = gradient * (centred * inverse);
        add_lanes(scale_sums + c, product, used);
        add_lanes(shift_sums + c, gradient, used);
        return product * load_lanes(scale + c, used);
    });
    if (!call.grad_x) return;
    const double gradients = sum_over_row<T>(channels, [=](Index c, auto used) {
        const Vector<T> centred = load_lanes(x + c, used) - mean;
        return behind_relu(c, centred, used) * load_lanes(scale + c, used);
    });
    // With n = the normalised x and g = scale * gradient:
    // grad_x = inverse_deviation * (g - mean(g) - n * mean(g * n)).
    const T constant = static_cast<T>(gradients / count);
    const T slope = static_cast<T>(slopes / count) * inverse;
    const GradientTarget<T> to{call.grad_x.data + row * channels, call.grad_x.accumulate};
    for_each_vector<T>(channels, [=](Index c, auto used) {
        const Vector<T> centred = load_lanes(x + c, used) - mean;
        const Vector<T> gradient = behind_relu(c, centred, used) * load_lanes(scale + c, used);
        put_lanes(to, c, (gradient - constant - centred * slope) * inverse, used);
    });
}

/// `grad_x` may be grad_y when it does not accumulate.
template <class T>
void layer_norm_pullback(Context& context, const GroupNormPullback<T>& call) {
    const Index channels = call.geometry.channels;
    const LayerNormRows rows(call.geometry);
    const Index partial = spaced<double>(2 * channels);
    Buffer<double> partials = context.buffer<double>(partial * rows.chunks);
    context.parallel_for_with_scratch<T>(
        rows.chunks, spaced<T>(2 * channels), [&](Index chunk, T* scratch) {
            ChannelSums<T> sums{scratch, partials.data() + chunk * partial, channels};
            std::fill_n(sums.narrow, 2 * channels, T{0});
            std::fill_n(sums.wide, 2 * channels, 0.0);
            rows.for_each_row_of(chunk, [&](Index row) {
                layer_norm_pullback_row(call, row, sums.narrow, sums.narrow + channels);
                sums.next_row();
            });
            sums.widen();
        });
    const auto total = [&](Index offset, const GradientTarget<T>& target) {
        if (!target) return;
        for_each_total(partials.data(), offset, rows.chunks, partial, channels,
                       [&](Index c, double sum) { put_total(target, c, sum); });
    };
    total(0, call.grad_scale);
    total(channels, call.grad_shift);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
