// Norms and optimiser steps over many tensors, each as PyTorch's documentation writes it.
#pragma once

#include <cstddef>
#include <span>

#include <kasmina/backends/xtensor/storage.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: MultiTensorBackend.
template <class T>
struct MultiTensors {
    static void squared_norms(Context&, std::span<const TensorSlice<T>> slices,
                              std::span<double> norms) {
        for (std::size_t i = 0; i < slices.size(); ++i) {
            norms[i] = 0.0;
            for (const T value : view(slices[i].data, slices[i].size)) {
                norms[i] += static_cast<double>(value) * static_cast<double>(value);
            }
        }
    }

    static void sgd_step(Context&, const SgdStep& step,
                         std::span<const OptimiserSlice<T>> slices) {
        const T rate = static_cast<T>(step.learning_rate);
        const T momentum = static_cast<T>(step.momentum);
        const T decay = static_cast<T>(step.weight_decay);
        for (const OptimiserSlice<T>& slice : slices) {
            auto value = view(slice.value, slice.size);
            xt::xtensor<T, 1> direction = view(slice.gradient, slice.size) + decay * value;
            if (slice.first != nullptr) {
                auto velocity = view(slice.first, slice.size);
                if (step.first_step) {
                    velocity = direction;
                } else {
                    velocity = momentum * velocity + direction;
                }
                if (step.nesterov) {
                    direction += momentum * velocity;
                } else {
                    direction = velocity;
                }
            }
            value -= rate * direction;
        }
    }

    static void adamw_step(Context&, const AdamWStep& step,
                           std::span<const OptimiserSlice<T>> slices) {
        const auto number = [](double constant) { return static_cast<T>(constant); };
        for (const OptimiserSlice<T>& slice : slices) {
            const auto gradient = view(slice.gradient, slice.size);
            auto value = view(slice.value, slice.size);
            auto first = view(slice.first, slice.size);
            auto second = view(slice.second, slice.size);
            value *= number(1.0 - step.learning_rate * step.weight_decay);
            first = number(step.beta1) * first + number(1.0 - step.beta1) * gradient;
            second =
                number(step.beta2) * second + number(1.0 - step.beta2) * gradient * gradient;
            value -= number(step.learning_rate) * (first / number(step.bias_correction1)) /
                     (xt::sqrt(second / number(step.bias_correction2)) + number(step.epsilon));
        }
    }

    static void scale(Context&, T factor, T* values, Index count) {
        view(values, count) *= factor;
    }
};

}  // namespace kasmina::backends::xtensor_detail
