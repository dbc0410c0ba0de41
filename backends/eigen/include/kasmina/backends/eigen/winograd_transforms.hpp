// The transforms of Winograd's F(2x2, 3x3): tiles of maps and filters to products and back.
#pragma once

#include <algorithm>
#include <cstdint>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/backends/eigen/winograd_call.hpp>
#include <kasmina/tensor/index.hpp>

// Extents of arrays are Index here: constants, of which g++ warns in templates all the same.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::winograd {

inline constexpr Index positions = 16;
/// Tiles that are transformed, multiplied and transformed back together: their data stays in the
/// second-level cache.
inline constexpr Index block_tiles = 64;

/// The data of a block of tiles is stored as [position][panel of channels][tile][channel in
/// panel], so that the products find all their operands at constant distances.
template <class T>
inline constexpr Index panel_size = Index{panel_width<T>} * block_tiles;

/// The distance between the 16 positions: one cache line more than a multiple of 4 KiB, or else
/// all 16 would compete for the same lines of the cache.
template <class T>
[[nodiscard]] constexpr Index padded(Index size) {
    constexpr Index page = 4096 / static_cast<Index>(sizeof(T));
    constexpr Index line = 64 / static_cast<Index>(sizeof(T));
    return ceil_div(size, page) * page + line;
}

template <class T>
[[nodiscard]] constexpr Index block_plane(Index channels) {
    return padded<T>(ceil_div(channels, panel_width<T>) * panel_size<T>);
}

/// Where a channel of a tile is in a position's plane.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Index offset(Index tile, Index channel) {
    constexpr Index width = panel_width<T>;
    return channel / width * panel_size<T> + tile * width + channel % width;
}

/// The 2x2 tiles of all maps of a batch, numbered row by row.
struct TileGrid {
    explicit TileGrid(const ConvShape& shape)
        : height(shape.height),
          width(shape.width),
          rows(ceil_div(shape.height, 2)),
          columns(ceil_div(shape.width, 2)),
          count(shape.batch * rows * columns) {}

    Index height, width, rows, columns, count;
};

/// The tiles of one block of work.
struct TileBlock {
    TileBlock(const TileGrid& of, Index block)
        : grid(of), first(block * block_tiles), count(std::min(block_tiles, of.count - first)) {}

    const TileGrid& grid;
    Index first;
    Index count;
};

/// A map's memory, and memory for `channels` numbers that stands for what is off the map.
template <class T>
struct MapMemory {
    Index channels;
    T* data;
    T* outside;
};

/// Data by position: the planes of the 16 positions are `plane` apart.
template <class T>
struct Planes {
    T* data;
    Index plane;
};

/// Where a tile begins: its map, and the row and column of its first output.
struct TilePosition {
    TilePosition(const TileGrid& grid, Index tile)
        : map(tile / (grid.rows * grid.columns)),
          row(tile / grid.columns % grid.rows * 2),
          column(tile % grid.columns * 2) {}

    Index map, row, column;
};

/// Addresses of the Size x Size pixels of a tile, from `before` pixels above and to the left of it
/// on; `outside` for those off the map.
template <Index Size, class T>
struct PixelPatch {
    PixelPatch(const TileBlock& tiles, Index tile, Index before, const MapMemory<T>& memory) {
        const TileGrid& grid = tiles.grid;
        const TilePosition position(grid, tiles.first + tile);
        const Index row = position.row - before;
        const Index column = position.column - before;
        for (Index r = 0; r < Size; ++r) {
            for (Index c = 0; c < Size; ++c) {
                const bool inside = row + r >= 0 && row + r < grid.height && column + c >= 0 &&
                                    column + c < grid.width;
                const Index pixel =
                    (position.map * grid.height + row + r) * grid.width + column + c;
                at[r][c] = inside ? memory.data + pixel * memory.channels : memory.outside;
            }
        }
    }

    T* at[Size][Size];
};

/// B'd for one column d of four.
template <class V>
KASMINA_ALWAYS_INLINE void input_column(const V (&d)[4], V (&t)[4]) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
}

/// A y for one column y of two.
template <class V>
KASMINA_ALWAYS_INLINE void gradient_column(const V (&y)[2], V (&t)[4]) {
    t[0] = y[0];
    t[1] = y[0] + y[1];
    t[2] = y[0] - y[1];
    t[3] = -y[1];
}

/// A'm for one column m of four.
template <class V>
KASMINA_ALWAYS_INLINE void output_column(const V (&m)[4], V (&t)[2]) {
    t[0] = m[0] + m[1] + m[2];
    t[1] = m[1] - m[2] - m[3];
}

/// G g for one column g of three.
template <class V>
KASMINA_ALWAYS_INLINE void filter_column(const V (&g)[3], V (&t)[4]) {
    const V even = (g[0] + g[2]) * 0.5F;
    const V odd = g[1] * 0.5F;
    t[0] = g[0];
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = g[2];
}

/// G's for one column s of four.
template <class V>
KASMINA_ALWAYS_INLINE void filter_gradient_column(const V (&s)[4], V (&t)[3]) {
    const V even = (s[1] + s[2]) * 0.5F;
    t[0] = s[0] + even;
    t[1] = (s[1] - s[2]) * 0.5F;
    t[2] = even + s[3];
}

/// M X M' of a From x From matrix, where `column` maps a column of From to one of To.
template <Index From, Index To, class V, class Column>
KASMINA_ALWAYS_INLINE void two_sided(const V (&x)[From][From], V (&y)[To][To], Column column) {
    V half[From][To];  // half[c] = M applied to column c
    for (Index c = 0; c < From; ++c) {
        V in[From];
        for (Index r = 0; r < From; ++r) in[r] = x[r][c];
        column(in, half[c]);
    }
    for (Index r = 0; r < To; ++r) {
        V in[From];
        for (Index c = 0; c < From; ++c) in[c] = half[c][r];
        column(in, y[r]);
    }
}

/// Output channels that are computed together, whole panels but for the last: what is kept of them
/// in scratch has a limit, however wide the layer is.
template <class T>
struct OutputGroup {
    Index first = 0;  ///< channel
    Index channels = 0;

    [[nodiscard]] Index panels() const noexcept { return ceil_div(channels, panel_width<T>); }
};

/// Calls f(group) for all output channels, in groups for which `bytes_per_panel` adds up to
/// `limit` at most (or single panels).
template <class T, class F>
void for_each_group(Index out_channels, Index bytes_per_panel, Index limit, F&& f) {
    const Index width = std::max<Index>(1, limit / bytes_per_panel) * panel_width<T>;
    for (Index first = 0; first < out_channels; first += width) {
        f(OutputGroup<T>{first, std::min(width, out_channels - first)});
    }
}

/// The filters U = G g G' of a group as [position][panel of outputs][input][output in panel] (for
/// backward-data with inputs and outputs exchanged and the taps in reverse order).
template <class T>
void transform_filters(Context& context, const Convolution<T>& call, const OutputGroup<T>& group,
                       const Planes<T>& to) {
    const ConvShape& shape = call.shape;
    const T* const weight = call.weight;
    constexpr Index width = panel_width<T>;
    using V = Vector<T>;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    constexpr Index inputs = lanes<T>;
    const Index input_chunks = in / inputs;
    context.parallel_for(group.panels() * input_chunks, [&](Index chunk) {
        const Index panel = chunk / input_chunks;
        const Index input = chunk % input_chunks * inputs;
        const Index count = std::min(width, group.channels - panel * width);
        // Gathered for several inputs before any is read as vectors: a wide load that follows
        // narrow stores to the same place has to wait for them.
        alignas(64) T taps[inputs][9][width] = {};
        for (Index o = 0; o < count; ++o) {
            const Index output = group.first + panel * width + o;
            for (Index i = 0; i < inputs; ++i) {
                if (call.backward) {
                    const T* from = weight + ((input + i) * out + output) * 9;
                    for (Index tap = 0; tap < 9; ++tap) taps[i][tap][o] = from[8 - tap];
                } else {
                    const T* from = weight + (output * in + input + i) * 9;
                    for (Index tap = 0; tap < 9; ++tap) taps[i][tap][o] = from[tap];
                }
            }
        }
        for (Index i = 0; i < inputs; ++i) {
            for (Index v = 0; v < width; v += lanes<T>) {
                V g[3][3];
                V u[4][4];
                for (Index tap = 0; tap < 9; ++tap) g[tap / 3][tap % 3] = load<V>(taps[i][tap] + v);
                two_sided<3, 4>(g, u, [](const auto& a, auto& b) { filter_column(a, b); });
                for (Index p = 0; p < positions; ++p) {
                    store(to.data + p * to.plane + (panel * in + input + i) * width + v,
                          u[p / 4][p % 4]);
                }
            }
        }
    });
}

/// Whether a pixel has a value other than 0. Nearly every pixel has, among its first channels.
template <class T>
[[nodiscard]] bool has_value(const T* pixel, Index channels) {
    return std::any_of(pixel, pixel + channels, [](T value) { return value != T{0}; });
}

/// Which of a tile's outputs see nothing but zeros, in all channels: bit 2 r + c for the one at (r,
/// c), whose window begins there in the patch. All four see the middle of the patch.
template <class T>
[[nodiscard]] std::uint8_t empty_outputs(const PixelPatch<4, const T>& patch, Index channels,
                                         const T* outside) {
    bool seen[4][4];
    const auto look = [&](Index r, Index c) {
        seen[r][c] = patch.at[r][c] != outside && has_value(patch.at[r][c], channels);
        return seen[r][c];
    };
    if (look(1, 1) || look(1, 2) || look(2, 1) || look(2, 2)) return 0;
    for (Index p = 0; p < positions; ++p) {
        const bool inner = p / 4 % 3 != 0 && p % 4 % 3 != 0;
        if (!inner) static_cast<void>(look(p / 4, p % 4));
    }
    unsigned empty = 0;
    for (Index output = 0; output < 4; ++output) {
        bool any = false;
        for (Index tap = 0; tap < 9; ++tap) {
            any = any || seen[output / 2 + tap / 3][output % 2 + tap % 3];
        }
        if (!any) empty |= 1U << output;
    }
    return static_cast<std::uint8_t>(empty);
}

// Arguments come by value: what is read through a reference would have to be read again after each
// store, as the compiler cannot tell that they do not overlap.

/// V = B' d B of some tiles for the products. `empty`, where it is not null, gets each tile's
/// `empty_outputs`.
template <class T>
void transform_inputs(TileBlock tiles, MapMemory<const T> x, Planes<T> to,
                      std::uint8_t* empty = nullptr) {
    using V = Vector<T>;
    for (Index tile = 0; tile < tiles.count; ++tile) {
        const PixelPatch<4, const T> patch(tiles, tile, 1, x);
        if (empty != nullptr) empty[tile] = empty_outputs(patch, x.channels, x.outside);
        for (Index c = 0; c < x.channels; c += lanes<T>) {
            V d[4][4];
            V t[4][4];
            for (Index p = 0; p < positions; ++p)
                d[p / 4][p % 4] = load<V>(patch.at[p / 4][p % 4] + c);
            two_sided<4, 4>(d, t, [](const auto& a, auto& b) { input_column(a, b); });
            for (Index p = 0; p < positions; ++p) {
                store(to.data + p * to.plane + offset<T>(tile, c), t[p / 4][p % 4]);
            }
        }
    }
}

/// Z = A dY A' of some tiles for the products, for a group of the channels of grad_y.
template <class T>
void transform_gradients(TileBlock tiles, OutputGroup<T> group, MapMemory<const T> grad_y,
                         Planes<T> to) {
    using V = Vector<T>;
    for (Index tile = 0; tile < tiles.count; ++tile) {
        const PixelPatch<2, const T> patch(tiles, tile, 0, grad_y);
        for (Index c = 0; c < group.channels; c += lanes<T>) {
            V y[2][2];
            V t[4][4];
            for (Index p = 0; p < 4; ++p) {
                y[p / 2][p % 2] = load<V>(patch.at[p / 2][p % 2] + group.first + c);
            }
            two_sided<2, 4>(y, t, [](const auto& a, auto& b) { gradient_column(a, b); });
            for (Index p = 0; p < positions; ++p) {
                store(to.data + p * to.plane + offset<T>(tile, c), t[p / 4][p % 4]);
            }
        }
    }
}

/// Y = A' m A of some tiles, added to y if `accumulate`, for a group of its channels; what is off
/// the map goes to y.outside. What sees nothing but zeros, by `empty`, is 0, and not what rounding
/// leaves of sums with its neighbours' values.
template <class T>
void transform_outputs(TileBlock tiles, OutputGroup<T> group, Planes<const T> products,
                       const std::uint8_t* empty, MapMemory<T> y, bool accumulate) {
    using V = Vector<T>;
    for (Index tile = 0; tile < tiles.count; ++tile) {
        const PixelPatch<2, T> patch(tiles, tile, 0, y);
        for (Index c = 0; c < group.channels; c += lanes<T>) {
            V m[4][4];
            V t[2][2];
            for (Index p = 0; p < positions; ++p) {
                m[p / 4][p % 4] = load<V>(products.data + p * products.plane + offset<T>(tile, c));
            }
            two_sided<4, 2>(m, t, [](const auto& a, auto& b) { output_column(a, b); });
            for (Index p = 0; empty[tile] != 0 && p < 4; ++p) {
                if ((empty[tile] >> p & 1) != 0) t[p / 2][p % 2] = V{};
            }
            for (Index p = 0; p < 4; ++p) {
                T* pixel = patch.at[p / 2][p % 2] + group.first + c;
                store(pixel, accumulate ? load<V>(pixel) + t[p / 2][p % 2] : t[p / 2][p % 2]);
            }
        }
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::winograd

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
