// Tiles of attention: what a block of 256 threads multiplies in shared memory, 64 numbers squared.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/launch.hpp>

/// \file
/// Threads lie 16 by 16. Of the rows of a product a thread has every sixteenth, so that all lanes
/// of a warp that have a row are sixteen neighbours; what they read of a tile's rows lies a vector
/// apart in shared memory's banks. Head sizes above 64 are walked in chunks.
namespace kasmina::backends::cuda_detail {

struct AttentionTiles {
    static constexpr int threads = 256;
    static constexpr int side = static_cast<int>(attention_tile);
    static constexpr int across = 16;  ///< threads, in both directions
    static constexpr int each = side / across;
};

/// A thread's results of a product of tiles.
template <class T>
struct TileSums {
    T values[static_cast<unsigned>(AttentionTiles::each)]
            [static_cast<unsigned>(AttentionTiles::each)] = {};
};

/// One tile: rows that are a vector longer than they need be, against bank conflicts. `Shared`
/// shows vectors.
template <class T, class Shared>
struct AttentionTile {
    static constexpr int vector = vector_width<T>;
    static constexpr int pitch = AttentionTiles::side / vector + 1;  ///< vectors of a row
    static constexpr int vectors = AttentionTiles::side * pitch;
    static constexpr int bytes = 16 * vectors;

    Shared shared;

    /// Four numbers of row `row` from column `column` on, a multiple of a vector's width.
    [[nodiscard]] KASMINA_DEVICE Vector<T> at(int row, int column) const {
        return shared[row * pitch + column / vector];
    }
    KASMINA_DEVICE void put(int row, int column, T value) const {
        shared[row * pitch + column / vector][column % vector] = value;
    }

    /// Brings up to 64 rows of up to 64 numbers from memory; the rest is zeros. With `whole` the
    /// numbers come sixteen bytes at a time.
    KASMINA_DEVICE void load(int thread, const T* from, Index row_stride, Index rows, Index columns,
                             bool whole) const {
        const int column = thread % AttentionTiles::across * AttentionTiles::each;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < AttentionTiles::each; ++i) {
            const int row = thread / AttentionTiles::across + i * AttentionTiles::across;
            const T* numbers = from + row * row_stride;
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < AttentionTiles::each; k += vector) {
                Vector<T> values;
                if (whole && row < rows && column + k < columns) {
                    values = load_vector(numbers + column + k);
                } else {
                    KASMINA_DEVICE_UNROLL
                    for (int lane = 0; lane < vector; ++lane) {
                        const int place = column + k + lane;
                        values[lane] =
                            !whole && row < rows && place < columns ? numbers[place] : T{0};
                    }
                }
                shared[row * pitch + (column + k) / vector] = values;
            }
        }
    }
    /// Puts a thread's results of a product of rows in their places.
    KASMINA_DEVICE void store(int thread, const TileSums<T>& sums) const {
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < AttentionTiles::each; ++i) {
            KASMINA_DEVICE_UNROLL
            for (int j = 0; j < AttentionTiles::each; ++j) {
                put(thread / AttentionTiles::across + i * AttentionTiles::across,
                    thread % AttentionTiles::across + j * AttentionTiles::across,
                    sums.values[i][j]);
            }
        }
    }
};

/// sums[i][j] += <row thread / 16 + 16 i of left, row thread % 16 + 16 j of right>, whose first
/// `depth` numbers count.
template <class T, class Tile>
KASMINA_DEVICE void multiply_rows(int thread, const Tile& left, const Tile& right, int depth,
                                  TileSums<T>& sums) {
    constexpr int each = AttentionTiles::each;
    const int row = thread / AttentionTiles::across;
    const int column = thread % AttentionTiles::across;
    for (int k = 0; k < depth; k += Tile::vector) {
        Vector<T> a[static_cast<unsigned>(each)];
        Vector<T> b[static_cast<unsigned>(each)];
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) {
            a[i] = left.at(row + i * AttentionTiles::across, k);
            b[i] = right.at(column + i * AttentionTiles::across, k);
        }
        KASMINA_DEVICE_UNROLL
        for (int lane = 0; lane < Tile::vector; ++lane) {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < each; ++i) {
                KASMINA_DEVICE_UNROLL
                for (int j = 0; j < each; ++j) sums.values[i][j] += a[i][lane] * b[j][lane];
            }
        }
    }
}

/// sums[i][j] += sum over k of left[thread / 16 + 16 i][k] * right[k][4 (thread % 16) + j].
template <class T, class Tile>
KASMINA_DEVICE void multiply_columns(int thread, const Tile& left, const Tile& right,
                                     TileSums<T>& sums) {
    constexpr int each = AttentionTiles::each;
    const int row = thread / AttentionTiles::across;
    const int column = thread % AttentionTiles::across * each;
    for (int k = 0; k < AttentionTiles::side; k += Tile::vector) {
        Vector<T> a[static_cast<unsigned>(each)];
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < each; ++i) a[i] = left.at(row + i * AttentionTiles::across, k);
        KASMINA_DEVICE_UNROLL
        for (int lane = 0; lane < Tile::vector; ++lane) {
            KASMINA_DEVICE_UNROLL
            for (int j = 0; j < each; j += Tile::vector) {
                const Vector<T> b = right.at(k + lane, column + j);
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < each; ++i) {
                    KASMINA_DEVICE_UNROLL
                    for (int n = 0; n < Tile::vector; ++n) {
                        sums.values[i][j + n] += a[i][lane] * b[n];
                    }
                }
            }
        }
    }
}

/// One operand of a head, seen in tiles.
template <class T>
struct HeadRows {
    const T* data;  ///< of the head's first row
    Index row;      ///< from row to row
    Index rows;
    Index columns;  ///< the head's size
    bool whole;     ///< readable sixteen bytes at a time

    [[nodiscard]] static KASMINA_DEVICE HeadRows of(const T* data, const AttentionLayout& layout,
                                                    Index batch, Index head, Index rows,
                                                    Index columns, bool whole) {
        return {data + batch * layout.batch + head * layout.head, layout.row, rows, columns, whole};
    }
    /// The tile of rows from `row_from` and columns from `column_from` on.
    template <class Tile>
    KASMINA_DEVICE void load(int thread, const Tile& tile, Index row_from,
                             Index column_from) const {
        tile.load(thread, data + row_from * row + column_from, row, rows - row_from,
                  columns - column_from, whole);
    }
};

/// sums = the products of 64 rows of each side, over the whole head: all threads of a block. The
/// tiles hold its last chunk then, behind a barrier. Where a head is one chunk and `has_left`, the
/// left tile is there already.
template <class T, Block B, class Tile>
KASMINA_DEVICE void multiply_heads(B& block, const HeadRows<T>& left, Index left_row,
                                   const HeadRows<T>& right, Index right_row, const Tile& left_tile,
                                   const Tile& right_tile, bool has_left, TileSums<T>& sums) {
    for (Index first = 0; first < left.columns; first += AttentionTiles::side) {
        block.barrier();  // what was there before has been read
        if (!has_left || left.columns > AttentionTiles::side) {
            left.load(block.thread(), left_tile, left_row, first);
        }
        right.load(block.thread(), right_tile, right_row, first);
        block.barrier();
        const Index depth = left.columns - first;
        multiply_rows(block.thread(), left_tile, right_tile,
                      depth < AttentionTiles::side ? static_cast<int>(depth) : AttentionTiles::side,
                      sums);
    }
}

/// Which part of the work a block has: a tile of one head's rows, and a chunk of its columns.
struct AttentionPlace {
    Index batch;
    Index head;
    Index plane;  ///< batch * heads + head
    Index first_row;
    Index first_column;

    /// With `last_first` the last rows' blocks are the first: they see most where later ones see
    /// more.
    [[nodiscard]] static KASMINA_DEVICE AttentionPlace of(const AttentionShape& shape, Index index,
                                                          Index tiles, bool last_first) {
        const Index chunks = chunks_of(shape);
        const Index line = index / chunks;
        const Index planes = shape.batch * shape.heads;
        const Index tile = line / planes;
        const Index plane = line - tile * planes;
        const Index batch = plane / shape.heads;
        return {batch, plane - batch * shape.heads, plane,
                (last_first ? tiles - 1 - tile : tile) * attention_tile,
                (index - line * chunks) * attention_tile};
    }
    [[nodiscard]] static KASMINA_HOST_DEVICE Index chunks_of(const AttentionShape& shape) {
        return (shape.head_size + attention_tile - 1) / attention_tile;
    }
    [[nodiscard]] static Index blocks(const AttentionShape& shape, Index tiles) {
        return tiles * shape.batch * shape.heads * chunks_of(shape);
    }
};

/// The mask of one head: which of its tiles are seen, and which keys of a query.
template <class Mask>
struct HeadMask {
    const Mask& mask;
    const AttentionShape& shape;
    const std::int32_t* kinds;  ///< of the head's tiles, null where they are not known
    Index batch;
    Index head;

    [[nodiscard]] static KASMINA_DEVICE HeadMask of(const Mask& mask, const AttentionShape& shape,
                                                    const MaskTiles& tiles,
                                                    const AttentionPlace& place) {
        const std::int32_t* kinds =
            tiles.kinds == nullptr
                ? nullptr
                : tiles.kinds + place.batch * tiles.batch_stride + place.head * tiles.head_stride;
        return {mask, shape, kinds, place.batch, place.head};
    }
    [[nodiscard]] KASMINA_DEVICE TileKind kind(Index first_query, Index first_key) const {
        if (kinds == nullptr) return TileKind::partial;
        const Index key_tiles = (shape.keys + attention_tile - 1) / attention_tile;
        return static_cast<TileKind>(
            kinds[first_query / attention_tile * key_tiles + first_key / attention_tile]);
    }
    [[nodiscard]] KASMINA_DEVICE bool sees(TileKind kind, Index query, Index key) const {
        if (query >= shape.queries || key >= shape.keys) return false;
        return kind == TileKind::full || mask(batch, head, query + shape.query_offset, key);
    }
};

/// Brings a thread's results of a product of columns to their rows of a head, where they are
/// wanted.
template <class T>
KASMINA_DEVICE void put_head_rows(int thread, const GradientTarget<T>& target,
                                  const AttentionLayout& layout, const AttentionPlace& place,
                                  Index rows, Index columns, const TileSums<T>& sums) {
    if (target.data == nullptr) return;
    const Index first_column =
        place.first_column + thread % AttentionTiles::across * AttentionTiles::each;
    T* const head = target.data + place.batch * layout.batch + place.head * layout.head;
    KASMINA_DEVICE_UNROLL
    for (int i = 0; i < AttentionTiles::each; ++i) {
        const Index row =
            place.first_row + thread / AttentionTiles::across + i * AttentionTiles::across;
        if (row >= rows) continue;
        KASMINA_DEVICE_UNROLL
        for (int j = 0; j < AttentionTiles::each; ++j) {
            if (first_column + j >= columns) continue;
            put_lanes(GradientTarget<T>{head, target.accumulate},
                      row * layout.row + first_column + j, Lanes<T, 1>{{sums.values[i][j]}});
        }
    }
}

}  // namespace kasmina::backends::cuda_detail
