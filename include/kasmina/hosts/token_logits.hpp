// How a host of sequences gives its logits: as one variable, or made in chunks for a loss.
#pragma once

#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/ops/linear_cross_entropy.hpp>

namespace kasmina::hosts {

/// Logits that are made when somebody asks for them: of the loss and of hits the whole matrix is
/// never there.
template <class B>
struct TiedLogits {
    Variable<B> hidden;  ///< (batch, time, width)
    Variable<B> weight;  ///< (vocabulary, width)

    /// All of them, (batch, time, vocabulary).
    [[nodiscard]] Variable<B> logits() const { return ops::linear(hidden, weight); }
};

/// The loss of their logits (ops/linear_cross_entropy.hpp).
template <class B>
[[nodiscard]] Variable<B> cross_entropy(const TiedLogits<B>& output, const ClassLabels<B>& labels,
                                        const ops::LinearCrossEntropyOptions& options = {}) {
    return ops::linear_cross_entropy(output.hidden, output.weight, labels, options);
}

/// How many of the largest logits are at the label.
template <class B>
[[nodiscard]] ops::PendingSum<B> count_correct(const TiedLogits<B>& output,
                                               const ClassLabels<B>& labels) {
    return ops::count_correct(output.hidden, output.weight, labels);
}

/// One matrix of logits, for losses of all kinds.
struct WholeLogits {
    template <class B>
    using Output = Variable<B>;

    template <class B>
    [[nodiscard]] static Variable<B> of(const Variable<B>& hidden, const Variable<B>& weight) {
        return ops::linear(hidden, weight);
    }
};

/// A vocabulary of tens of thousands makes logits of hundreds of megabytes, which nobody keeps.
struct LogitsInChunks {
    template <class B>
    using Output = TiedLogits<B>;

    template <class B>
    [[nodiscard]] static TiedLogits<B> of(const Variable<B>& hidden, const Variable<B>& weight) {
        return {hidden, weight};
    }
};

}  // namespace kasmina::hosts
