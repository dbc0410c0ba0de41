// Embedding: rows copied out of a table, and gradients summed back, columns over the threads.
#pragma once

#include <algorithm>
#include <limits>

#include <kasmina/backend/embedding.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/rows.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

template <class T>
void embedding(Context& context, const Embedding<T>& call) {
    const Index rows_per_chunk = std::max<Index>(1, 16384 / std::max<Index>(1, call.width));
    context.parallel_for((call.count + rows_per_chunk - 1) / rows_per_chunk, [&](Index chunk) {
        const Index last = std::min(call.count, (chunk + 1) * rows_per_chunk);
        for (Index i = chunk * rows_per_chunk; i < last; ++i) {
            const Index id = call.ids[i];
            T* const to = call.y + i * call.width;
            if (id >= 0 && id < call.rows) {
                std::copy_n(call.table + id * call.width, call.width, to);
            } else {
                std::fill_n(to, call.width, std::numeric_limits<T>::quiet_NaN());
            }
        }
    });
}

/// A chunk is a range of columns, for which all ids are gone through in order: no two chunks write
/// the same place, and each sum runs in the order of the ids.
template <class T>
void embedding_pullback(Context& context, const EmbeddingPullback<T>& call) {
    if (!call.grad_table) return;
    constexpr Index columns_per_chunk = 64;
    const Index width = call.width;
    context.parallel_for((width + columns_per_chunk - 1) / columns_per_chunk, [&](Index chunk) {
        const Index first = chunk * columns_per_chunk;
        const Index columns = std::min(columns_per_chunk, width - first);
        T* const table = call.grad_table.data + first;
        if (!call.grad_table.accumulate) {
            for (Index row = 0; row < call.rows; ++row) {
                std::fill_n(table + row * width, columns, T{0});
            }
        }
        for (Index i = 0; i < call.count; ++i) {
            const Index id = call.ids[i];
            if (id < 0 || id >= call.rows) continue;
            T* const to = table + id * width;
            const T* const from = call.grad_y + i * width + first;
            for_each_vector<T>(columns, [=](Index c, auto count) {
                add_lanes(to + c, load_lanes(from + c, count), count);
            });
        }
    });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
