// AttentionRule: a mask and a score whose types are forgotten, asked for a few rows at a time.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>

#include <kasmina/attention/scores.hpp>
#include <kasmina/backend/attention.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/pack.hpp>
#include <kasmina/backends/eigen/simd.hpp>
#include <kasmina/pointwise/dual.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Columns of a tile, in whole registers.
struct Columns {
    Index begin = 0;
    Index end = 0;

    [[nodiscard]] Index size() const { return end - begin; }
};

/// Some rows of a tile: which queries, which keys. Blocks of numbers for it are attention_tile
/// wide.
struct TileRows {
    Index batch = 0;
    Index head = 0;
    Index position = 0;  ///< of the first query
    Index rows = 0;
    Index key = 0;   ///< the first
    Index keys = 0;  ///< that exist
};

/// All that is compiled for each mask and score of a program is what these point to.
template <class T>
struct AttentionRule {
    const void* mask;
    const void* score;
    /// Writes 1 for what is kept and 0 for the rest, and gives the columns that hold all that is.
    Columns (*keep)(const void* mask, const TileRows& rows, T* kept);
    /// Turns scaled products into scores. Null where they are that already.
    void (*apply)(const void* score, const TileRows& rows, Columns columns, T* scores);
    /// The same, and the derivatives.
    void (*differentiate)(const void* score, const TileRows& rows, Columns columns, T* scores,
                          T* slopes);
};

namespace attention_rule {

template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE bool any_above_zero(Vector<T> vector) {
    T numbers[static_cast<std::size_t>(lanes<T>)];
    store(numbers, vector);
    T sum{0};
    for (const T number : numbers) sum += number;
    return sum > T{0};
}

/// `kept` holds, for each row, which of the keys it sees.
template <class T>
[[nodiscard]] KASMINA_APART inline Columns columns_kept(Index rows, const T* kept) {
    constexpr Index tile = attention_tile;
    Columns columns;
    for (Index j = 0; j < tile; j += lanes<T>) {
        Vector<T> sum{};
        for (Index r = 0; r < rows; ++r) sum += load<Vector<T>>(kept + r * tile + j);
        if (!any_above_zero<T>(sum)) continue;
        if (columns.end == 0) columns.begin = j;
        columns.end = j + lanes<T>;
    }
    return columns;
}

template <class T, class Mask>
Columns keep(const void* held, const TileRows& rows, T* kept) {
    constexpr Index tile = attention_tile;
    const Mask mask = *static_cast<const Mask*>(held);
    const TileRows at = rows;  // addresses that do not change with what is written
    for (Index r = 0; r < at.rows; ++r) {
        T* const row = kept + r * tile;
        for (Index j = 0; j < at.keys; ++j) {
            row[j] = mask(at.batch, at.head, at.position + r, at.key + j) ? T{1} : T{0};
        }
        for (Index j = at.keys; j < tile; ++j) row[j] = T{0};
    }
    return columns_kept(at.rows, kept);
}

/// 0, 1, 2, ...
template <class T>
[[nodiscard]] KASMINA_ALWAYS_INLINE Pack<T> lane_numbers() {
    T numbers[static_cast<std::size_t>(lanes<T>)];
    for (Index i = 0; i < lanes<T>; ++i) numbers[i] = static_cast<T>(i);
    return Pack<T>(load<Vector<T>>(numbers));
}

/// body(place, query, key) for each register of the block, with the positions as numbers.
template <class T, class Body>
KASMINA_ALWAYS_INLINE void for_each_score(const TileRows& rows, Columns columns, Body&& body) {
    const TileRows at = rows;
    const Pack<T> numbers = lane_numbers<T>();
    for (Index r = 0; r < at.rows; ++r) {
        const Pack<T> query(static_cast<T>(at.position + r));
        for (Index j = columns.begin; j < columns.end; j += lanes<T>) {
            body(r * attention_tile + j, query, numbers + static_cast<T>(at.key + j));
        }
    }
}

template <class T, class Score>
void apply(const void* held, const TileRows& rows, Columns columns, T* scores) {
    const Score score = *static_cast<const Score*>(held);
    const Index batch = rows.batch;
    const Index head = rows.head;
    for_each_score<T>(rows, columns, [=](Index place, const Pack<T>& query, const Pack<T>& key) {
        const Pack<T> product(load<Vector<T>>(scores + place));
        store(scores + place, score(product, batch, head, query, key).values);
    });
}

template <class T, class Score>
void differentiate(const void* held, const TileRows& rows, Columns columns, T* scores, T* slopes) {
    using Number = Dual<Pack<T>, 1>;
    const Score score = *static_cast<const Score*>(held);
    const Index batch = rows.batch;
    const Index head = rows.head;
    for_each_score<T>(rows, columns, [=](Index place, const Pack<T>& query, const Pack<T>& key) {
        const Number product = Number::variable(Pack<T>(load<Vector<T>>(scores + place)), 0);
        const Number result = score(product, batch, head, Number(query), Number(key));
        store(scores + place, result.value.values);
        store(slopes + place, result.derivatives[0].values);
    });
}

}  // namespace attention_rule

/// Refers to mask and score, which outlive it.
template <class T, class Mask, class Score>
[[nodiscard]] AttentionRule<T> attention_rule_of(const Mask& mask, const Score& score) {
    AttentionRule<T> rule{&mask, &score, &attention_rule::keep<T, Mask>, nullptr, nullptr};
    if constexpr (!std::same_as<Score, scores::None>) {
        rule.apply = &attention_rule::apply<T, Score>;
        rule.differentiate = &attention_rule::differentiate<T, Score>;
    }
    return rule;
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
