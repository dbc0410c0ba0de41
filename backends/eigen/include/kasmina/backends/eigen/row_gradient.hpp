// Rows of a gradient: look-ups sorted by id and summed, runs of equal ids over the threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include <kasmina/backend/row_gradient.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/elementwise.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/rows.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// How many rows of a width make a piece of work.
[[nodiscard]] inline Index rows_of_a_piece(Index width) {
    return std::max<Index>(1, 16384 / std::max<Index>(1, width));
}

/// body(first, last) for pieces of `count` rows of a width, in parallel.
template <class Body>
void for_row_pieces(Context& context, Index count, Index width, Body&& body) {
    const Index each = rows_of_a_piece(width);
    context.parallel_for((count + each - 1) / each, [&](Index piece) {
        body(piece * each, std::min(count, (piece + 1) * each));
    });
}

/// A look-up is a number: its id above, its place among the look-ups below; sorted, equal ids are
/// neighbours in their order. A piece sums the runs that begin in it, and so goes on behind its end
/// where a run does: nobody else writes into that run's places.
template <class T>
void embedding_pullback_rows(Context& context, const EmbeddingPullbackRows<T>& call) {
    constexpr unsigned place_bits = 32;
    constexpr std::uint64_t low_bits = 0xffffffffU;
    constexpr std::uint64_t no_row = low_bits;  // behind all others
    const Index count = call.count;
    Buffer<std::uint64_t> sorted = context.buffer<std::uint64_t>(count);
    std::uint64_t* const keys = sorted.data();
    for (Index i = 0; i < count; ++i) {
        const Index id = call.ids[i];
        const bool known = id >= 0 && id < call.rows;
        keys[i] = ((known ? static_cast<std::uint64_t>(id) : no_row) << place_bits) |
                  static_cast<std::uint64_t>(i);
    }
    std::sort(keys, keys + count, [](std::uint64_t a, std::uint64_t b) { return a < b; });
    const auto id_at = [keys](Index place) { return keys[place] >> place_bits; };
    const auto begins_run = [id_at](Index place) {
        return place == 0 || id_at(place - 1) != id_at(place);
    };
    const Index width = call.width;
    for_row_pieces(context, count, width, [=, &call](Index first, Index last) {
        while (first < last && !begins_run(first)) ++first;
        if (first == last) return;
        T* sum = nullptr;
        for (Index place = first; place < count && (place < last || !begins_run(place)); ++place) {
            const std::uint64_t id = id_at(place);
            const bool holds_row = id != no_row && begins_run(place);
            T* const here = call.values + place * width;
            call.row_ids[place] = holds_row ? static_cast<std::int32_t>(id) : -1;
            std::fill_n(here, width, T{0});
            if (id == no_row) continue;
            if (holds_row) sum = here;
            const T* const from = call.grad_y + static_cast<Index>(keys[place] & low_bits) * width;
            for_each_vector<T>(width, [=](Index c, auto lanes) {
                add_lanes(sum + c, load_lanes(from + c, lanes), lanes);
            });
        }
    });
}

template <class T>
void rows_to_dense(Context& context, const RowsToDense<T>& call) {
    const auto& [rows, width, count, ids, values] = call.gradient;
    fill(context, call.dense, rows * width, T{0});
    for (Index place = 0; place < count; ++place) {
        if (ids[place] < 0) continue;
        std::copy_n(values + place * width, width, call.dense + ids[place] * width);
    }
}

template <class T>
void sgd_row_step(Context& context, const SgdRowStep<T>& step) {
    const T rate = static_cast<T>(step.learning_rate);
    const GradientRows<T>& gradient = step.gradient;
    const Index width = gradient.width;
    for_row_pieces(context, gradient.count, width, [&](Index first, Index last) {
        for (Index place = first; place < last; ++place) {
            if (gradient.ids[place] < 0) continue;
            T* const to = step.value + gradient.ids[place] * width;
            const T* const from = gradient.values + place * width;
            for_each_vector<T>(width, [=](Index c, auto lanes) {
                store_lanes(to + c, load_lanes(to + c, lanes) - load_lanes(from + c, lanes) * rate,
                            lanes);
            });
        }
    });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
