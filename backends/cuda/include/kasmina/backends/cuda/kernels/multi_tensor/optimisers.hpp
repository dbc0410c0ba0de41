// Optimiser kernels: a step of SGD or AdamW for many parameters, as PyTorch writes them.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>

#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/multi_tensor/slice_table.hpp>

namespace kasmina::backends::cuda_detail {

/// What an optimiser knows of one number.
template <class T>
struct OptimiserNumber {
    T value;
    T gradient;
    T first;
    T second;
};

/// Width numbers of a parameter from `at` on, moved by `rule`. State that is null stays so.
template <int Width, class T, class Rule>
KASMINA_DEVICE void step_lanes(const OptimiserSlice<T>& slice, Index at, const Rule& rule) {
    Lanes<T, Width> value = load_lanes<Width>(static_cast<const T*>(slice.value) + at);
    const Lanes<T, Width> gradient = load_lanes<Width>(slice.gradient + at);
    Lanes<T, Width> first = same_lanes<Width>(T{0});
    Lanes<T, Width> second = same_lanes<Width>(T{0});
    if (slice.first != nullptr) first = load_lanes<Width>(static_cast<const T*>(slice.first) + at);
    if (slice.second != nullptr) {
        second = load_lanes<Width>(static_cast<const T*>(slice.second) + at);
    }
    KASMINA_DEVICE_UNROLL
    for (int lane = 0; lane < Width; ++lane) {
        OptimiserNumber<T> number{value[lane], gradient[lane], first[lane], second[lane]};
        rule.move(number, slice.first != nullptr);
        value[lane] = number.value;
        first[lane] = number.first;
        second[lane] = number.second;
    }
    store_lanes(slice.value + at, value);
    if (slice.first != nullptr) store_lanes(slice.first + at, first);
    if (slice.second != nullptr) store_lanes(slice.second + at, second);
}

/// A block's chunk: sixteen bytes at a time where all addresses allow that.
template <Block B, class T, class Rule>
KASMINA_DEVICE void step_chunk(const B& block, const SliceTable<OptimiserSlice<T>>& table,
                               const Rule& rule) {
    const SliceChunk chunk = table.chunk(block.index());
    const OptimiserSlice<T>& slice = table.slices[chunk.slice];
    const bool vectors = aligned_for_vectors(slice.value) && aligned_for_vectors(slice.gradient) &&
                         aligned_for_vectors(slice.first) && aligned_for_vectors(slice.second);
    for_each_in_chunk<T>(block, chunk, vectors, [&](auto lanes, Index i) {
        step_lanes<decltype(lanes)::value>(slice, i, rule);
    });
}

template <class T>
struct SgdKernel {
    static constexpr const char* name = "sgd_step";

    SliceTable<OptimiserSlice<T>> table;
    T rate;
    T momentum;
    T decay;
    bool nesterov;
    bool first_step;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        step_chunk(block, table, *this);
    }

    KASMINA_DEVICE void move(OptimiserNumber<T>& number, bool has_velocity) const {
        T direction = number.gradient + decay * number.value;
        if (has_velocity) {
            number.first = first_step ? direction : momentum * number.first + direction;
            direction = nesterov ? direction + momentum * number.first : number.first;
        }
        number.value -= rate * direction;
    }
};

template <class T>
struct AdamWKernel {
    static constexpr const char* name = "adamw_step";

    SliceTable<OptimiserSlice<T>> table;
    T rate;
    T beta1;
    T beta2;
    T epsilon;
    T decay;
    T bias_correction1;
    T bias_correction2;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        step_chunk(block, table, *this);
    }

    KASMINA_DEVICE void move(OptimiserNumber<T>& number, bool) const {
        const T gradient = number.gradient;
        number.value -= rate * decay * number.value;
        number.first = beta1 * number.first + (T{1} - beta1) * gradient;
        number.second = beta2 * number.second + (T{1} - beta2) * gradient * gradient;
        const T first_mean = number.first / bias_correction1;
        const T second_mean = number.second / bias_correction2;
        number.value -= rate * first_mean / (std::sqrt(second_mean) + epsilon);
    }
};

}  // namespace kasmina::backends::cuda_detail
