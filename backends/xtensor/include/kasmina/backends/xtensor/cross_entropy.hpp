// Mean cross-entropy of logits with integer targets, from the definition.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <kasmina/backend/loss.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: LossBackend.
template <class T>
struct Losses {
    /// loss = -sum(wanted * log softmax(logits)) / rows that count; 0 where none counts.
    static void cross_entropy(Context&, const CrossEntropy<T>& call) {
        const auto in = view(call.logits, call.rows, call.classes);
        auto out = view(call.probabilities, call.rows, call.classes);
        const xt::xtensor<T, 1> highest = xt::amax(in, {1});
        T sum{0};
        for (Index row = 0; row < call.rows; ++row) {
            T total{0};
            for (Index c = 0; c < call.classes; ++c) total += std::exp(in(row, c) - highest(row));
            for (Index c = 0; c < call.classes; ++c) {
                const T log_softmax = in(row, c) - highest(row) - std::log(total);
                out(row, c) = std::exp(log_softmax);
                // A class that is not wanted may have probability 0, and the logarithm of that.
                const T share = wanted(call, call.targets[row], c);
                if (share > T{0}) sum -= share * log_softmax;
            }
        }
        *call.loss = call.counted > 0 ? sum / static_cast<T>(call.counted) : T{0};
    }

    /// (softmax - wanted) * upstream / rows that count; 0 for rows that do not.
    static void cross_entropy_pullback(Context&, const CrossEntropyPullback<T>& call) {
        const auto softmax = view(call.probabilities, call.rows, call.classes);
        xt::xtensor<T, 2> gradient = xt::zeros<T>({call.rows, call.classes});
        for (Index row = 0; row < call.rows; ++row) {
            const std::int32_t target = call.targets[row];
            if (target == call.ignore_index) continue;
            for (Index c = 0; c < call.classes; ++c) {
                gradient(row, c) = (softmax(row, c) - wanted(call, target, c)) * *call.grad_loss /
                                   static_cast<T>(call.counted);
            }
        }
        put(call.grad_logits, gradient);
    }

    /// Rows whose first greatest logit is the target's.
    static void count_correct(Context&, const CountCorrect<T>& call) {
        *call.hits = 0;
        for (Index row = 0; row < call.rows; ++row) {
            const auto in = view(call.logits + row * call.classes, call.classes);
            const auto best = std::max_element(in.begin(), in.end()) - in.begin();
            if (best == call.targets[row]) ++*call.hits;
        }
    }

private:
    /// The share of class `c` in the distribution that a row should show:
    /// (1 - smoothing) * one-hot + smoothing / classes; nothing where the row is ignored.
    template <class Call>
    static T wanted(const Call& call, std::int32_t target, Index c) {
        if (target == call.ignore_index) return T{0};
        const double own = c == target ? 1.0 - call.label_smoothing : 0.0;
        return static_cast<T>(own + call.label_smoothing / static_cast<double>(call.classes));
    }
};

}  // namespace kasmina::backends::xtensor_detail
