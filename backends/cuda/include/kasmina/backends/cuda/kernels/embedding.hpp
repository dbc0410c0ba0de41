// Embedding: rows of a table by their ids, and gradients summed back in the order of the ids.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

#include <kasmina/backend/embedding.hpp>
#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// The place of the lowest bit that is set. (Functions of <bit> are built into host compilers: on a
/// card they give nonsense, and nvcc says nothing.)
[[nodiscard]] KASMINA_DEVICE inline int lowest_bit(unsigned bits) {
#if defined(__CUDA_ARCH__)
    return __ffs(static_cast<int>(bits)) - 1;
#else
    int place = 0;
    while ((bits >> static_cast<unsigned>(place) & 1U) == 0) ++place;
    return place;
#endif
}

template <class T>
struct EmbeddingKernel {
    static constexpr const char* name = "embedding";

    Embedding<T> call;

    /// A block takes whole rows.
    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = block.index(); i < call.count; i += block.blocks()) {
            const std::int32_t id = call.ids[i];
            const bool known = id >= 0 && id < call.rows;
            for (Index k = block.thread(); k < call.width; k += block.threads()) {
                call.y[i * call.width + k] =
                    known ? call.table[id * call.width + k] : std::numeric_limits<T>::quiet_NaN();
            }
        }
    }
};

/// A block has one row of the table. It goes through all ids, as many at once as it has threads,
/// and adds what came from that row in the order of the ids: nobody else adds to it.
template <class T>
struct EmbeddingPullbackKernel {
    static constexpr const char* name = "embedding_pullback";
    static constexpr int threads = 128;
    static constexpr int shared_bytes = threads / warp_size * static_cast<int>(sizeof(unsigned));
    static constexpr int columns = 8;  ///< sums that a thread keeps at once

    EmbeddingPullback<T> call;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        auto asked = block.template shared<unsigned>(0, threads / warp_size);
        for (Index first = 0; first < call.width; first += threads * columns) {
            double sums[columns] = {};
            for (Index start = 0; start < call.count; start += threads) {
                const Index mine = start + block.thread();
                const bool same = mine < call.count && call.ids[mine] == block.index();
                const unsigned lanes = block.ballot(same);
                if (lane_of(block) == 0) asked[warp_of(block)] = lanes;
                block.barrier();
                for (int warp = 0; warp < threads / warp_size; ++warp) {
                    for (unsigned left = asked[warp]; left != 0; left &= left - 1) {
                        add(block, first, start + warp * warp_size + lowest_bit(left), sums);
                    }
                }
                block.barrier();
            }
            for (int i = 0; i < columns; ++i) {
                const Index k = first + i * threads + block.thread();
                if (k >= call.width) continue;
                put(call.grad_table, block.index() * call.width + k, static_cast<T>(sums[i]));
            }
        }
    }

private:
    template <Block B>
    KASMINA_DEVICE void add(const B& block, Index first, Index row, double (&sums)[columns]) const {
        for (int i = 0; i < columns; ++i) {
            const Index k = first + i * threads + block.thread();
            if (k < call.width) sums[i] += static_cast<double>(call.grad_y[row * call.width + k]);
        }
    }
};

/// Capability: EmbeddingBackend.
template <class T, class D>
struct Embeddings {
    using Context = typename D::Context;

    static void embedding(Context& context, const Embedding<T>& call) {
        context.launch(Launch{std::min<Index>(call.count, Index{1} << 20U), 128, 0},
                       EmbeddingKernel<T>{call});
    }
    static void embedding_pullback(Context& context, const EmbeddingPullback<T>& call) {
        using Kernel = EmbeddingPullbackKernel<T>;
        if (!call.grad_table) return;
        context.launch(Launch{call.rows, Kernel::threads, Kernel::shared_bytes}, Kernel{call});
    }
};

}  // namespace kasmina::backends::cuda_detail
