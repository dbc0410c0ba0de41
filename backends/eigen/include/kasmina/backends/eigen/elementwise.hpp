// Copy, fill and add: memory at its own speed, in fixed blocks over the threads.
#pragma once

#include <algorithm>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/rows.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// body(start, length) for blocks of 0 ... size - 1, in parallel.
template <class Body>
void parallel_blocks(Context& context, Index size, Body&& body) {
    constexpr Index block = 16384;
    context.parallel_for((size + block - 1) / block, [&](Index chunk) {
        body(chunk * block, std::min(block, size - chunk * block));
    });
}

template <class T>
void copy(Context& context, const T* from, T* to, Index size) {
    parallel_blocks(context, size, [&](Index start, Index length) {
        std::copy_n(from + start, length, to + start);
    });
}

template <class T>
void fill(Context& context, T* to, Index size, T value) {
    parallel_blocks(context, size,
                    [&](Index start, Index length) { std::fill_n(to + start, length, value); });
}

/// A sum of nothing: zeros, or nothing is added.
template <class T>
void put_zeros(Context& context, const GradientTarget<T>& to, Index size) {
    if (!to.accumulate) fill(context, to.data, size, T{0});
}

/// to += from.
template <class T>
void add(Context& context, const T* from, T* to, Index size) {
    parallel_blocks(context, size, [&](Index start, Index length) {
        for_each_vector<T>(length, [=](Index i, auto count) {
            add_lanes(to + start + i, load_lanes(from + start + i, count), count);
        });
    });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
