// Many tensors in one call: norms and optimiser steps, at the speed of memory.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// Elements per chunk of parallel work: smaller tensors are done where they are met.
inline constexpr Index tensor_chunk = Index{1} << 15;

/// Calls f(chunk, begin, end) over pieces of `size` elements.
template <class F>
void for_pieces(Context& context, Index size, F&& f) {
    const Index chunks = (size + tensor_chunk - 1) / tensor_chunk;
    const auto piece = [&](Index chunk) {
        f(chunk, chunk * tensor_chunk, std::min(size, (chunk + 1) * tensor_chunk));
    };
    if (chunks == 1) {
        piece(0);
    } else {
        context.parallel_for(chunks, piece);
    }
}

/// Sum of squares of each tensor: eight running sums in double, pieces added in order.
template <class T>
void squared_norms(Context& context, std::span<const TensorSlice<T>> slices,
                   std::span<double> norms) {
    constexpr Index ways = 8;
    for (std::size_t i = 0; i < slices.size(); ++i) {
        const T* data = slices[i].data;
        const Index chunks = (slices[i].size + tensor_chunk - 1) / tensor_chunk;
        Buffer<double> sums = context.buffer<double>(chunks);
        for_pieces(context, slices[i].size, [&](Index chunk, Index begin, Index end) {
            double running[static_cast<std::size_t>(ways)] = {};
            Index at = begin;
            for (; at + ways <= end; at += ways) {
                for (Index way = 0; way < ways; ++way) {
                    const double value = static_cast<double>(data[at + way]);
                    running[way] += value * value;
                }
            }
            for (; at < end; ++at) {
                const double value = static_cast<double>(data[at]);
                running[0] += value * value;
            }
            double total = 0.0;
            for (const double sum : running) total += sum;
            sums.data()[chunk] = total;
        });
        norms[i] = 0.0;
        for (Index chunk = 0; chunk < chunks; ++chunk) norms[i] += sums.data()[chunk];
    }
}

template <class T>
void sgd_step(Context& context, const SgdStep& step,
              std::span<const OptimiserSlice<T>> slices) {
    const T rate = static_cast<T>(step.learning_rate);
    const T momentum = static_cast<T>(step.momentum);
    const T decay = static_cast<T>(step.weight_decay);
    for (const OptimiserSlice<T>& slice : slices) {
        for_pieces(context, slice.size, [&](Index, Index begin, Index end) {
            T* value = slice.value;
            T* velocity = slice.first;
            const T* gradient = slice.gradient;
            if (velocity == nullptr) {
                for (Index i = begin; i < end; ++i) {
                    value[i] -= rate * (gradient[i] + decay * value[i]);
                }
                return;
            }
            const T kept = step.first_step ? T{0} : momentum;
            const T ahead = step.nesterov ? momentum : T{0};
            const T own = step.nesterov ? T{1} : T{0};
            for (Index i = begin; i < end; ++i) {
                const T direction = gradient[i] + decay * value[i];
                velocity[i] = kept * velocity[i] + direction;
                const T nesterov = direction + ahead * velocity[i];
                value[i] -= rate * (own != T{0} ? nesterov : velocity[i]);
            }
        });
    }
}

template <class T>
void adamw_step(Context& context, const AdamWStep& step,
                std::span<const OptimiserSlice<T>> slices) {
    const T shrink = static_cast<T>(1.0 - step.learning_rate * step.weight_decay);
    const T new_first = static_cast<T>(1.0 - step.beta1);
    const T kept_second = static_cast<T>(step.beta2);
    const T new_second = static_cast<T>(1.0 - step.beta2);
    const T rate = static_cast<T>(step.learning_rate / step.bias_correction1);
    const T correction = static_cast<T>(1.0 / std::sqrt(step.bias_correction2));
    const T epsilon = static_cast<T>(step.epsilon);
    for (const OptimiserSlice<T>& slice : slices) {
        for_pieces(context, slice.size, [&](Index, Index begin, Index end) {
            for (Index i = begin; i < end; ++i) {
                const T gradient = slice.gradient[i];
                const T first = slice.first[i] + new_first * (gradient - slice.first[i]);
                const T second =
                    kept_second * slice.second[i] + new_second * gradient * gradient;
                slice.first[i] = first;
                slice.second[i] = second;
                slice.value[i] = shrink * slice.value[i] -
                                 rate * (first / (std::sqrt(second) * correction + epsilon));
            }
        });
    }
}

}  // namespace kasmina::backends::eigen_detail
