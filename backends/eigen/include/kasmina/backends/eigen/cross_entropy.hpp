// Mean cross-entropy of logits with integer targets, its pullback, and the count of hits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// Rows per chunk of parallel work.
inline constexpr Index loss_rows = 16;

[[nodiscard]] inline Index count_targets(std::span<const std::int32_t> targets,
                                         std::int32_t ignored) {
    return static_cast<Index>(targets.size()) -
           static_cast<Index>(std::count(targets.begin(), targets.end(), ignored));
}

/// Writes softmax rows to `probabilities` and the mean over rows that are not ignored to `loss`.
/// With nothing to average the loss is 0 (PyTorch: NaN), so that an empty batch harms nobody.
template <class T>
void cross_entropy(Context& context, Index rows, Index classes, const CrossEntropyOptions& options,
                   const T* logits, std::span<const std::int32_t> targets, T* probabilities,
                   T* loss) {
    Buffer<double> losses = context.buffer<double>(rows);
    context.parallel_for((rows + loss_rows - 1) / loss_rows, [&](Index chunk) {
        const Index end = std::min(rows, (chunk + 1) * loss_rows);
        for (Index i = chunk * loss_rows; i < end; ++i) {
            const T* row = logits + i * classes;
            T* out = probabilities + i * classes;
            const T highest = *std::max_element(row, row + classes);
            double total = 0.0;
            for (Index c = 0; c < classes; ++c) {
                out[c] = std::exp(row[c] - highest);
                total += static_cast<double>(out[c]);
            }
            const T share = static_cast<T>(1.0 / total);
            for (Index c = 0; c < classes; ++c) out[c] *= share;

            const std::int32_t target = targets[static_cast<std::size_t>(i)];
            losses.data()[i] = 0.0;
            if (target == options.ignore_index) continue;
            const double log_total = std::log(total) + static_cast<double>(highest);
            const double own = log_total - static_cast<double>(row[target]);
            double mean = 0.0;
            if (options.label_smoothing > 0.0) {
                for (Index c = 0; c < classes; ++c) {
                    mean += log_total - static_cast<double>(row[c]);
                }
                mean /= static_cast<double>(classes);
            }
            losses.data()[i] =
                (1.0 - options.label_smoothing) * own + options.label_smoothing * mean;
        }
    });
    double sum = 0.0;
    for (Index i = 0; i < rows; ++i) sum += losses.data()[i];
    const Index counted = count_targets(targets, options.ignore_index);
    *loss = counted == 0 ? T{0} : static_cast<T>(sum / static_cast<double>(counted));
}

template <class T>
void cross_entropy_pullback(Context& context, Index rows, Index classes,
                            const CrossEntropyOptions& options, const T* probabilities,
                            std::span<const std::int32_t> targets, const T* scale,
                            const GradientTarget<T>& target) {
    if (!target) return;
    const Index counted = count_targets(targets, options.ignore_index);
    const T factor = counted == 0 ? T{0} : *scale / static_cast<T>(counted);
    const T spread = static_cast<T>(options.label_smoothing / static_cast<double>(classes));
    const T own = static_cast<T>(1.0 - options.label_smoothing);
    context.parallel_for((rows + loss_rows - 1) / loss_rows, [&](Index chunk) {
        const Index end = std::min(rows, (chunk + 1) * loss_rows);
        for (Index i = chunk * loss_rows; i < end; ++i) {
            const std::int32_t label = targets[static_cast<std::size_t>(i)];
            const bool ignored = label == options.ignore_index;
            for (Index c = 0; c < classes; ++c) {
                const T wanted = spread + (c == label ? own : T{0});
                const T value =
                    ignored ? T{0} : (probabilities[i * classes + c] - wanted) * factor;
                T& to = target.data[i * classes + c];
                to = target.accumulate ? to + value : value;
            }
        }
    });
}

/// Rows whose first greatest logit is the target's.
template <class T>
[[nodiscard]] Index count_correct(Index rows, Index classes, const T* logits,
                                  std::span<const std::int32_t> targets) {
    Index correct = 0;
    for (Index i = 0; i < rows; ++i) {
        const T* row = logits + i * classes;
        const Index best = std::max_element(row, row + classes) - row;
        if (best == targets[static_cast<std::size_t>(i)]) ++correct;
    }
    return correct;
}

}  // namespace kasmina::backends::eigen_detail
