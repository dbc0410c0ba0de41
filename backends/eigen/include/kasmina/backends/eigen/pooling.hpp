// Pooling: 2x2 maximum, and the mean over all positions of a map.
#pragma once

#include <algorithm>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// 2x2, stride 2; odd rows and columns at the end are dropped.
template <class T>
void max_pool(Context& context, const MapShape& shape, const T* x, T* y) {
    const Index channels = shape.channels;
    const Index row = shape.width * channels;
    const Index rows = shape.height / 2;
    const Index columns = shape.width / 2;
    context.parallel_for(shape.batch, [&](Index sample) {
        for (Index i = 0; i < rows; ++i) {
            for (Index j = 0; j < columns; ++j) {
                const T* in = x + (sample * shape.height + 2 * i) * row + 2 * j * channels;
                T* out = y + ((sample * rows + i) * columns + j) * channels;
                for (Index c = 0; c < channels; ++c) {
                    out[c] = std::max(std::max(in[c], in[channels + c]),
                                      std::max(in[row + c], in[row + channels + c]));
                }
            }
        }
    });
}

/// The first of the greatest, in row-major order, gets a window's gradient.
template <class T>
void max_pool_pullback(Context& context, const MapShape& shape, const T* x, const T* grad_y,
                       const GradientTarget<T>& target) {
    if (!target) return;
    const Index channels = shape.channels;
    const Index row = shape.width * channels;
    const Index rows = shape.height / 2;
    const Index columns = shape.width / 2;
    context.parallel_for(shape.batch, [&](Index sample) {
        T* out = target.data + sample * shape.height * row;
        if (!target.accumulate) std::fill_n(out, shape.height * row, T{0});
        for (Index i = 0; i < rows; ++i) {
            for (Index j = 0; j < columns; ++j) {
                const Index corner = 2 * i * row + 2 * j * channels;
                const T* in = x + sample * shape.height * row + corner;
                const T* gradient = grad_y + ((sample * rows + i) * columns + j) * channels;
                const Index places[4] = {0, channels, row, row + channels};
                for (Index c = 0; c < channels; ++c) {
                    Index winner = 0;
                    for (const Index place : places) {
                        if (in[place + c] > in[winner + c]) winner = place;
                    }
                    out[corner + winner + c] += gradient[c];
                }
            }
        }
    });
}

/// (samples, positions, channels) -> (samples, channels).
template <class T>
void mean_positions(Context& context, const NormGeometry& geometry, const T* x, T* y) {
    const Index channels = geometry.channels;
    const T share = T{1} / static_cast<T>(geometry.positions);
    context.parallel_for(geometry.samples, [&](Index sample) {
        const T* in = x + sample * geometry.positions * channels;
        T* out = y + sample * channels;
        std::fill_n(out, channels, T{0});
        for (Index p = 0; p < geometry.positions; ++p) {
            for (Index c = 0; c < channels; ++c) out[c] += in[p * channels + c];
        }
        for (Index c = 0; c < channels; ++c) out[c] *= share;
    });
}

template <class T>
void mean_positions_pullback(Context& context, const NormGeometry& geometry, const T* grad_y,
                             const GradientTarget<T>& target) {
    if (!target) return;
    const Index channels = geometry.channels;
    const T share = T{1} / static_cast<T>(geometry.positions);
    context.parallel_for(geometry.samples, [&](Index sample) {
        const T* gradient = grad_y + sample * channels;
        T* out = target.data + sample * geometry.positions * channels;
        for (Index p = 0; p < geometry.positions; ++p) {
            for (Index c = 0; c < channels; ++c) {
                const T value = gradient[c] * share;
                T& to = out[p * channels + c];
                to = target.accumulate ? to + value : value;
            }
        }
    });
}

}  // namespace kasmina::backends::eigen_detail
