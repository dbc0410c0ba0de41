// Norms, clipping and optimiser steps over many tensors, each as PyTorch's documentation writes it.
#pragma once

#include <cmath>
#include <cstddef>

#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/finite.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: MultiTensorBackend.
template <class T>
struct MultiTensors {
    static void squared_norms(Context&, const SquaredNorms<T>& call) {
        for (std::size_t i = 0; i < call.tensors.size(); ++i) {
            call.norms[i] = squared_norm(call.tensors[i].data, call.tensors[i].size);
        }
    }

    static void clip_by_norm(Context&, const ClipByNorm<T>& call) {
        double total = 0.0;
        for (const auto& [data, size] : call.gradients) total += squared_norm(data, size);
        *call.norm = std::sqrt(total);
        const double factor = call.max_norm / (*call.norm + 1e-6);
        if (!is_finite(*call.norm) || factor >= 1.0) return;
        for (const auto& [data, size] : call.gradients) {
            for (Index i = 0; i < size; ++i) data[i] *= static_cast<T>(factor);
        }
    }

    static void sgd_step(Context&, const SgdStep<T>& step) {
        const T rate = static_cast<T>(step.learning_rate);
        const T momentum = static_cast<T>(step.momentum);
        const T decay = static_cast<T>(step.weight_decay);
        for (const OptimiserSlice<T>& slice : step.parameters) {
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

    static void adamw_step(Context&, const AdamWStep<T>& step) {
        const T rate = static_cast<T>(step.learning_rate);
        const T beta1 = static_cast<T>(step.beta1);
        const T beta2 = static_cast<T>(step.beta2);
        const T epsilon = static_cast<T>(step.epsilon);
        const T decay = static_cast<T>(step.weight_decay);
        for (const OptimiserSlice<T>& slice : step.parameters) {
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

private:
    static double squared_norm(const T* data, Index size) {
        double sum = 0.0;
        for (Index i = 0; i < size; ++i) {
            sum += static_cast<double>(data[i]) * static_cast<double>(data[i]);
        }
        return sum;
    }
};

}  // namespace kasmina::backends::xtensor_detail
