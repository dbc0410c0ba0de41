// Winograd's F(2x2, 3x3): a 3x3 convolution with 2.25 times fewer multiplications.
#pragma once

#include <algorithm>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/kernel_types.hpp>

/// \file
/// Lavin and Gray, "Fast algorithms for convolutional neural networks" (2015). A 2x2 tile of
/// outputs is Y = A'[(G g G') . (B' d B)]A for the 4x4 inputs d around it and the filter g, with
/// "." elementwise, so summing over input channels is one matrix product for each of the 16
/// positions of the 4x4 tile. The weight gradient is the adjoint: G'[(A dY A') . (B' d B)]G,
/// summed over tiles. All transforms only add and halve, which keeps the error at some 1e-6.
namespace kasmina::backends::eigen_detail::winograd {

inline constexpr Index positions = 16;
/// Tiles that are transformed, multiplied and transformed back together: their data stays in the
/// second-level cache.
inline constexpr Index block_tiles = 64;

/// The data of a block of tiles is stored as [position][panel of channels][tile][channel in
/// panel], so that the products find all their operands at constant distances.
template <class T>
inline constexpr Index panel_size = block_tiles* panel_width<T>;

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

/// Where a tile begins: its map, and the row and column of its first output.
struct TilePosition {
    TilePosition(const TileGrid& grid, Index tile)
        : map(tile / (grid.rows * grid.columns)),
          row(tile / grid.columns % grid.rows * 2),
          column(tile % grid.columns * 2) {}

    Index map, row, column;
};

/// Addresses of the Size x Size pixels from (row, column) on; `outside` for those off the map.
template <Index Size, class T>
struct PixelPatch {
    PixelPatch(const TileGrid& grid, Index map, Index row, Index column, Index channels, T* data,
               T* outside) {
        for (Index r = 0; r < Size; ++r) {
            for (Index c = 0; c < Size; ++c) {
                const bool inside = row + r >= 0 && row + r < grid.height && column + c >= 0 &&
                                    column + c < grid.width;
                const Index pixel = (map * grid.height + row + r) * grid.width + column + c;
                at[r][c] = inside ? data + pixel * channels : outside;
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

/// The filters U = G g G' as [position][panel of outputs][input][output in panel]; with
/// `transpose` those of the backward-data convolution (see pack_filters).
template <class T>
void transform_filters(Context& context, const ConvShape& shape, const T* weight, bool transpose,
                       T* to, Index plane) {
    constexpr Index width = panel_width<T>;
    using V = Vector<T>;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    const Index panels = ceil_div(out, width);
    constexpr Index inputs = lanes<T>;
    const Index input_chunks = in / inputs;
    context.parallel_for(panels * input_chunks, [&](Index chunk) {
        const Index panel = chunk / input_chunks;
        const Index input = chunk % input_chunks * inputs;
        const Index count = std::min(width, out - panel * width);
        // Gathered for several inputs before any is read as vectors: a wide load that follows
        // narrow stores to the same place has to wait for them.
        alignas(64) T taps[inputs][9][width] = {};
        for (Index o = 0; o < count; ++o) {
            const Index output = panel * width + o;
            for (Index i = 0; i < inputs; ++i) {
                if (transpose) {
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
                    store(to + p * plane + (panel * in + input + i) * width + v, u[p / 4][p % 4]);
                }
            }
        }
    });
}

/// V = B' d B of some tiles for the products; `zeros` are as many as channels.
template <class T>
void transform_inputs(const TileGrid& grid, Index first_tile, Index tiles, Index channels,
                      const T* x, const T* zeros, T* to, Index plane) {
    using V = Vector<T>;
    for (Index tile = 0; tile < tiles; ++tile) {
        const TilePosition at(grid, first_tile + tile);
        const PixelPatch<4, const T> patch(grid, at.map, at.row - 1, at.column - 1, channels, x,
                                           zeros);
        for (Index c = 0; c < channels; c += lanes<T>) {
            V d[4][4];
            V t[4][4];
            for (Index p = 0; p < positions; ++p)
                d[p / 4][p % 4] = load<V>(patch.at[p / 4][p % 4] + c);
            two_sided<4, 4>(d, t, [](const auto& a, auto& b) { input_column(a, b); });
            for (Index p = 0; p < positions; ++p) {
                store(to + p * plane + offset<T>(tile, c), t[p / 4][p % 4]);
            }
        }
    }
}

/// Z = A dY A' of some tiles for the products.
template <class T>
void transform_gradients(const TileGrid& grid, Index first_tile, Index tiles, Index channels,
                         const T* grad_y, const T* zeros, T* to, Index plane) {
    using V = Vector<T>;
    for (Index tile = 0; tile < tiles; ++tile) {
        const TilePosition at(grid, first_tile + tile);
        const PixelPatch<2, const T> patch(grid, at.map, at.row, at.column, channels, grad_y,
                                           zeros);
        for (Index c = 0; c < channels; c += lanes<T>) {
            V y[2][2];
            V t[4][4];
            for (Index p = 0; p < 4; ++p) y[p / 2][p % 2] = load<V>(patch.at[p / 2][p % 2] + c);
            two_sided<2, 4>(y, t, [](const auto& a, auto& b) { gradient_column(a, b); });
            for (Index p = 0; p < positions; ++p) {
                store(to + p * plane + offset<T>(tile, c), t[p / 4][p % 4]);
            }
        }
    }
}

/// Y = A' m A of some tiles, added to y if `accumulate`; `ignored` receives what is off the map.
template <class T>
void transform_outputs(const TileGrid& grid, Index first_tile, Index tiles, Index channels,
                       const T* products, Index plane, T* y, T* ignored, bool accumulate) {
    using V = Vector<T>;
    for (Index tile = 0; tile < tiles; ++tile) {
        const TilePosition at(grid, first_tile + tile);
        const PixelPatch<2, T> patch(grid, at.map, at.row, at.column, channels, y, ignored);
        for (Index c = 0; c < channels; c += lanes<T>) {
            V m[4][4];
            V t[2][2];
            for (Index p = 0; p < positions; ++p) {
                m[p / 4][p % 4] = load<V>(products + p * plane + offset<T>(tile, c));
            }
            two_sided<4, 2>(m, t, [](const auto& a, auto& b) { output_column(a, b); });
            for (Index p = 0; p < 4; ++p) {
                T* pixel = patch.at[p / 2][p % 2] + c;
                store(pixel, accumulate ? load<V>(pixel) + t[p / 2][p % 2] : t[p / 2][p % 2]);
            }
        }
    }
}

/// products = inputs * filters for one position and one panel of outputs.
template <class T>
void multiply(Index tiles, Index in, Index vectors, const T* inputs, const T* filters,
              T* products) {
    constexpr Constant<panel_width<T>> width;
    for_each_tile(tiles, vectors, [&]<int Rows, int Vectors>(Index tile) {
        RegisterTile<T, Rows, Vectors> sums;
        sums.clear();
        for (Index i = 0; i < in; i += lanes<T>) {
            sums.accumulate(inputs + offset<T>(tile, i), width, Constant<1>{}, filters + i * width,
                            width, Constant<lanes<T>>{});
        }
        sums.write(products + tile * width, width, Vectors * lanes<T>);
    });
}

/// The convolution, or with `transpose` the backward-data convolution of `transposed(shape)`.
/// Needs a 3x3 kernel and channels that are multiples of lanes<T>.
template <class T>
void conv(Context& context, const ConvShape& shape, const T* x, const T* weight, bool transpose,
          T* y, bool accumulate) {
    constexpr Index width = panel_width<T>;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    const Index panels = ceil_div(out, width);
    const TileGrid grid(shape);

    const Index filter_plane = padded<T>(panels * in * width);
    Buffer<T> filters = context.buffer<T>(positions * filter_plane);
    transform_filters(context, shape, weight, transpose, filters.data(), filter_plane);

    const Index in_plane = block_plane<T>(in);
    const Index out_plane = block_plane<T>(out);
    const Index outside = std::max(in, out);
    const Index scratch_size = positions * (in_plane + out_plane) + outside;
    context.parallel_for_with_scratch<T>(
        ceil_div(grid.count, block_tiles), scratch_size, [&](Index block, T* scratch) {
            T* const inputs = scratch;
            T* const products = inputs + positions * in_plane;
            T* const off_map = products + positions * out_plane;
            const Index first = block * block_tiles;
            const Index tiles = std::min(block_tiles, grid.count - first);
            std::fill_n(off_map, outside, T{0});
            transform_inputs(grid, first, tiles, in, x, off_map, inputs, in_plane);
            for (Index p = 0; p < positions; ++p) {
                for (Index panel = 0; panel < panels; ++panel) {
                    multiply(tiles, in, panel_vectors<T>(panel * width, out), inputs + p * in_plane,
                             filters.data() + p * filter_plane + panel * in * width,
                             products + p * out_plane + panel * panel_size<T>);
                }
            }
            transform_outputs(grid, first, tiles, out, products, out_plane, y, off_map, accumulate);
        });
}

/// Adds up `parts` sums over tiles, [position][panel][input][output in panel], applies G' . G and
/// writes the gradient in PyTorch's order.
template <class T>
void write_gradient(Context& context, const ConvShape& shape, const T* sums, Index parts,
                    Index part_size, Index plane, T* gradient, bool accumulate) {
    using V = Vector<T>;
    constexpr Index width = panel_width<T>;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    context.parallel_for(out / lanes<T>, [&](Index chunk) {
        const Index output = chunk * lanes<T>;
        for (Index i = 0; i < in; ++i) {
            V s[4][4];
            V g[3][3];
            for (Index p = 0; p < positions; ++p) {
                const T* from =
                    sums + p * plane + (output / width * in + i) * width + output % width;
                V sum = load<V>(from);
                for (Index part = 1; part < parts; ++part) sum += load<V>(from + part * part_size);
                s[p / 4][p % 4] = sum;
            }
            two_sided<4, 3>(s, g, [](const auto& a, auto& b) { filter_gradient_column(a, b); });
            T taps[9][lanes<T>];
            for (Index tap = 0; tap < 9; ++tap) store(taps[tap], g[tap / 3][tap % 3]);
            for (Index o = 0; o < lanes<T>; ++o) {
                T* to = gradient + ((output + o) * in + i) * 9;
                for (Index tap = 0; tap < 9; ++tap) {
                    to[tap] = accumulate ? to[tap] + taps[tap][o] : taps[tap][o];
                }
            }
        }
    });
}

/// sums (inputs x outputs) (+)= inputs' * gradients over the tiles of a block, for one position
/// and one panel of outputs.
template <class T>
void multiply_transposed(Index tiles, Index in, Index vectors, const T* inputs, const T* gradients,
                         T* sums_at, bool add) {
    constexpr Constant<panel_width<T>> width;
    for (Index first = 0; first < in; first += width) {
        for_each_tile(std::min<Index>(width, in - first), vectors,
                      [&]<int Rows, int Vectors>(Index row) {
                          RegisterTile<T, Rows, Vectors> sums;
                          T* const at = sums_at + (first + row) * width;
                          sums.clear();
                          sums.accumulate(inputs + offset<T>(0, first) + row, Constant<1>{}, width,
                                          gradients, width, tiles);
                          if (add) sums.add_stored(at, width, Vectors * lanes<T>);
                          sums.write(at, width, Vectors * lanes<T>);
                      });
    }
}

/// The weight gradient; the same needs as `conv`.
template <class T>
void weight_gradient(Context& context, const ConvShape& shape, const T* x, const T* grad_y,
                     T* grad_weight, bool accumulate) {
    constexpr Index width = panel_width<T>;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    const Index panels = ceil_div(out, width);
    const TileGrid grid(shape);
    const Index blocks = ceil_div(grid.count, block_tiles);
    // Partial sums over tiles, as many as the shape alone says (E-1).
    const Index parts = std::clamp<Index>(blocks, 1, 8);

    const Index sum_plane = padded<T>(panels * in * width);
    const Index part_size = positions * sum_plane;
    Buffer<T> sums = context.buffer<T>(parts * part_size);
    const Index in_plane = block_plane<T>(in);
    const Index out_plane = block_plane<T>(out);
    const Index outside = std::max(in, out);
    const Index scratch_size = positions * (in_plane + out_plane) + outside;
    context.parallel_for_with_scratch<T>(parts, scratch_size, [&](Index part, T* scratch) {
        T* const inputs = scratch;
        T* const gradients = inputs + positions * in_plane;
        T* const zeros = gradients + positions * out_plane;
        std::fill_n(zeros, outside, T{0});
        const Index first_block = blocks * part / parts;
        for (Index block = first_block; block < blocks * (part + 1) / parts; ++block) {
            const Index first = block * block_tiles;
            const Index tiles = std::min(block_tiles, grid.count - first);
            transform_inputs(grid, first, tiles, in, x, zeros, inputs, in_plane);
            transform_gradients(grid, first, tiles, out, grad_y, zeros, gradients, out_plane);
            for (Index p = 0; p < positions; ++p) {
                for (Index panel = 0; panel < panels; ++panel) {
                    multiply_transposed(
                        tiles, in, panel_vectors<T>(panel * width, out), inputs + p * in_plane,
                        gradients + p * out_plane + panel * panel_size<T>,
                        sums.data() + part * part_size + p * sum_plane + panel * in * width,
                        block > first_block);
                }
            }
        }
    });
    write_gradient(context, shape, sums.data(), parts, part_size, sum_plane, grad_weight,
                   accumulate);
}

/// Double precision is asked for where exactness counts, so it keeps to direct convolution.
template <class T>
inline constexpr bool exact_enough = sizeof(T) == 4;

/// Whether the kernels here can do a shape, and the transforms are worth it.
template <class T>
[[nodiscard]] bool suits(const ConvShape& shape) {
    return shape.kernel_height == 3 && shape.kernel_width == 3 && shape.height > 1 &&
           shape.width > 1 && shape.in_channels % lanes<T> == 0 &&
           shape.out_channels % lanes<T> == 0 && shape.in_channels >= 16 &&
           shape.out_channels >= 16;
}

}  // namespace kasmina::backends::eigen_detail::winograd
