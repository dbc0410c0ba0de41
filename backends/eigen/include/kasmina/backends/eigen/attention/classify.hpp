// The tiles of a mask, by asking it for each element once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// One row of tiles of a plane; gives the first query that sees no key, or attention_tile.
template <class Mask>
[[nodiscard]] Index classify_row(const Mask& mask, const AttentionShape& shape, Index plane,
                                 Index query_tile, std::int32_t* kinds) {
    constexpr Index tile = attention_tile;
    const Index batch = plane / shape.heads;
    const Index head = plane % shape.heads;
    const Index first = query_tile * tile;
    const Index rows = std::min(tile, shape.queries - first);
    std::array<bool, static_cast<std::size_t>(tile)> sees{};
    for (Index key_tile = 0; key_tile < shape.key_tiles(); ++key_tile) {
        const Index key = key_tile * tile;
        const Index count = std::min(tile, shape.keys - key);
        Index kept = 0;
        for (Index r = 0; r < rows; ++r) {
            const Index position = first + r + shape.query_offset;
            Index of_row = 0;
            for (Index j = key; j < key + count; ++j) {
                of_row += mask(batch, head, position, j) ? 1 : 0;
            }
            kept += of_row;
            if (of_row > 0) sees[static_cast<std::size_t>(r)] = true;
        }
        kinds[key_tile] = static_cast<std::int32_t>(kept == 0              ? TileKind::empty
                                                    : kept == rows * count ? TileKind::full
                                                                           : TileKind::partial);
    }
    const auto end = sees.begin() + rows;
    const auto blind = std::find(sees.begin(), end, false);
    return blind == end ? tile : blind - sees.begin();
}

template <class Mask>
void classify_mask(Context& context, const Mask& mask, const ClassifyMask& call) {
    const AttentionShape& shape = call.shape;
    const Index query_tiles = shape.query_tiles();
    const Index rows = shape.batch * shape.heads * query_tiles;
    Buffer<std::int32_t> blind = context.buffer<std::int32_t>(rows);
    context.parallel_for(rows, [&](Index row) {
        const Index plane = row / query_tiles;
        const Index query_tile = row % query_tiles;
        const Index found =
            classify_row(mask, shape, plane, query_tile, call.kinds + row * shape.key_tiles());
        blind.data()[row] = found == attention_tile
                                ? no_blind_query
                                : static_cast<std::int32_t>(plane * shape.queries +
                                                            query_tile * attention_tile + found);
    });
    *call.blind = no_blind_query;
    for (Index row = 0; row < rows; ++row) *call.blind = std::min(*call.blind, blind.data()[row]);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
