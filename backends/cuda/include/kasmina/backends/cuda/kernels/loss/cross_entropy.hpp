// Cross-entropy of logits with its softmax, and the gradient of the logits.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>
#include <cstdint>

#include <kasmina/backend/loss.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>

namespace kasmina::backends::cuda_detail {

/// What a row should show: 0 for rows that do not count.
struct WantedShares {
    double own;    ///< of the target, above what every class has
    double every;  ///< of every class
    Index target;
    bool counts;

    template <class Call>
    [[nodiscard]] static KASMINA_DEVICE WantedShares of(const Call& call, Index row) {
        const std::int32_t target = call.targets[row];
        if (target == call.ignore_index) return {0.0, 0.0, target, false};
        return {1.0 - call.label_smoothing,
                call.label_smoothing / static_cast<double>(call.classes), target, true};
    }
    [[nodiscard]] KASMINA_DEVICE double share(Index c) const {
        return c == target ? own + every : every;
    }
};

/// Threads of a block of these kernels: one warp has a row at a time.
inline constexpr int loss_threads = 256;

/// How many blocks share the rows: of the shape alone.
[[nodiscard]] constexpr Index loss_blocks(Index rows) noexcept {
    constexpr Index rows_of_a_block = 4 * loss_threads / warp_size;
    constexpr Index most = 1024;
    const Index blocks = parts(rows, rows_of_a_block);
    return blocks < most ? (blocks > 1 ? blocks : 1) : most;
}

/// The softmax of each row, and the sum of each block's rows' losses in partials[block]; with one
/// block, the mean loss itself.
template <class T>
struct CrossEntropyKernel {
    static constexpr const char* name = "cross_entropy";
    CrossEntropy<T> call;
    double* partials;  ///< null with one block

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        double loss = 0.0;
        for (Index row = warp_in_grid(block); row < call.rows;
             row += block.blocks() * warps_of(block)) {
            loss += loss_of(block, row);
        }
        auto scratch = block.template shared<double>(0, loss_threads / warp_size);
        if (lane_of(block) == 0) scratch[warp_of(block)] = loss;
        block.barrier();
        if (block.thread() != 0) return;
        double sum = 0.0;
        for (int warp = 0; warp < warps_of(block); ++warp) sum += scratch[warp];
        if (partials != nullptr) {
            partials[block.index()] = sum;
        } else {
            *call.loss = mean_of(sum);
        }
    }

    [[nodiscard]] KASMINA_DEVICE T mean_of(double sum) const {
        return call.counted > 0 ? static_cast<T>(sum / static_cast<double>(call.counted)) : T{0};
    }

private:
    template <Block B>
    [[nodiscard]] KASMINA_DEVICE double loss_of(B& block, Index row) const {
        const T* logits = call.logits + row * call.classes;
        T* probabilities = call.probabilities + row * call.classes;
        T highest = logits[0];
        for (Index c = lane_of(block); c < call.classes; c += warp_size) {
            highest = Greater{}(highest, logits[c]);
        }
        highest = warp_reduce(block, highest, Greater{});
        double total = 0.0;
        for (Index c = lane_of(block); c < call.classes; c += warp_size) {
            total += static_cast<double>(std::exp(logits[c] - highest));
        }
        const T logarithm = static_cast<T>(std::log(warp_sum(block, total)));
        const WantedShares wanted = WantedShares::of(call, row);
        double loss = 0.0;
        for (Index c = lane_of(block); c < call.classes; c += warp_size) {
            const T log_softmax = logits[c] - highest - logarithm;
            probabilities[c] = std::exp(log_softmax);
            // A class that is not wanted may have probability 0, and the logarithm of that.
            const double share = wanted.share(c);
            if (share > 0.0) loss -= share * static_cast<double>(log_softmax);
        }
        return warp_sum(block, loss);
    }
};

/// The mean loss from the blocks' sums, by one warp.
template <class T>
struct MeanLossKernel {
    static constexpr const char* name = "mean_loss";
    CrossEntropyKernel<T> of;
    Index blocks;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        double sum = 0.0;
        for (Index i = lane_of(block); i < blocks; i += warp_size) sum += of.partials[i];
        sum = warp_sum(block, sum);
        if (lane_of(block) == 0) *of.call.loss = of.mean_of(sum);
    }
};

/// grad_logits (+)= (softmax - wanted) * grad_loss / counted; nothing in rows that do not count.
template <class T, int Width>
struct CrossEntropyPullbackKernel {
    static constexpr const char* name = "cross_entropy_pullback";
    CrossEntropyPullback<T> call;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const T factor = call.counted > 0 ? *call.grad_loss / static_cast<T>(call.counted) : T{0};
        const Index count = call.rows * call.classes;
        for (Index at = first_of(block) * Width; at < count; at += stride_of(block) * Width) {
            const Index row = at / call.classes;
            const Index first = at - row * call.classes;
            const WantedShares wanted = WantedShares::of(call, row);
            Lanes<T, Width> result = same_lanes<Width>(T{0});
            if (wanted.counts) {
                const Lanes<T, Width> softmax = load_lanes<Width>(call.probabilities + at);
                KASMINA_UNROLL
                for (int i = 0; i < Width; ++i) {
                    result[i] = (softmax[i] - static_cast<T>(wanted.share(first + i))) * factor;
                }
            }
            put_lanes(call.grad_logits, at, result);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
