// Winograd's F(2x2, 3x3): a 3x3 convolution with 2.25 times fewer multiplications.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/backends/eigen/winograd_call.hpp>
#include <kasmina/backends/eigen/winograd_transforms.hpp>
#include <kasmina/tensor/index.hpp>

/// \file
/// Lavin and Gray, "Fast algorithms for convolutional neural networks" (2015). A 2x2 tile of
/// outputs is Y = A'[(G g G') . (B' d B)]A for the 4x4 inputs d around it and the filter g, with
/// "." elementwise, so summing over input channels is one matrix product for each of the 16
/// positions of the 4x4 tile. The weight gradient is the adjoint: G'[(A dY A') . (B' d B)]G,
/// summed over tiles. All transforms only add and halve, which keeps the error at some 1e-6.
///
/// That error is relative to a tile, where a direct sum's is relative to its own terms: where all
/// of these are 0, it is exactly 0, and must be here, or an optimiser that divides by the size of a
/// gradient makes a step of full length of what is none.
namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::winograd {

/// One position and one panel of outputs of a block of tiles.
struct PanelOfBlock {
    Index tiles;
    Index in;       ///< input channels
    Index vectors;  ///< that cover the panel's outputs
};

/// products = inputs * filters.
template <class T>
void multiply(PanelOfBlock of, const T* inputs, const T* filters, T* products) {
    const Index in = of.in;
    constexpr Constant<panel_width<T>> width;
    for_each_tile(of.tiles, of.vectors, [&]<int Rows, int Vectors>(Index tile) {
        RegisterTile<T, Rows, Vectors> sums;
        sums.clear();
        for (Index i = 0; i < in; i += lanes<T>) {
            sums.accumulate(inputs + offset<T>(tile, i), width, Constant<1>{}, filters + i * width,
                            width, Constant<lanes<T>>{});
        }
        sums.write(products + tile * width, width, Vectors * lanes<T>);
    });
}

/// What a convolution keeps of transformed filters at once, and a weight gradient of sums.
inline constexpr Index filter_bytes = Index{6} << 20;
inline constexpr Index sum_bytes = Index{16} << 20;

/// The convolution, of either way. Needs a 3x3 kernel and channels that are multiples of lanes<T>.
/// Wide layers are done in groups of outputs: transforming the inputs again for each costs a few
/// per cent and saves the memory of all filters at once.
template <class T>
void conv(Context& context, const Convolution<T>& call) {
    const ConvShape& shape = call.shape;
    constexpr Index width = panel_width<T>;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    const TileGrid grid(shape);
    const Index panel_bytes = positions * in * width * static_cast<Index>(sizeof(T));
    for_each_group<T>(out, panel_bytes, filter_bytes, [&](const OutputGroup<T>& group) {
        const Index panels = group.panels();
        const Index filter_plane = padded<T>(panels * in * width);
        Buffer<T> filters = context.buffer<T>(positions * filter_plane);
        transform_filters<T>(context, call, group, {filters.data(), filter_plane});

        const Index in_plane = block_plane<T>(in);
        const Index out_plane = block_plane<T>(group.channels);
        const Index outside = std::max(in, out);
        const Index scratch_size = positions * (in_plane + out_plane) + outside;
        context.parallel_for_with_scratch<T>(
            ceil_div(grid.count, block_tiles), scratch_size, [&](Index block, T* scratch) {
                T* const inputs = scratch;
                T* const products = inputs + positions * in_plane;
                T* const off_map = products + positions * out_plane;
                const TileBlock tiles(grid, block);
                std::uint8_t empty[block_tiles];
                std::fill_n(off_map, outside, T{0});
                transform_inputs<T>(tiles, {in, call.x, off_map}, {inputs, in_plane}, empty);
                for (Index p = 0; p < positions; ++p) {
                    for (Index panel = 0; panel < panels; ++panel) {
                        multiply({tiles.count, in, panel_vectors<T>(panel * width, group.channels)},
                                 inputs + p * in_plane,
                                 filters.data() + p * filter_plane + panel * in * width,
                                 products + p * out_plane + panel * panel_size<T>);
                    }
                }
                transform_outputs<T>(tiles, group, {products, out_plane}, empty,
                                     {out, call.y.data, off_map}, call.y.accumulate);
            });
    });
}

/// One tap of a weight gradient as a direct sum: of input times gradient over the pixels, for the
/// register of outputs that begins at `output`.
template <class T>
[[nodiscard]] KASMINA_NEVER_INLINE Vector<T> direct_tap(const Conv2dPullbackWeight<T>& call,
                                                        Index tap, Index input, Index output) {
    using V = Vector<T>;
    const ConvShape& shape = call.shape;
    V total{};
    for (Index row = 0; row < shape.batch * shape.height; ++row) {
        const Index from_row = row % shape.height + tap / 3 - 1;
        if (from_row < 0 || from_row >= shape.height) continue;
        const T* const x_row =
            call.x + (row + tap / 3 - 1) * shape.width * shape.in_channels + input;
        const T* const y_row = call.grad_y + row * shape.width * shape.out_channels + output;
        const Index first = std::max<Index>(0, 1 - tap % 3);
        const Index last = std::min(shape.width, shape.width + 1 - tap % 3);
        V sum{};
        for (Index column = first; column < last; ++column) {
            const T value = x_row[(column + tap % 3 - 1) * shape.in_channels];
            if (value != T{0}) sum += load<V>(y_row + column * shape.out_channels) * value;
        }
        total += sum;
    }
    return total;
}

/// A tap of a weight gradient below this share of the sums that it is made of may be nothing but
/// their rounding.
inline constexpr float doubtful = 1.0F / 32768.0F;

/// Puts direct sums in the place of those `taps` of a weight gradient that may be nothing but the
/// rounding of the `sums` over tiles.
template <class T>
KASMINA_ALWAYS_INLINE void settle_doubts(const Conv2dPullbackWeight<T>& call, Index input,
                                         Index output, const Vector<T> (&sums)[4][4],
                                         Vector<T> (&taps)[3][3]) {
    using V = Vector<T>;
    const auto magnitude = [](V value) { return value < V{} ? -value : value; };
    V largest{};
    for (Index p = 0; p < positions; ++p) {
        const V next = magnitude(sums[p / 4][p % 4]);
        largest = next > largest ? next : largest;
    }
    const V limit = largest * doubtful;
    auto any = limit != limit;
    for (Index tap = 0; tap < 9; ++tap) {
        const V value = taps[tap / 3][tap % 3];
        any |= (magnitude(value) < limit) & (value != V{});
    }
    const decltype(any) none{};
    if (std::memcmp(&any, &none, sizeof(any)) == 0) return;
    for (Index tap = 0; tap < 9; ++tap) {
        V& value = taps[tap / 3][tap % 3];
        const auto is_doubtful = (magnitude(value) < limit) & (value != V{});
        if (std::memcmp(&is_doubtful, &none, sizeof(none)) == 0) continue;
        const V direct = direct_tap(call, tap, input, output);
        value = is_doubtful ? direct : value;
    }
}

/// Sums over parts of the tiles: `parts` of [position][panel][input][output in panel].
template <class T>
struct PartialSums {
    const T* data;
    Index parts;
    Index part_size;
    Index plane;  ///< between positions
};

/// Adds up the parts, applies G' . G and writes a group's gradient in PyTorch's order.
template <class T>
void write_gradient(Context& context, const Conv2dPullbackWeight<T>& call, OutputGroup<T> group,
                    PartialSums<T> sums) {
    const Index in = call.shape.in_channels;
    const GradientTarget<T> gradient = call.grad_weight;
    using V = Vector<T>;
    constexpr Index width = panel_width<T>;
    context.parallel_for(group.channels / lanes<T>, [&](Index chunk) {
        const Index output = chunk * lanes<T>;
        for (Index i = 0; i < in; ++i) {
            V s[4][4];
            V g[3][3];
            for (Index p = 0; p < positions; ++p) {
                const T* from =
                    sums.data + p * sums.plane + (output / width * in + i) * width + output % width;
                V sum = load<V>(from);
                for (Index part = 1; part < sums.parts; ++part) {
                    sum += load<V>(from + part * sums.part_size);
                }
                s[p / 4][p % 4] = sum;
            }
            two_sided<4, 3>(s, g, [](const auto& a, auto& b) { filter_gradient_column(a, b); });
            settle_doubts<T>(call, i, group.first + output, s, g);
            T taps[9][lanes<T>];
            for (Index tap = 0; tap < 9; ++tap) store(taps[tap], g[tap / 3][tap % 3]);
            for (Index o = 0; o < lanes<T>; ++o) {
                T* to = gradient.data + ((group.first + output + o) * in + i) * 9;
                for (Index tap = 0; tap < 9; ++tap) {
                    to[tap] = gradient.accumulate ? to[tap] + taps[tap][o] : taps[tap][o];
                }
            }
        }
    });
}

/// sums (inputs x outputs) (+)= inputs' * gradients over the tiles of the block.
template <class T>
void multiply_transposed(PanelOfBlock of, const T* inputs, const T* gradients,
                         GradientTarget<T> target) {
    constexpr Constant<panel_width<T>> width;
    for (Index first = 0; first < of.in; first += width) {
        for_each_tile(std::min<Index>(width, of.in - first), of.vectors,
                      [&]<int Rows, int Vectors>(Index row) {
                          RegisterTile<T, Rows, Vectors> sums;
                          T* const at = target.data + (first + row) * width;
                          sums.clear();
                          sums.accumulate(inputs + offset<T>(0, first) + row, Constant<1>{}, width,
                                          gradients, width, of.tiles);
                          if (target.accumulate) sums.add_stored(at, width, Vectors * lanes<T>);
                          sums.write(at, width, Vectors * lanes<T>);
                      });
    }
}

/// The weight gradient; the same needs as `conv`, and in groups of outputs like it.
template <class T>
void weight_gradient(Context& context, const Conv2dPullbackWeight<T>& call) {
    const ConvShape& shape = call.shape;
    constexpr Index width = panel_width<T>;
    const Index in = shape.in_channels;
    const Index out = shape.out_channels;
    const TileGrid grid(shape);
    const Index blocks = ceil_div(grid.count, block_tiles);
    // Partial sums over tiles, as many as the shape alone says (E-1).
    const Index parts = std::clamp<Index>(blocks, 1, 8);
    const Index panel_bytes = parts * positions * in * width * static_cast<Index>(sizeof(T));
    for_each_group<T>(out, panel_bytes, sum_bytes, [&](const OutputGroup<T>& group) {
        const Index panels = group.panels();
        const Index sum_plane = padded<T>(panels * in * width);
        const Index part_size = positions * sum_plane;
        Buffer<T> sums = context.buffer<T>(parts * part_size);
        const Index in_plane = block_plane<T>(in);
        const Index out_plane = block_plane<T>(group.channels);
        const Index outside = std::max(in, out);
        const Index scratch_size = positions * (in_plane + out_plane) + outside;
        context.parallel_for_with_scratch<T>(parts, scratch_size, [&](Index part, T* scratch) {
            T* const inputs = scratch;
            T* const gradients = inputs + positions * in_plane;
            T* const zeros = gradients + positions * out_plane;
            std::fill_n(zeros, outside, T{0});
            const Index first_block = blocks * part / parts;
            for (Index block = first_block; block < blocks * (part + 1) / parts; ++block) {
                const TileBlock tiles(grid, block);
                transform_inputs<T>(tiles, {in, call.x, zeros}, {inputs, in_plane});
                transform_gradients<T>(tiles, group, {out, call.grad_y, zeros},
                                       {gradients, out_plane});
                for (Index p = 0; p < positions; ++p) {
                    for (Index panel = 0; panel < panels; ++panel) {
                        multiply_transposed<T>(
                            {tiles.count, in, panel_vectors<T>(panel * width, group.channels)},
                            inputs + p * in_plane,
                            gradients + p * out_plane + panel * panel_size<T>,
                            {sums.data() + part * part_size + p * sum_plane + panel * in * width,
                             block > first_block});
                    }
                }
            }
        });
        write_gradient<T>(context, call, group, {sums.data(), parts, part_size, sum_plane});
    });
}

/// Double precision is asked for where exactness counts, so it keeps to direct convolution.
template <class T>
inline constexpr bool exact_enough = sizeof(T) == 4;

/// Whether the kernels here can do a shape, and the transforms are worth it.
template <class T>
[[nodiscard]] bool suits(const ConvShape& shape) {
    return keeps_size(shape) && shape.groups == 1 && shape.kernel_height == 3 &&
           shape.kernel_width == 3 && shape.height > 1 && shape.width > 1 &&
           shape.in_channels % lanes<T> == 0 && shape.out_channels % lanes<T> == 0 &&
           shape.in_channels >= 16 && shape.out_channels >= 16;
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail::winograd
