// Mask tiles: which tiles of a mask are empty or full, and which query sees nothing.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>

namespace kasmina::backends::cuda_detail {

/// A block has a tile.
template <class Mask>
struct MaskTilesKernel {
    static constexpr const char* name = "mask_tiles";
    static constexpr int threads = 256;
    static constexpr int shared_bytes = reduce_bytes<std::int32_t>(threads);
    Mask mask;
    ClassifyMask call;

    [[nodiscard]] Launch launch() const {
        const AttentionShape& shape = call.shape;
        return {shape.batch * shape.heads * shape.query_tiles() * shape.key_tiles(), threads,
                shared_bytes};
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const AttentionShape& shape = call.shape;
        const Index key_tiles = (shape.keys + attention_tile - 1) / attention_tile;
        const Index query_tiles = (shape.queries + attention_tile - 1) / attention_tile;
        const Index line = block.index() / key_tiles;
        const Index plane = line / query_tiles;
        const Index batch = plane / shape.heads;
        const Index head = plane - batch * shape.heads;
        const Index first_query = (line - plane * query_tiles) * attention_tile;
        const Index first_key = (block.index() - line * key_tiles) * attention_tile;
        // How many elements there are, and how many of them are seen.
        std::int32_t there = 0;
        std::int32_t seen = 0;
        for (Index i = block.thread(); i < attention_tile * attention_tile; i += block.threads()) {
            const Index query = first_query + i / attention_tile;
            const Index key = first_key + i % attention_tile;
            if (query >= shape.queries || key >= shape.keys) continue;
            ++there;
            if (mask(batch, head, query + shape.query_offset, key)) ++seen;
        }
        const auto scratch = block.template shared<std::int32_t>(0, threads / warp_size);
        there = block_sum(block, there, scratch);
        seen = block_sum(block, seen, scratch);
        if (block.thread() != 0) return;
        const TileKind kind = seen == 0       ? TileKind::empty
                              : seen == there ? TileKind::full
                                              : TileKind::partial;
        call.kinds[block.index()] = static_cast<std::int32_t>(kind);
    }
};

/// blind[block] = the least of the block's queries that see no key. A warp has a query at a time.
template <class Mask>
struct BlindQueriesKernel {
    static constexpr const char* name = "blind_queries";
    static constexpr int threads = 256;
    static constexpr int shared_bytes = reduce_bytes<std::int32_t>(threads);
    Mask mask;
    ClassifyMask call;
    std::int32_t* blind;

    [[nodiscard]] static Index blocks(const AttentionShape& shape) {
        constexpr Index most = 1024;
        const Index wanted = parts(shape.batch * shape.heads * shape.queries, threads / warp_size);
        return wanted < most ? wanted : most;
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const AttentionShape& shape = call.shape;
        std::int32_t least = no_blind_query;
        for (Index row = warp_in_grid(block); row < shape.batch * shape.heads * shape.queries;
             row += block.blocks() * warps_of(block)) {
            const Index plane = row / shape.queries;
            const Index batch = plane / shape.heads;
            const Index query = row - plane * shape.queries + shape.query_offset;
            bool sees = false;
            for (Index first = 0; first < shape.keys && !sees; first += warp_size) {
                const Index key = first + lane_of(block);
                const bool mine =
                    key < shape.keys && mask(batch, plane - batch * shape.heads, query, key);
                sees = block.ballot(mine) != 0;
            }
            if (!sees && least == no_blind_query) least = static_cast<std::int32_t>(row);
        }
        least = block_reduce(block, least,
                             block.template shared<std::int32_t>(0, threads / warp_size), Less{});
        if (block.thread() == 0) blind[block.index()] = least;
    }

private:
    struct Less {
        KASMINA_DEVICE std::int32_t operator()(std::int32_t a, std::int32_t b) const {
            return a < b ? a : b;
        }
    };
};

/// The least of the blocks' numbers, by one warp.
struct LeastBlindKernel {
    static constexpr const char* name = "least_blind_query";
    const std::int32_t* from;
    Index blocks;
    std::int32_t* blind;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        std::int32_t least = no_blind_query;
        for (Index i = lane_of(block); i < blocks; i += warp_size) {
            least = from[i] < least ? from[i] : least;
        }
        for (int lanes = warp_size / 2; lanes > 0; lanes /= 2) {
            const std::int32_t other = block.shuffle_xor(least, lanes);
            least = other < least ? other : least;
        }
        if (lane_of(block) == 0) *blind = least;
    }
};

}  // namespace kasmina::backends::cuda_detail
