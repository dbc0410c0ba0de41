// Mean cross-entropy of logits with integer targets, from the definition.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include <kasmina/backends/xtensor/storage.hpp>
#include <kasmina/backends/xtensor/view.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: LossBackend.
template <class T>
struct Losses {
    /// loss = -sum(wanted * log softmax(logits)) / rows that count; 0 where none counts.
    static void cross_entropy(Context&, Index rows, Index classes,
                              const CrossEntropyOptions& options, const T* logits,
                              std::span<const std::int32_t> targets, T* probabilities, T* loss) {
        const auto in = view(logits, rows, classes);
        auto out = view(probabilities, rows, classes);
        const xt::xtensor<T, 1> highest = xt::amax(in, {1});
        T sum{0};
        T counted{0};
        for (Index row = 0; row < rows; ++row) {
            T total{0};
            for (Index c = 0; c < classes; ++c) total += std::exp(in(row, c) - highest(row));
            const std::int32_t target = targets[static_cast<std::size_t>(row)];
            if (target != options.ignore_index) counted += T{1};
            for (Index c = 0; c < classes; ++c) {
                const T log_softmax = in(row, c) - highest(row) - std::log(total);
                out(row, c) = std::exp(log_softmax);
                // A class that is not wanted may have probability 0, and the logarithm of that.
                const T share = wanted(options, classes, target, c);
                if (share > T{0}) sum -= share * log_softmax;
            }
        }
        *loss = counted > T{0} ? sum / counted : T{0};
    }

    /// (softmax - wanted) * scale / rows that count; 0 for rows that do not.
    static void cross_entropy_pullback(Context&, Index rows, Index classes,
                                       const CrossEntropyOptions& options, const T* probabilities,
                                       std::span<const std::int32_t> targets, const T* scale,
                                       const GradientTarget<T>& to) {
        const auto ignored = std::count(targets.begin(), targets.end(), options.ignore_index);
        const T counted = static_cast<T>(rows - ignored);
        const auto softmax = view(probabilities, rows, classes);
        xt::xtensor<T, 2> gradient = xt::zeros<T>({rows, classes});
        for (Index row = 0; row < rows; ++row) {
            const std::int32_t target = targets[static_cast<std::size_t>(row)];
            if (target == options.ignore_index) continue;
            for (Index c = 0; c < classes; ++c) {
                gradient(row, c) =
                    (softmax(row, c) - wanted(options, classes, target, c)) * *scale / counted;
            }
        }
        put(to, gradient);
    }

    /// Rows whose first greatest logit is the target's.
    static Index count_correct(Context&, Index rows, Index classes, const T* logits,
                               std::span<const std::int32_t> targets) {
        Index correct = 0;
        for (Index row = 0; row < rows; ++row) {
            const auto in = view(logits + row * classes, classes);
            const auto best = std::max_element(in.begin(), in.end()) - in.begin();
            if (best == targets[static_cast<std::size_t>(row)]) ++correct;
        }
        return correct;
    }

private:
    /// The share of class `c` in the distribution that a row should show:
    /// (1 - smoothing) * one-hot + smoothing / classes; nothing where the row is ignored.
    static T wanted(const CrossEntropyOptions& options, Index classes, std::int32_t target,
                    Index c) {
        if (target == options.ignore_index) return T{0};
        const double own = c == target ? 1.0 - options.label_smoothing : 0.0;
        return static_cast<T>(own + options.label_smoothing / static_cast<double>(classes));
    }
};

}  // namespace kasmina::backends::xtensor_detail
