// What the kernels of cross-entropy have in common: what rows should show, and the mean of their
// losses.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backend/loss.hpp>
#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// The distribution that a row's softmax should be; divided once for all rows, before the launch.
struct WantedShares {
    double own = 0.0;    ///< of the target, above what every class has
    double every = 0.0;  ///< of every class

    WantedShares() = default;
    template <class Call>
    explicit WantedShares(const Call& call)
        : own(1.0 - call.label_smoothing),
          every(call.label_smoothing / static_cast<double>(call.classes)) {}
};

/// A thread's part of a row's loss, -sum of wanted * logarithm of the softmax. A class that is not
/// wanted may have probability 0, and the logarithm of that.
template <class T>
class LossTerms {
public:
    KASMINA_DEVICE LossTerms(const WantedShares& wanted, std::int32_t target, bool counts)
        : own_(counts ? wanted.own : 0.0), every_(counts ? wanted.every : 0.0), target_(target) {}

    /// `distance`: the logit of class c less the row's greatest.
    KASMINA_DEVICE void add(Index c, T distance) {
        if (c == Index{target_}) {
            of_target_ = distance;
            has_target_ = true;
        }
        if (every_ > 0.0) {
            sum_ += static_cast<double>(distance);
            ++count_;
        }
    }
    /// With the logarithm of the sum of the distances' exponentials.
    [[nodiscard]] KASMINA_DEVICE double loss(T logarithm) const {
        double loss = 0.0;
        if (has_target_ && own_ > 0.0) loss -= own_ * static_cast<double>(of_target_ - logarithm);
        if (every_ > 0.0) {
            loss -= every_ * (sum_ - static_cast<double>(count_) * static_cast<double>(logarithm));
        }
        return loss;
    }

private:
    double own_;
    double every_;
    double sum_ = 0.0;
    std::int32_t target_;
    int count_ = 0;
    T of_target_{0};
    bool has_target_ = false;
};

/// Threads of a block of these kernels.
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

/// Bytes of shared memory that `put_loss` needs.
inline constexpr int put_loss_bytes = reduce_bytes<double>(loss_threads);

/// Writes the sum of the threads' losses to partials[block], or with one block the mean to the
/// loss itself.
template <Block B, class T>
KASMINA_DEVICE void put_loss(B& block, const CrossEntropy<T>& call, double* partials, double loss) {
    const double sum =
        block_sum(block, loss, block.template shared<double>(0, loss_threads / warp_size));
    if (block.thread() != 0) return;
    if (partials != nullptr) {
        partials[block.index()] = sum;
    } else {
        *call.loss = mean_loss(call, sum);
    }
}

/// The same where one warp has a row at a time, and loss_of(row) is a lane's part of the row's
/// loss.
template <Block B, class T, class LossOf>
KASMINA_DEVICE void put_loss_of_rows(B& block, const CrossEntropy<T>& call, double* partials,
                                     const LossOf& loss_of) {
    double loss = 0.0;
    for (Index row = warp_in_grid(block); row < call.rows;
         row += block.blocks() * warps_of(block)) {
        loss += loss_of(row);
    }
    put_loss(block, call, partials, loss);
}

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

}  // namespace kasmina::backends::cuda_detail
