// Mean cross-entropy of logits with label smoothing and ignored rows, and its pullback.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/pack.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Rows of (rows, classes) per chunk of work.
[[nodiscard]] constexpr Index loss_rows_per_chunk(Index classes) {
    return std::max<Index>(1, 8192 / std::max<Index>(1, classes));
}

[[nodiscard]] inline Index counted_rows(std::span<const std::int32_t> targets,
                                        std::int32_t ignore_index) {
    return std::ssize(targets) - std::count(targets.begin(), targets.end(), ignore_index);
}

/// What log softmax(logits) of one row is: logits - most - log_sum. The two stay apart: between
/// equal huge logits log_sum is all that counts, and it would drown in `most`.
struct Normaliser {
    double most;
    double log_sum;
};

/// probabilities = softmax(logits) of one row.
template <class T>
[[nodiscard]] Normaliser softmax_row(Index classes, const T* logits, T* probabilities) {
    T most = logits[0];
    for (Index c = 1; c < classes; ++c) most = std::max(most, logits[c]);
    for_each_vector<T>(classes, [=](Index c, auto count) {
        const Pack<T> shifted(load_lanes(logits + c, count) - most);
        store_lanes(probabilities + c, math::exp(shifted).values, count);
    });
    double sum = 0.0;
    for (Index c = 0; c < classes; ++c) sum += static_cast<double>(probabilities[c]);
    const T factor = static_cast<T>(1.0 / sum);
    for (Index c = 0; c < classes; ++c) probabilities[c] *= factor;
    return {static_cast<double>(most), std::log(sum)};
}

/// `loss` = the mean over rows that are not ignored; 0 where all are (PyTorch: NaN), so that a
/// batch without targets moves nothing. `probabilities` receives the softmax of all rows.
template <class T>
void cross_entropy(Context& context, Index rows, Index classes, const CrossEntropyOptions& options,
                   const T* logits, std::span<const std::int32_t> targets, T* probabilities,
                   T* loss) {
    const Index rows_per_chunk = loss_rows_per_chunk(classes);
    const Index chunks = (rows + rows_per_chunk - 1) / rows_per_chunk;
    const double smoothing = options.label_smoothing;
    Buffer<double> partials = context.buffer<double>(chunks);
    context.parallel_for(chunks, [&](Index chunk) {
        double sum = 0.0;
        const Index last = std::min(rows, (chunk + 1) * rows_per_chunk);
        for (Index row = chunk * rows_per_chunk; row < last; ++row) {
            const T* x = logits + row * classes;
            const Normaliser normaliser = softmax_row(classes, x, probabilities + row * classes);
            const std::int32_t target = targets[static_cast<std::size_t>(row)];
            if (target == options.ignore_index) continue;
            double expected = static_cast<double>(x[target]);
            if (smoothing > 0.0) {
                double total = 0.0;
                for (Index c = 0; c < classes; ++c) total += static_cast<double>(x[c]);
                expected += smoothing * (total / static_cast<double>(classes) - expected);
            }
            sum += normaliser.log_sum - (expected - normaliser.most);
        }
        partials.data()[chunk] = sum;
    });
    double total = 0.0;
    for (Index chunk = 0; chunk < chunks; ++chunk) total += partials.data()[chunk];
    const Index counted = counted_rows(targets, options.ignore_index);
    *loss = static_cast<T>(counted == 0 ? 0.0 : total / static_cast<double>(counted));
}

/// The gradient of the logits: scale / counted rows * (probabilities - smoothed targets); 0 in
/// ignored rows.
template <class T>
void cross_entropy_pullback(Context& context, Index rows, Index classes,
                            const CrossEntropyOptions& options, const T* probabilities,
                            std::span<const std::int32_t> targets, const T* scale,
                            const GradientTarget<T>& grad_logits) {
    if (!grad_logits) return;
    const Index rows_per_chunk = loss_rows_per_chunk(classes);
    const Index counted = counted_rows(targets, options.ignore_index);
    const T factor = *scale / static_cast<T>(std::max<Index>(1, counted));
    const T floor = static_cast<T>(options.label_smoothing / static_cast<double>(classes));
    const T top = static_cast<T>(1.0 - options.label_smoothing);
    context.parallel_for((rows + rows_per_chunk - 1) / rows_per_chunk, [&](Index chunk) {
        const Index last = std::min(rows, (chunk + 1) * rows_per_chunk);
        for (Index row = chunk * rows_per_chunk; row < last; ++row) {
            T* to = grad_logits.data + row * classes;
            const std::int32_t target = targets[static_cast<std::size_t>(row)];
            if (target == options.ignore_index) {
                if (!grad_logits.accumulate) std::fill_n(to, classes, T{0});
                continue;
            }
            for_each_vector<T>(classes, [=](Index c, auto count) {
                const Vector<T> difference =
                    load_lanes(probabilities + row * classes + c, count) - floor;
                put_lanes(grad_logits, row * classes + c, difference * factor, count);
            });
            to[target] -= top * factor;
        }
    });
}

/// How many rows have their maximum at the target; of equals the first is the maximum, and a row
/// with a NaN has none. Ignored (negative) targets count as wrong.
template <class T>
[[nodiscard]] Index count_correct(Context&, Index rows, Index classes, const T* logits,
                                  std::span<const std::int32_t> targets) {
    Index correct = 0;
    for (Index row = 0; row < rows; ++row) {
        const T* x = logits + row * classes;
        const std::int32_t target = targets[static_cast<std::size_t>(row)];
        if (target < 0) continue;
        bool greatest = true;
        for (Index c = 0; c < classes; ++c) {
            greatest = greatest && (c < target ? x[target] > x[c] : x[target] >= x[c]);
        }
        correct += greatest ? 1 : 0;
    }
    return correct;
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
