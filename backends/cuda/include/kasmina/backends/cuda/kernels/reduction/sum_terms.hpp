// SumTerms: partial sums that blocks left behind, added up in their order and put in place.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/cuda/block.hpp>
#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// target[o * inner + i] = the sum over j of partials[(o * terms + j) * inner + i].
template <class T>
struct TermSum {
    const double* partials = nullptr;
    Index outer = 0;
    Index terms = 0;
    Index inner = 1;
    GradientTarget<T> target{};

    /// How many places a block has side by side.
    [[nodiscard]] static constexpr int columns_of(Index inner) noexcept {
        int columns = 1;
        while (columns < warp_size && columns < inner) columns *= 2;
        return columns;
    }
};

/// Up to Count of them in one launch. A block has some of the inner places side by side, and below
/// each other threads that share out the terms.
template <class T, int Count>
struct SumTerms {
    static constexpr const char* name = "sum_terms";
    static constexpr int threads = 256;

    TermSum<T> sums[static_cast<unsigned>(Count)]{};
    Index first_block[static_cast<unsigned>(Count) + 1]{};
    int used = 0;

    /// Adds a sum to what the launch does; one of nothing is 0.
    void add(const TermSum<T>& sum) {
        sums[used] = sum;
        const Index tiles = parts(sum.inner, TermSum<T>::columns_of(sum.inner));
        first_block[used + 1] = first_block[used] + sum.outer * tiles;
        ++used;
    }
    [[nodiscard]] Launch launch() const {
        return {first_block[used], threads, threads * static_cast<int>(sizeof(double))};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        int at = 0;
        while (at + 1 < used && block.index() >= first_block[at + 1]) ++at;
        const TermSum<T>& sum = sums[at];
        const int columns = TermSum<T>::columns_of(sum.inner);
        const int rows = threads / columns;
        const Index tiles = (sum.inner + columns - 1) / columns;
        const Index inside = block.index() - first_block[at];
        const Index outer = inside / tiles;
        const int row = block.thread() / columns;
        const Index place = (inside - outer * tiles) * columns + block.thread() % columns;
        double total = 0.0;
        if (place < sum.inner) {
            const double* from = sum.partials + outer * sum.terms * sum.inner + place;
            for (Index j = row; j < sum.terms; j += rows) total += from[j * sum.inner];
        }
        auto shared = block.template shared<double>(0, threads);
        shared[block.thread()] = total;
        block.barrier();
        for (int half = rows / 2; half > 0; half /= 2) {
            if (row < half) {
                total += shared[block.thread() + half * columns];
                shared[block.thread()] = total;
            }
            block.barrier();
        }
        if (row == 0 && place < sum.inner) {
            put(sum.target, outer * sum.inner + place, static_cast<T>(total));
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
