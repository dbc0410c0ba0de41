// Norms and optimiser steps over many tensors, each as PyTorch's documentation writes it.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include <kasmina/backends/xtensor/storage.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: MultiTensorBackend.
template <class T>
struct MultiTensors {
    static void squared_norms(Context&, std::span<const TensorSlice<T>> slices,
                              std::span<double> norms) {
        for (std::size_t i = 0; i < slices.size(); ++i) {
            norms[i] = 0.0;
            for (Index k = 0; k < slices[i].size; ++k) {
                const double value = static_cast<double>(slices[i].data[k]);
                norms[i] += value * value;
            }
        }
    }

    static void sgd_step(Context&, const SgdStep& step, std::span<const OptimiserSlice<T>> slices) {
        const T rate = static_cast<T>(step.learning_rate);
        const T momentum = static_cast<T>(step.momentum);
        const T decay = static_cast<T>(step.weight_decay);
        for (const OptimiserSlice<T>& slice : slices) {
            for (Index i = 0; i < slice.size; ++i) {
                T direction = slice.gradient[i] + decay * slice.value[i];
                if (slice.first != nullptr) {
                    T& velocity = slice.first[i];
                    velocity = step.first_step ? direction : momentum * velocity + direction;
                    direction = step.nesterov ? direction + momentum * velocity : velocity;
                }
                slice.value[i] -= rate * direction;
            }
        }
    }

    static void adamw_step(Context&, const AdamWStep& step,
                           std::span<const OptimiserSlice<T>> slices) {
        const T rate = static_cast<T>(step.learning_rate);
        const T beta1 = static_cast<T>(step.beta1);
        const T beta2 = static_cast<T>(step.beta2);
        const T epsilon = static_cast<T>(step.epsilon);
        const T decay = static_cast<T>(step.weight_decay);
        for (const OptimiserSlice<T>& slice : slices) {
            for (Index i = 0; i < slice.size; ++i) {
                const T gradient = slice.gradient[i];
                T& value = slice.value[i];
                T& first = slice.first[i];
                T& second = slice.second[i];
                value -= rate * decay * value;
                first = beta1 * first + (T{1} - beta1) * gradient;
                second = beta2 * second + (T{1} - beta2) * gradient * gradient;
                const T first_mean = first / static_cast<T>(step.bias_correction1);
                const T second_mean = second / static_cast<T>(step.bias_correction2);
                value -= rate * first_mean / (std::sqrt(second_mean) + epsilon);
            }
        }
    }

    static void scale(Context&, T factor, T* values, Index count) {
        for (Index i = 0; i < count; ++i) values[i] *= factor;
    }
};

}  // namespace kasmina::backends::xtensor_detail
