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
    /// A class that is not wanted may have probability 0, and the logarithm of that.
    template <class T>
    [[nodiscard]] KASMINA_DEVICE double loss(Index c, T log_softmax) const {
        const double wanted = share(c);
        return wanted > 0.0 ? -wanted * static_cast<double>(log_softmax) : 0.0;
    }
};

/// Threads of a block of these kernels: one warp has a row at a time.
inline constexpr int loss_threads = 256;

/// How many blocks share the rows: of the shape alone.
[[nodiscard]] constexpr Index loss_blocks(Index rows, Index rows_of_a_block) noexcept {
    constexpr Index most = 1024;
    const Index blocks = parts(rows, rows_of_a_block);
    return blocks < most ? (blocks > 1 ? blocks : 1) : most;
}

/// The mean of the counted rows' losses, whose sum is `sum`.
template <class T>
[[nodiscard]] KASMINA_DEVICE T mean_loss(const CrossEntropy<T>& call, double sum) {
    return call.counted > 0 ? static_cast<T>(sum / static_cast<double>(call.counted)) : T{0};
}

/// Writes the sum of the block's lanes' losses to partials[block], or with one block the mean to
/// the loss itself. `loss` counts in lanes of which `leads` is true.
template <Block B, class T>
KASMINA_DEVICE void put_loss(B& block, const CrossEntropy<T>& call, double* partials, double loss,
                             bool leads) {
    const double sum = block_sum(block, leads ? loss : 0.0,
                                 block.template shared<double>(0, loss_threads / warp_size));
    if (block.thread() != 0) return;
    if (partials != nullptr) {
        partials[block.index()] = sum;
    } else {
        *call.loss = mean_loss(call, sum);
    }
}

/// Many classes: one warp has a row, which it reads twice. Of the softmax it first keeps the
/// greatest logit so far and the sum of the exponentials as they differ from that.
template <class T, int Width>
struct CrossEntropyKernel {
    static constexpr const char* name = "cross_entropy";
    static constexpr Index rows_of_a_block = 4 * loss_threads / warp_size;
    CrossEntropy<T> call;
    double* partials;  ///< null with one block

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        double loss = 0.0;
        for (Index row = warp_in_grid(block); row < call.rows;
             row += block.blocks() * warps_of(block)) {
            loss += loss_of(block, row);
        }
        put_loss(block, call, partials, loss, lane_of(block) == 0);
    }

private:
    template <Block B>
    [[nodiscard]] KASMINA_DEVICE double loss_of(B& block, Index row) const {
        const T* logits = call.logits + row * call.classes;
        const Index first = Index{lane_of(block)} * Width;
        constexpr Index step = Index{warp_size} * Width;
        T mine = logits[0];
        double exponentials = 0.0;
        for (Index c = first; c < call.classes; c += step) {
            const Lanes<T, Width> values = load_lanes<Width>(logits + c);
            T greatest = mine;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) greatest = Greater{}(greatest, values[i]);
            T sum{0};
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                // Infinitely small ones, too, are as great as the greatest.
                sum += values[i] == greatest ? T{1} : std::exp(values[i] - greatest);
            }
            if (greatest != mine) exponentials *= static_cast<double>(std::exp(mine - greatest));
            exponentials += static_cast<double>(sum);
            mine = greatest;
        }
        const T highest = warp_reduce(block, mine, Greater{});
        if (highest != mine) exponentials *= static_cast<double>(std::exp(mine - highest));
        const T total = static_cast<T>(warp_sum(block, exponentials));
        const T logarithm = std::log(total);
        const WantedShares wanted = WantedShares::of(call, row);
        double loss = 0.0;
        T* probabilities = call.probabilities + row * call.classes;
        for (Index c = first; c < call.classes; c += step) {
            Lanes<T, Width> values = load_lanes<Width>(logits + c);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const T distance = values[i] - highest;
                loss += wanted.loss(c + i, distance - logarithm);
                values[i] = std::exp(distance) / total;
            }
            store_lanes(probabilities + c, values);
        }
        return warp_sum(block, loss);
    }
};

/// Few classes: a row's are in the registers of four lanes.
template <class T>
struct FewClassesKernel {
    static constexpr const char* name = "cross_entropy_of_few_classes";
    static constexpr int lanes = 4;
    static constexpr int each = 4;
    static constexpr Index most_classes = lanes * each;
    static constexpr Index rows_of_a_block = 4 * loss_threads / lanes;
    CrossEntropy<T> call;
    double* partials;  ///< null with one block

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const int lane = block.thread() % lanes;
        const Index rows_at_once = stride_of(block) / lanes;
        double loss = 0.0;
        // All lanes take part in all exchanges; those past the last row see it again and write
        // nothing.
        for (Index first = warp_in_grid(block) * (warp_size / lanes); first < call.rows;
             first += rows_at_once) {
            const Index row = first + lane_of(block) / lanes;
            const bool own = row < call.rows;
            const double of_row = loss_of(block, own ? row : call.rows - 1, lane, own);
            if (own) loss += of_row;
        }
        put_loss(block, call, partials, loss, lane == 0);
    }

private:
    /// The values of a row's lanes as one.
    template <Block B, class V, class Combine>
    [[nodiscard]] static KASMINA_DEVICE V row_reduce(B& block, V value, Combine combine) {
        KASMINA_DEVICE_UNROLL
        for (int apart = lanes / 2; apart > 0; apart /= 2) {
            value = combine(value, block.shuffle_xor(value, apart));
        }
        return value;
    }

    template <Block B>
    [[nodiscard]] KASMINA_DEVICE double loss_of(B& block, Index row, int lane, bool own) const {
        const T* logits = call.logits + row * call.classes;
        T values[each];
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) {
            const Index c = lane + i * lanes;
            values[i] = logits[c < call.classes ? c : 0];
        }
        T highest = values[0];
        KASMINA_DEVICE_UNROLL
        for (int i = 1; i < each; ++i) highest = Greater{}(highest, values[i]);
        highest = row_reduce(block, highest, Greater{});
        T exponentials[each];
        T total{0};
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) {
            exponentials[i] = std::exp(values[i] - highest);
            if (lane + i * lanes < call.classes) total += exponentials[i];
        }
        total = row_reduce(block, total, Plus{});
        const T logarithm = std::log(total);
        const WantedShares wanted = WantedShares::of(call, row);
        double loss = 0.0;
        T* probabilities = call.probabilities + row * call.classes;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) {
            const Index c = lane + i * lanes;
            if (c >= call.classes) continue;
            loss += wanted.loss(c, values[i] - highest - logarithm);
            if (own) probabilities[c] = exponentials[i] / total;
        }
        return row_reduce(block, loss, Plus{});
    }
};

/// The mean loss from the blocks' sums, by one warp.
template <class T>
struct MeanLossKernel {
    static constexpr const char* name = "mean_loss";
    CrossEntropy<T> call;
    const double* partials;
    Index blocks;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        double sum = 0.0;
        for (Index i = lane_of(block); i < blocks; i += warp_size) sum += partials[i];
        sum = warp_sum(block, sum);
        if (lane_of(block) == 0) *call.loss = mean_loss(call, sum);
    }
};

/// grad_logits (+)= (softmax - wanted) * grad_loss / counted; nothing in rows that do not count. A
/// thread's numbers may lie in more than one row.
template <class T, int Width>
struct CrossEntropyPullbackKernel {
    static constexpr const char* name = "cross_entropy_pullback";
    CrossEntropyPullback<T> call;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const T factor = call.counted > 0 ? *call.grad_loss / static_cast<T>(call.counted) : T{0};
        const Index count = call.rows * call.classes;
        for (Index at = first_of(block) * Width; at < count; at += stride_of(block) * Width) {
            Lanes<T, Width> result = load_lanes<Width>(call.probabilities + at);
            Index row = at / call.classes;
            Index c = at - row * call.classes;
            WantedShares wanted = WantedShares::of(call, row);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i, ++c) {
                if (c == call.classes) {
                    c = 0;
                    wanted = WantedShares::of(call, ++row);
                }
                const T difference = result[i] - static_cast<T>(wanted.share(c));
                result[i] = wanted.counts ? difference * factor : T{0};
            }
            put_lanes(call.grad_logits, at, result);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
