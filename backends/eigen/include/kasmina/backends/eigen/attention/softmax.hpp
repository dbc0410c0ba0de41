// The softmax of attention: a few rows of a tile at a time, rescaled as larger scores turn up.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backends/eigen/attention/rule.hpp>
#include <kasmina/backends/eigen/elementary.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The lanes of a register brought together by op(a, b), a function of registers of any width:
/// halves, and so on.
template <class T, int Bytes = vector_bytes, class V, class Op>
[[nodiscard]] KASMINA_ALWAYS_INLINE T reduced(V vector, Op&& op) {
#if defined(__GNUC__)
    if constexpr (Bytes > 16) {
        typedef T Half __attribute__((vector_size(Bytes / 2)));
        Half halves[2];
        std::memcpy(halves, &vector, sizeof(vector));
        return reduced<T, Bytes / 2>(op(halves[0], halves[1]), op);
    } else {
        T result = vector[0];
        for (std::size_t i = 1; i < sizeof(V) / sizeof(T); ++i) result = op(result, T{vector[i]});
        return result;
    }
#else
    return vector;
#endif
}

/// e to powers of at most about 0: half the work of elementary::exp. Powers below the least whose
/// result is a normal number are taken for that.
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Vector<T> exp_of_at_most_zero(Vector<T> x) {
#if defined(__GNUC__)
    if constexpr (std::same_as<T, float>) {
        using F = elementary::Format<T>;
        const Vector<T> least = elementary::all<T>(-87.0F);
        const Vector<T> held = x < least ? least : x;
        constexpr T large = T{3} * static_cast<T>(std::int64_t{1} << (F::fraction - 1));
        Vector<T> rounded = held * 1.44269504088896340736F + large;
#if defined(__x86_64__)
        asm("" : "+x"(rounded));  // else -ffast-math takes the sum apart again
#endif
        const Vector<T> whole = rounded - large;
        // 2 to the whole power, from its last bits; a NaN has some, and stays one as a factor.
        constexpr std::int32_t offset = F::bias - std::bit_cast<std::int32_t>(large);
        const auto power = elementary::same_bits<Vector<T>>(
            (elementary::same_bits<elementary::BitVector<T>>(rounded) + offset) << F::fraction);
        const Vector<T> r = held - whole * F::ln2_high - whole * F::ln2_low;
        Vector<T> result =
            elementary::polynomial(r, 1.9875691500e-4F, 1.3981999507e-3F, 8.3334519073e-3F,
                                   4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F);
        result = result * (r * r) + r + 1.0F;
        return result * power;
    } else {
        return elementary::exp<T>(x);
    }
#else
    return elementary::exp<T>(x);
#endif
}

/// Rows that are being summed: the largest score so far, and the sum of e to what scores are below
/// it, a register of partial sums for each row.
template <class T>
struct RunningRows {
    T* most;
    T* sums;

    void clear(Index rows) const {
        std::fill_n(most, rows, std::numeric_limits<T>::lowest());
        std::fill_n(sums, rows * lanes<T>, T{0});
    }
    [[nodiscard]] RunningRows from(Index row) const { return {most + row, sums + row * lanes<T>}; }
    [[nodiscard]] T sum(Index row) const {
        return reduced<T>(load<Vector<T>>(sums + row * lanes<T>),
                          [](const auto& a, const auto& b) { return a + b; });
    }
};

/// Turns scores of some rows into e to what they are below the largest, and gives by what all that
/// was summed before is to be multiplied. `kept`, or null where all are.
template <bool Masked, class T>
void soften(Index rows, Columns columns, const T* kept, T* scores, const RunningRows<T>& running,
            T* factors) {
    constexpr Index tile = attention_tile;
    const Vector<T> lowest = elementary::all<T>(std::numeric_limits<T>::lowest());
    for (Index r = 0; r < rows; ++r) {
        T* const row = scores + r * tile;
        Vector<T> largest = lowest;
        for (Index j = columns.begin; j < columns.end; j += lanes<T>) {
            Vector<T> x = load<Vector<T>>(row + j);
            if constexpr (Masked) {
                x = load<Vector<T>>(kept + r * tile + j) != Vector<T>{} ? x : lowest;
                store(row + j, x);
            }
            largest = x > largest ? x : largest;
        }
        const T most = std::max(
            running.most[r],
            reduced<T>(largest, [](const auto& a, const auto& b) { return a > b ? a : b; }));
        factors[r] = running.most[r] - most;
        running.most[r] = most;
    }
    for (Index r = rows; r % lanes<T> != 0; ++r) factors[r] = T{0};
    for (Index r = 0; r < rows; r += lanes<T>) {
        store(factors + r, exp_of_at_most_zero<T>(load<Vector<T>>(factors + r)));
    }
    for (Index r = 0; r < rows; ++r) {
        T* const row = scores + r * tile;
        const T most = running.most[r];
        Vector<T> sum = load<Vector<T>>(running.sums + r * lanes<T>) * factors[r];
        for (Index j = columns.begin; j < columns.end; j += lanes<T>) {
            Vector<T> p = exp_of_at_most_zero<T>(load<Vector<T>>(row + j) - most);
            if constexpr (Masked) {
                p = load<Vector<T>>(kept + r * tile + j) != Vector<T>{} ? p : Vector<T>{};
            }
            store(row + j, p);
            sum += p;
        }
        store(running.sums + r * lanes<T>, sum);
    }
}

/// Turns scores of some rows into probabilities, and the gradients of probabilities into those of
/// scaled products: p = e^(s - log sum), g = p * (g - mean) * slope. `slopes` is null for 1.
template <bool Masked, class T>
void pull_back_softmax(Index rows, Columns columns, const T* kept, const T* log_sums,
                       const T* means, const T* slopes, T* scores, T* gradients) {
    constexpr Index tile = attention_tile;
    for (Index r = 0; r < rows; ++r) {
        const T log_sum = log_sums[r];
        const T mean = means[r];
        for (Index j = columns.begin; j < columns.end; j += lanes<T>) {
            const Index at = r * tile + j;
            Vector<T> p = exp_of_at_most_zero<T>(load<Vector<T>>(scores + at) - log_sum);
            Vector<T> g = load<Vector<T>>(gradients + at) - mean;
            if (slopes != nullptr) g *= load<Vector<T>>(slopes + at);
            g *= p;
            if constexpr (Masked) {
                const auto keeps = load<Vector<T>>(kept + at) != Vector<T>{};
                p = keeps ? p : Vector<T>{};
                g = keeps ? g : Vector<T>{};
            }
            store(scores + at, p);
            store(gradients + at, g);
        }
    }
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
