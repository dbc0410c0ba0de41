// Rows: how kernels walk channels-last memory in whole registers whatever the channel count.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/partial_register.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/tensor/index.hpp>

/// \file
/// A map with 3 channels fills no register, and one with 70 leaves a rest at every pixel. So a
/// row here is as many pixels as give whole registers, and what there is one of per channel is
/// repeated to a row's width before a pass (`spread`) or added up after it (`fold`).
namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

template <class T, class Count>
KASMINA_ALWAYS_INLINE void add_lanes(T* to, Vector<T> vector, Count count) {
    store_lanes(to, load_lanes(to, count) + vector, count);
}

/// Writes a gradient where it is wanted, or adds it there.
template <class T, class Count>
KASMINA_ALWAYS_INLINE void put_lanes(const GradientTarget<T>& target, Index place, Vector<T> vector,
                                     Count count) {
    if (target.accumulate) vector += load_lanes(target.data + place, count);
    store_lanes(target.data + place, vector, count);
}

/// Bodies that write should capture by value: what they read through a reference would have to
/// be read again after each write, as the compiler cannot tell that they do not overlap.
///
/// body(place, count) for all of 0 ... length - 1: AllLanes at a time, then the rest. One body
/// serves both, so an element's value does not depend on where it is.
template <class T, class Body>
KASMINA_ALWAYS_INLINE void for_each_vector(Index length, Body&& body) {
    Index place = 0;
    for (; place + lanes<T> <= length; place += lanes<T>) body(place, AllLanes<T>{});
    if (place < length) body(place, length - place);
}

/// body(start, length) for pieces of `width` out of `elements`; the last may be shorter.
template <class Body>
KASMINA_ALWAYS_INLINE void for_each_row(Index elements, Index width, Body&& body) {
    for (Index start = 0; start < elements; start += width) {
        body(start, std::min(width, elements - start));
    }
}

/// to[i] += the lanes of a register, wider.
template <class T, class Count>
KASMINA_ALWAYS_INLINE void add_widened(double* to, Vector<T> vector, Count count) {
#if defined(__GNUC__)
    if constexpr (std::same_as<T, float> && !std::same_as<Count, Index>) {
        typedef float Half __attribute__((vector_size(vector_bytes / 2)));
        typedef double Wide __attribute__((vector_size(vector_bytes)));
        Half halves[2];
        std::memcpy(halves, &vector, sizeof(vector));
        for (Index half = 0; half < 2; ++half) {
            double* const at = to + half * lanes<double>;
            store(at, load<Wide>(at) + __builtin_convertvector(halves[half], Wide));
        }
        return;
    }
#endif
    T values[static_cast<std::size_t>(lanes<T>)];
    store(values, vector);
    for (Index i = 0; i < count; ++i) to[i] += static_cast<double>(values[i]);
}

/// How many terms of a sum are added up in a register before they go to one in double. A gradient
/// is the sum of some hundred thousand terms of either sign: in single precision what is rounded
/// away on the way would be more than what all the rest of a step does.
inline constexpr Index terms_at_once = 32;

/// Adds up, for each column i of rows of `width`, what term(at, i, count) gives for the elements
/// `at` of that column: `Sums` vectors, added to sums[i], sums[stride + i], ... in row order.
template <std::size_t Sums, class T, class Term>
KASMINA_ALWAYS_INLINE void sum_rows(Index elements, Index width, double* sums, Index stride,
                                    Term&& term) {
    const Index whole = elements - elements % width;
    const auto place = [=](Index first, std::size_t vector, std::size_t sum) {
        return first + static_cast<Index>(vector) * lanes<T> + static_cast<Index>(sum) * stride;
    };
    const auto columns = [&](Index first, auto block) {
        constexpr std::size_t vectors = decltype(block)::value;
        for (Index start = 0; start < whole; start += terms_at_once * width) {
            std::array<std::array<Vector<T>, Sums>, vectors> totals{};
            const Index end = std::min(whole, start + terms_at_once * width);
            for (Index row = start; row < end; row += width) {
                KASMINA_UNROLL
                for (std::size_t b = 0; b < vectors; ++b) {
                    const Index i = place(first, b, 0);
                    const std::array<Vector<T>, Sums> terms = term(row + i, i, AllLanes<T>{});
                    KASMINA_UNROLL
                    for (std::size_t s = 0; s < Sums; ++s) totals[b][s] += terms[s];
                }
            }
            KASMINA_UNROLL
            for (std::size_t b = 0; b < vectors; ++b) {
                KASMINA_UNROLL
                for (std::size_t s = 0; s < Sums; ++s) {
                    add_widened<T>(sums + place(first, b, s), totals[b][s], AllLanes<T>{});
                }
            }
        }
    };
    const auto rest = [&](Index at, Index i, auto count) {
        const std::array<Vector<T>, Sums> terms = term(at, i, count);
        for (std::size_t s = 0; s < Sums; ++s) {
            add_widened<T>(sums + place(i, 0, s), terms[s], count);
        }
    };
    constexpr std::integral_constant<std::size_t, 4> several;
    constexpr std::integral_constant<std::size_t, 1> one;
    constexpr Index step = 4 * lanes<T>;
    Index i = 0;
    for (; i + step <= width; i += step) columns(i, several);
    for (; i + lanes<T> <= width; i += lanes<T>) columns(i, one);
    if (i < width) {
        for (Index row = 0; row < whole; row += width) rest(row + i, i, width - i);
    }
    for_each_vector<T>(elements - whole,
                       [&](Index column, auto count) { rest(whole + column, column, count); });
}

/// The same with the elements themselves: a function of its own, because many kernels want it.
template <class T>
KASMINA_APART void sum_rows_of(const T* from, Index elements, Index width, double* sums) {
    sum_rows<1, T>(elements, width, sums, Index{0}, [=](Index at, Index, auto count) {
        return std::array{load_lanes(from + at, count)};
    });
}

/// A size in numbers, rounded up so that neighbours share no pair of cache lines.
template <class T>
[[nodiscard]] constexpr Index spaced(Index size) {
    constexpr Index line_pair = 128 / static_cast<Index>(sizeof(T));
    return (size + line_pair - 1) / line_pair * line_pair;
}

/// The width of a row of whole pixels: at least 64 numbers where there are that many pixels, so
/// that sums of neighbouring registers overlap in time.
template <class T>
[[nodiscard]] constexpr Index row_width(Index channels, Index pixels) {
    const Index step = channels % lanes<T> == 0 ? 1 : lanes<T>;
    const Index repeats = step * ((64 + step * channels - 1) / (step * channels));
    return channels * std::max<Index>(1, std::min(repeats, pixels));
}

/// row[i] = from[i % period], `width` numbers, a whole number of periods.
template <class T>
void spread(const T* from, Index period, T* row, Index width) {
    if (period == 1) {
        std::fill_n(row, width, *from);
        return;
    }
    for (Index start = 0; start < width; start += period) std::copy_n(from, period, row + start);
}

/// Repeats the first period of a row in the later ones.
template <class T>
void spread_first(T* row, Index period, Index width) {
    for (Index start = period; start < width; start += period) {
        std::copy_n(row, period, row + start);
    }
}

/// Adds the later periods of a row of sums to its first.
inline void fold(double* row, Index period, Index width) {
    for (Index start = period; start < width; start += period) {
        for (Index i = 0; i < period; ++i) row[i] += row[start + i];
    }
}

/// to[i] = the sum of the i-th number of each period of a row.
template <class T>
void fold_into(const T* row, Index period, Index width, double* to) {
    std::copy_n(row, period, to);
    for (Index start = period; start < width; start += period) {
        for (Index i = 0; i < period; ++i) to[i] += static_cast<double>(row[start + i]);
    }
}

/// emit(i, sum) with the sum of partials[chunk * stride + offset + i] over the chunks, for i <
/// width: in chunk order, so that it does not matter who computed which. Without chunks sums are 0,
/// and `partials` may be null.
template <class Emit>
void for_each_total(const double* partials, Index offset, Index chunks, Index stride, Index width,
                    Emit&& emit) {
    constexpr Index block = 16;
    for (Index first = 0; first < width; first += block) {
        const Index count = std::min(block, width - first);
        double sums[static_cast<std::size_t>(block)] = {};
        for (Index chunk = 0; chunk < chunks; ++chunk) {
            const double* partial = partials + chunk * stride + offset + first;
            for (Index i = 0; i < count; ++i) sums[i] += partial[i];
        }
        for (Index i = 0; i < count; ++i) emit(first + i, sums[i]);
    }
}

/// Puts a sum of gradients where it is wanted.
template <class T>
void put_total(const GradientTarget<T>& target, Index place, double total) {
    T& to = target.data[place];
    to = static_cast<T>(target.accumulate ? static_cast<double>(to) + total : total);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
