// Rearranging on the CPU: runs copied in whole registers, transposes in tiles, the rest by number.
#pragma once

#include <algorithm>
#include <cstddef>

#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_transpose.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/backends/eigen/strided.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// What happens to each number on its way.
template <class T>
struct Transfer {
    const T* from;
    T* to;
    T scale;
    bool accumulate;

    [[nodiscard]] bool plain() const noexcept { return scale == T{1} && !accumulate; }

    [[nodiscard]] Transfer at(Index from_place, Index to_place) const noexcept {
        return {from + from_place, to + to_place, scale, accumulate};
    }

    template <class Count>
    KASMINA_ALWAYS_INLINE void put(Index place, Vector<T> values, Count count) const {
        if (!plain()) values *= scale;
        put_lanes(GradientTarget<T>{to, accumulate}, place, values, count);
    }
};

/// Next to each other in both places, or one number for a whole run (`stretched`).
template <class T>
KASMINA_ALWAYS_INLINE void transfer_run(const Transfer<T>& way, Index length, bool stretched) {
    constexpr Index long_run = 16 * lanes<T>;
    if (stretched) {
        const Vector<T> value = *way.from - Vector<T>{};
        for_each_vector<T>(length, [=](Index i, auto count) { way.put(i, value, count); });
    } else if (!way.plain()) {
        for_each_vector<T>(length, [=](Index i, auto count) {
            way.put(i, load_lanes(way.from + i, count), count);
        });
    } else if (length > long_run) {
        std::copy_n(way.from, length, way.to);
    } else {
        for_each_vector<T>(length, [from = way.from, to = way.to](Index i, auto count) {
            store_lanes(to + i, load_lanes(from + i, count), count);
        });
    }
}

template <class T>
void transfer_strided(const Transfer<T>& way, Index length, Index from_stride, Index to_stride) {
    for (Index i = 0; i < length; ++i) {
        const T number = way.from[i * from_stride];
        T& to = way.to[i * to_stride];
        const T value = way.plain() ? number : number * way.scale;
        to = way.accumulate ? to + value : value;
    }
}

/// How many numbers a chunk of work has, or more where it cannot be divided.
inline constexpr Index numbers_per_chunk = 16384;

/// Runs along the last axis: `count` of them, one after another along the axis before it.
struct Runs {
    Index count;
    Index length;
    Index from_stride;  ///< within a run
    Index to_stride;
    Index from_next;  ///< from run to run
    Index to_next;
};

template <class T>
void transfer_strip(const Transfer<T>& way, const Runs& runs) {
    const bool dense = runs.to_stride == 1 && runs.from_stride <= 1;
    for (Index i = 0; i < runs.count; ++i) {
        const Transfer<T> one = way.at(i * runs.from_next, i * runs.to_next);
        if (dense) {
            transfer_run(one, runs.length, runs.from_stride == 0);
        } else {
            transfer_strided(one, runs.length, runs.from_stride, runs.to_stride);
        }
    }
}

/// All runs along the last axis: short ones in strips, long ones in pieces.
template <class T>
void transfer_runs(Context& context, const StridedAxes& axes, const Transfer<T>& way) {
    constexpr Index longest = 8192;
    const std::size_t last = axes.rank - 1;
    Runs runs{.count = 1,
              .length = axes.extents[last],
              .from_stride = axes.from_strides[last],
              .to_stride = axes.to_strides[last],
              .from_next = 0,
              .to_next = 0};
    StridedAxes outer = without(axes, last);
    Index units = pieces_of(runs.length, longest);
    Index per_unit = longest;  // numbers of a run, or runs of a strip
    const bool pieces = units > 1 || outer.rank == 0;
    if (!pieces) {
        const std::size_t before = outer.rank - 1;
        runs.count = outer.extents[before];
        runs.from_next = outer.from_strides[before];
        runs.to_next = outer.to_strides[before];
        outer = without(outer, before);
        per_unit = std::max<Index>(1, longest / runs.length);
        units = pieces_of(runs.count, per_unit);
    }
    const Index all = outer.elements() * units;
    const Index unit_size =
        pieces ? std::min(runs.length, longest) : runs.length * std::min(runs.count, per_unit);
    const Index units_per_chunk = std::max<Index>(1, numbers_per_chunk / unit_size);
    context.parallel_for(pieces_of(all, units_per_chunk), [&](Index chunk) {
        const Index end = std::min(all, (chunk + 1) * units_per_chunk);
        for (Index unit = chunk * units_per_chunk; unit < end; ++unit) {
            const Odometer place(outer, unit / units);
            const Index first = unit % units * per_unit;
            Runs some = runs;
            Index from = place.from();
            Index to = place.to();
            if (pieces) {
                some.length = std::min(per_unit, runs.length - first);
                from += first * runs.from_stride;
                to += first * runs.to_stride;
            } else {
                some.count = std::min(per_unit, runs.count - first);
                from += first * runs.from_next;
                to += first * runs.to_next;
            }
            transfer_strip(way.at(from, to), some);
        }
    });
}

/// A matrix of `rows` in `to`, whose columns are what is dense in `from`.
struct TransposedMatrix {
    Index rows;
    Index columns;
    Index to_stride;    ///< from row to row of `to`
    Index from_stride;  ///< from column to column of `to`
};

/// One square of registers, or what there is of one.
template <class T>
KASMINA_ALWAYS_INLINE void transfer_square(const Transfer<T>& way, const TransposedMatrix& matrix,
                                           Index rows, Index columns) {
    RegisterSquare<T> square{};
    if (rows == lanes<T> && columns == lanes<T>) {
        for (Index c = 0; c < lanes<T>; ++c) {
            square[static_cast<std::size_t>(c)] =
                load<Vector<T>>(way.from + c * matrix.from_stride);
        }
    } else {
        for (Index c = 0; c < columns; ++c) {
            square[static_cast<std::size_t>(c)] =
                load_lanes(way.from + c * matrix.from_stride, rows);
        }
    }
    transpose_square<T>(square);
    for (Index r = 0; r < rows; ++r) {
        const Vector<T> values = square[static_cast<std::size_t>(r)];
        if (columns == lanes<T>) {
            way.put(r * matrix.to_stride, values, AllLanes<T>{});
        } else {
            way.put(r * matrix.to_stride, values, columns);
        }
    }
}

/// All transposed matrices, in tiles that both places have in the cache.
template <class T>
void transfer_transposed(Context& context, const StridedAxes& outer, const TransposedMatrix& matrix,
                         const Transfer<T>& way) {
    constexpr Index side = 64;
    const Index down = pieces_of(matrix.rows, side);
    const Index tiles = down * pieces_of(matrix.columns, side);
    const Index units = outer.elements() * tiles;
    const Index tile_size = std::min(matrix.rows, side) * std::min(matrix.columns, side);
    const Index units_per_chunk = std::max<Index>(1, numbers_per_chunk / tile_size);
    context.parallel_for(pieces_of(units, units_per_chunk), [&](Index chunk) {
        const Index first = chunk * units_per_chunk;
        const Index end = std::min(units, first + units_per_chunk);
        for (Index unit = first; unit < end; ++unit) {
            const Odometer place(outer, unit / tiles);
            const Index row = unit % tiles % down * side;
            const Index column = unit % tiles / down * side;
            const Index row_end = std::min(matrix.rows, row + side);
            const Index column_end = std::min(matrix.columns, column + side);
            for (Index r = row; r < row_end; r += lanes<T>) {
                for (Index c = column; c < column_end; c += lanes<T>) {
                    transfer_square(way.at(place.from() + r + c * matrix.from_stride,
                                           place.to() + r * matrix.to_stride + c),
                                    matrix, std::min(lanes<T>, row_end - r),
                                    std::min(lanes<T>, column_end - c));
                }
            }
        }
    });
}

template <class T>
void rearrange(Context& context, const Rearrange<T>& call) {
    StridedAxes axes = simplified(call.axes);
    if (axes.elements() == 0) return;
    if (axes.rank == 0) axes.append(1, 1, 1);
    const Transfer<T> way{call.from, call.to, static_cast<T>(call.scale), call.accumulate};
    const std::size_t last = axes.rank - 1;
    const std::size_t dense = dense_axis(axes);
    if (dense < last && axes.to_strides[last] == 1 && axes.from_strides[last] > 1) {
        transfer_transposed(context, without(without(axes, last), dense),
                            TransposedMatrix{axes.extents[dense], axes.extents[last],
                                             axes.to_strides[dense], axes.from_strides[last]},
                            way);
    } else {
        transfer_runs(context, axes, way);
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
