// Counting hits: rows whose first greatest logit is the target's.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backend/loss.hpp>
#include <kasmina/backends/cuda/kernels/loss/terms.hpp>

namespace kasmina::backends::cuda_detail {

/// partials[block] = the hits among the block's rows; with one block, the count itself.
template <class T>
struct CountCorrectKernel {
    static constexpr const char* name = "count_correct";
    static constexpr Index rows_of_a_block = 4 * loss_threads / warp_size;
    CountCorrect<T> call;
    std::int32_t* partials;  ///< null with one block

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        std::int32_t hits = 0;
        for (Index row = warp_in_grid(block); row < call.rows;
             row += block.blocks() * warps_of(block)) {
            if (best_of(block, row) == call.targets[row]) ++hits;
        }
        auto scratch = block.template shared<std::int32_t>(0, loss_threads / warp_size);
        const std::int32_t sum = block_sum(block, lane_of(block) == 0 ? hits : 0, scratch);
        if (block.thread() != 0) return;
        *(partials != nullptr ? partials + block.index() : call.hits) = sum;
    }

private:
    /// A class and its logit; none where `at` is past the last class.
    struct Candidate {
        T logit;
        Index at;
    };

    /// As a search from the first class on would choose: the greater logit, of equals the first. A
    /// NaN is passed over, but for class 0, behind which nothing is greater.
    [[nodiscard]] static KASMINA_DEVICE Candidate better(const Candidate& a, const Candidate& b) {
        const bool in_order = a.at < b.at;
        const Candidate left = in_order ? a : b;
        const Candidate right = in_order ? b : a;
        const bool passed_over = left.at != 0 && left.logit != left.logit;
        return passed_over || right.logit > left.logit ? right : left;
    }

    template <Block B>
    [[nodiscard]] KASMINA_DEVICE Index best_of(B& block, Index row) const {
        const T* logits = call.logits + row * call.classes;
        Candidate best{T{0}, call.classes};
        for (Index c = lane_of(block); c < call.classes; c += warp_size) {
            const Candidate next{logits[c], c};
            best = best.at == call.classes ? next : better(best, next);
        }
        for (int lanes = warp_size / 2; lanes > 0; lanes /= 2) {
            const Candidate other{block.shuffle_xor(best.logit, lanes),
                                  block.shuffle_xor(best.at, lanes)};
            if (other.at == call.classes) continue;
            best = best.at == call.classes ? other : better(best, other);
        }
        return best.at;
    }
};

/// The count from the blocks' counts, by one warp.
struct SumHitsKernel {
    static constexpr const char* name = "sum_hits";
    const std::int32_t* partials;
    Index blocks;
    std::int32_t* hits;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        std::int32_t sum = 0;
        for (Index i = lane_of(block); i < blocks; i += warp_size) sum += partials[i];
        sum = warp_sum(block, sum);
        if (lane_of(block) == 0) *hits = sum;
    }
};

}  // namespace kasmina::backends::cuda_detail
