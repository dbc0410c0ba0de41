// Sums along a row: some terms in registers, then in double, always in the same order.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>

#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/backends/eigen/simd.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// A sum in double of what registers hold.
template <class T>
class LaneSums {
public:
    KASMINA_ALWAYS_INLINE void add(Vector<T> terms) {
#if defined(__GNUC__)
        if constexpr (std::same_as<T, float>) {
            typedef float Half __attribute__((vector_size(vector_bytes / 2)));
            Half halves[2];
            std::memcpy(halves, &terms, sizeof(terms));
            sums_ += __builtin_convertvector(halves[0], Vector<double>);
            sums_ += __builtin_convertvector(halves[1], Vector<double>);
            return;
        }
#endif
        add_each(terms, lanes<T>);
    }

    /// The first `count` lanes alone.
    KASMINA_ALWAYS_INLINE void add_each(Vector<T> terms, Index count) {
        T numbers[static_cast<std::size_t>(lanes<T>)];
        store(numbers, terms);
        for (Index i = 0; i < count; ++i) rest_ += static_cast<double>(numbers[i]);
    }

    [[nodiscard]] KASMINA_ALWAYS_INLINE double total() const {
        double numbers[static_cast<std::size_t>(lanes<double>)];
        store(numbers, sums_);
        for (Index half = lanes<double> / 2; half > 0; half /= 2) {
            for (Index i = 0; i < half; ++i) numbers[i] += numbers[i + half];
        }
        return numbers[0] + rest_;
    }

private:
    Vector<double> sums_{};
    double rest_ = 0.0;
};

/// The sum of what term(column, count) gives for each register of a row.
template <class T, class Term>
[[nodiscard]] KASMINA_ALWAYS_INLINE double sum_over_row(Index columns, Term&& term) {
    constexpr std::size_t several = 4;
    constexpr Index step = static_cast<Index>(several) * lanes<T>;
    LaneSums<T> sums;
    Index column = 0;
    while (column + step <= columns) {
        // As many terms of a lane as elsewhere go into one before it is widened.
        Vector<T> totals[several] = {};
        const Index blocks =
            std::min<Index>(terms_at_once / static_cast<Index>(several), (columns - column) / step);
        for (Index block = 0; block < blocks; ++block, column += step) {
            KASMINA_UNROLL
            for (std::size_t i = 0; i < several; ++i) {
                totals[i] += term(column + static_cast<Index>(i) * lanes<T>, AllLanes<T>{});
            }
        }
        sums.add((totals[0] + totals[1]) + (totals[2] + totals[3]));
    }
    for (; column + lanes<T> <= columns; column += lanes<T>) sums.add(term(column, AllLanes<T>{}));
    if (column < columns) sums.add_each(term(column, columns - column), columns - column);
    return sums.total();
}

/// The sum of `length` numbers next to each other.
template <class T>
[[nodiscard]] double sum_of_run(const T* from, Index length) {
    return sum_over_row<T>(length,
                           [=](Index i, auto count) { return load_lanes(from + i, count); });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
