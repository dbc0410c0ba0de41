// Softmax of rows and its way back: a warp has a row, or a whole block where rows are long.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>
#include <limits>

#include <kasmina/backend/softmax.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>

namespace kasmina::backends::cuda_detail {

/// The threads that have a row together.
template <bool Wide>
struct RowTeam {
    static constexpr int threads = 256;
    static constexpr int shared_bytes = Wide ? reduce_bytes<double>(threads) : 0;

    /// A team keeps its row; there is one for each.
    [[nodiscard]] static Launch launch(Index rows) {
        return {Wide ? rows : parts(rows, threads / warp_size), threads, shared_bytes};
    }
    template <Block B>
    [[nodiscard]] static KASMINA_DEVICE Index row(const B& block) {
        return Wide ? block.index() : warp_in_grid(block);
    }
    template <Block B>
    [[nodiscard]] static KASMINA_DEVICE Index first(const B& block) {
        return Wide ? block.thread() : lane_of(block);
    }
    static constexpr Index step = Wide ? threads : warp_size;

    /// All threads' values as one.
    template <Block B, class V, class Combine>
    [[nodiscard]] static KASMINA_DEVICE V reduce(B& block, V value, Combine combine) {
        if constexpr (Wide) {
            return block_reduce(block, value, block.template shared<V>(0, threads / warp_size),
                                combine);
        } else {
            return warp_reduce(block, value, combine);
        }
    }
};

/// y = softmax(x) or its logarithm; x is read twice.
template <class T, bool Wide, int Width>
struct SoftmaxKernel {
    static constexpr const char* name = "softmax";
    using Team = RowTeam<Wide>;
    Softmax<T> call;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index row = Team::row(block);
        if (row >= call.rows) return;
        const T* x = call.x + row * call.columns;
        const Index first = Team::first(block) * Width;
        constexpr Index step = Team::step * Width;
        T mine = x[0];
        double exponentials = 0.0;
        for (Index c = first; c < call.columns; c += step) {
            const Lanes<T, Width> values = load_lanes<Width>(x + c);
            T greatest = mine;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) greatest = Greater{}(greatest, values[i]);
            T sum{0};
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) sum += exponential(values[i], greatest);
            exponentials *= static_cast<double>(exponential(mine, greatest));
            exponentials += static_cast<double>(sum);
            mine = greatest;
        }
        const T greatest = Team::reduce(block, mine, Greater{});
        exponentials *= static_cast<double>(exponential(mine, greatest));
        const T total = static_cast<T>(Team::reduce(block, exponentials, Plus{}));
        const T logarithm = std::log(total);
        T* y = call.y + row * call.columns;
        for (Index c = first; c < call.columns; c += step) {
            Lanes<T, Width> values = load_lanes<Width>(x + c);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const T distance = values[i] - greatest;
                values[i] = call.log ? distance - logarithm : std::exp(distance) / total;
            }
            store_lanes(y + c, values);
        }
    }

private:
    /// Of a value against the greatest so far, which may be as infinitely small.
    [[nodiscard]] static KASMINA_DEVICE T exponential(T value, T greatest) {
        const bool ruled_out = value == -std::numeric_limits<T>::infinity();
        return ruled_out ? T{0} : std::exp(value - greatest);
    }
};

/// grad_x (+)= y * (grad_y - sum(y * grad_y)), or of the logarithm grad_y - exp(y) * sum(grad_y).
template <class T, bool Wide, int Width>
struct SoftmaxPullbackKernel {
    static constexpr const char* name = "softmax_pullback";
    using Team = RowTeam<Wide>;
    SoftmaxPullback<T> call;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index row = Team::row(block);
        if (row >= call.rows) return;
        const Index start = row * call.columns;
        const Index first = start + Team::first(block) * Width;
        const Index end = start + call.columns;
        constexpr Index step = Team::step * Width;
        double sum = 0.0;
        for (Index at = first; at < end; at += step) {
            const Lanes<T, Width> gradients = load_lanes<Width>(call.grad_y + at);
            Lanes<T, Width> weights = same_lanes<Width>(T{1});
            if (!call.log) weights = load_lanes<Width>(call.y + at);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                sum += static_cast<double>(gradients[i]) * static_cast<double>(weights[i]);
            }
        }
        const T total = static_cast<T>(Team::reduce(block, sum, Plus{}));
        for (Index at = first; at < end; at += step) {
            const Lanes<T, Width> y = load_lanes<Width>(call.y + at);
            Lanes<T, Width> gradients = load_lanes<Width>(call.grad_y + at);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                gradients[i] = call.log ? gradients[i] - std::exp(y[i]) * total
                                        : y[i] * (gradients[i] - total);
            }
            put_lanes(call.grad_x, at, gradients);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
