// Uniform numbers and dropout: in blocks over the threads, each word from its place in the range.
#pragma once

#include <cstdint>

#include <kasmina/backend/dropout.hpp>
#include <kasmina/backend/random.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/elementwise.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

template <class T>
void fill_uniform(Context& context, const RandomRange& range, double low, double high, T* to,
                  Index count) {
    parallel_blocks(context, count, [&](Index start, Index length) {
        RandomWords words(range, static_cast<std::uint64_t>(2 * start));
        for (Index i = start; i < start + length; ++i) {
            const std::uint32_t first = words.next();
            to[i] = static_cast<T>(stretched(uniform53(first, words.next()), low, high));
        }
    });
}

/// put(i, factor, kept) for each value: 1 / (1 - rate), and whether it is kept.
template <class T, class Call, class Put>
void for_each_dropout(Context& context, const Call& call, Put&& put) {
    const std::uint32_t threshold = dropout_threshold(call.rate);
    const T factor = static_cast<T>(1.0 / (1.0 - call.rate));
    parallel_blocks(context, call.count, [&](Index start, Index length) {
        RandomWords words(call.range, static_cast<std::uint64_t>(start));
        for (Index i = start; i < start + length; ++i) put(i, factor, words.next() >= threshold);
    });
}

template <class T>
void dropout(Context& context, const Dropout<T>& call) {
    for_each_dropout<T>(context, call, [&call](Index i, T factor, bool kept) {
        call.y[i] = kept ? call.x[i] * factor : T{0};
    });
}

template <class T>
void dropout_pullback(Context& context, const DropoutPullback<T>& call) {
    if (!call.grad_x) return;
    for_each_dropout<T>(context, call, [&call](Index i, T factor, bool kept) {
        const T gradient = kept ? call.grad_y[i] * factor : T{0};
        T& to = call.grad_x.data[i];
        to = call.grad_x.accumulate ? to + gradient : gradient;
    });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
