// Mean cross-entropy of logits with integer targets, from the definition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <xtensor/xsort.hpp>

#include <kasmina/backends/xtensor/storage.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::xtensor_detail {

/// The distribution that each row of logits should show.
template <class T>
struct Wanted {
    xt::xtensor<T, 2> probabilities;  ///< (rows, classes); zero for ignored rows
    xt::xtensor<T, 2> counts;         ///< (rows, 1): 1, or 0 for ignored rows
    T rows{0};                        ///< that are not ignored

    /// (1 - smoothing) * one-hot + smoothing / classes.
    Wanted(Index of_rows, Index classes, const CrossEntropyOptions& options,
           std::span<const std::int32_t> targets)
        : probabilities(xt::zeros<T>({of_rows, classes})), counts(xt::zeros<T>({of_rows, Index{1}})) {
        const double even = options.label_smoothing / static_cast<double>(classes);
        for (Index row = 0; row < of_rows; ++row) {
            const std::int32_t target = targets[static_cast<std::size_t>(row)];
            if (target == options.ignore_index) continue;
            for (Index c = 0; c < classes; ++c) {
                const double own = c == target ? 1.0 - options.label_smoothing : 0.0;
                probabilities(row, c) = static_cast<T>(own + even);
            }
            counts(row, 0) = T{1};
            rows += T{1};
        }
    }
};

/// Capability: LossBackend.
template <class T>
struct Losses {
    /// loss = -sum(wanted * log softmax(logits)) / rows; 0 where every row is ignored.
    static void cross_entropy(Context&, Index rows, Index classes,
                              const CrossEntropyOptions& options, const T* logits,
                              std::span<const std::int32_t> targets, T* probabilities, T* loss) {
        using Array = xt::xtensor<T, 2>;
        const Wanted<T> wanted(rows, classes, options, targets);
        const auto in = view(logits, rows, classes);
        const Array highest = xt::amax(in, {1}, xt::keep_dims);
        const Array total = xt::sum(xt::exp(in - highest), {1}, xt::keep_dims);
        const Array log_softmax = in - highest - xt::log(total);
        view(probabilities, rows, classes) = xt::exp(log_softmax);

        // A class that is not wanted may have probability 0.
        const Array parts =
            xt::where(xt::equal(wanted.probabilities, T{0}), T{0},
                      wanted.probabilities * log_softmax);
        *loss = wanted.rows > T{0} ? -static_cast<T>(xt::sum(parts)()) / wanted.rows : T{0};
    }

    static void cross_entropy_pullback(Context&, Index rows, Index classes,
                                       const CrossEntropyOptions& options, const T* probabilities,
                                       std::span<const std::int32_t> targets, const T* scale,
                                       const GradientTarget<T>& to) {
        const Wanted<T> wanted(rows, classes, options, targets);
        const T factor = wanted.rows > T{0} ? *scale / wanted.rows : T{0};
        put<T, 2>(to, factor * (wanted.counts * view(probabilities, rows, classes) -
                                wanted.probabilities));
    }

    static Index count_correct(Context&, Index rows, Index classes, const T* logits,
                               std::span<const std::int32_t> targets) {
        const xt::xtensor<std::size_t, 1> best = xt::argmax(view(logits, rows, classes), 1);
        Index correct = 0;
        for (std::size_t row = 0; row < best.size(); ++row) {
            if (static_cast<std::int32_t>(best(row)) == targets[row]) ++correct;
        }
        return correct;
    }
};

}  // namespace kasmina::backends::xtensor_detail
