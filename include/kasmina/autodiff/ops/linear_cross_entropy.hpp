// linear_cross_entropy: the loss of a large classifier, whose logits are made a few rows at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <kasmina/autodiff/class_labels.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/loss.hpp>
#include <kasmina/backend/matrix.hpp>
#include <kasmina/backend/pointwise.hpp>
#include <kasmina/tensor/pending.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::ops {

struct LinearCrossEntropyOptions {
    double label_smoothing = 0.0;
    /// Of how many rows the logits are held at a time; 0: as many as 64 MiB hold.
    Index rows_at_once = 0;
};

namespace detail {

/// A gradient times that of the loss; its derivative by the gradient is what is handed on.
struct TimesUpstream {
    template <class V>
    constexpr V operator()(const V& gradient, const V& factor) const {
        return gradient * factor;
    }
};

/// What the gradients are for a loss whose own gradient is 1.
template <class B>
struct LinearCrossEntropyOperation {
    using Buffer = typename Tape<B>::Buffer;

    Edge<B> hidden;
    Edge<B> weight;
    Buffer hidden_gradient;  ///< empty where none is wanted
    Buffer weight_gradient;
    Index rows;
    Index width;
    Index classes;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        hand_on(tape, upstream, hidden, std::move(hidden_gradient), rows);
        hand_on(tape, upstream, weight, std::move(weight_gradient), classes);
    }

private:
    void hand_on(Tape<B>& tape, Upstream<B>& upstream, const Edge<B>& to, Buffer gradient,
                 Index of_rows) const {
        if (gradient.size() == 0) return;
        const auto target = tape.gradient_target(to);
        if (!target) return;
        B::map_pullback(
            tape.context(), TimesUpstream{},
            MapPullback<typename B::Scalar, 2>{.geometry = {of_rows, 1, width},
                                               .operands = {{{gradient.data(), Broadcast::full},
                                                             {upstream.data(), Broadcast::scalar}}},
                                               .upstream = gradient.data(),
                                               .targets = {{target, {}}}});
    }
};

/// Rows of logits that are made at a time.
[[nodiscard]] inline Index rows_at_once(Index asked, Index rows, Index classes,
                                        Index bytes_of_one) {
    constexpr Index most_bytes = Index{64} << 20;
    const Index chosen =
        asked > 0 ? asked : std::max<Index>(1, most_bytes / (classes * bytes_of_one));
    return std::clamp<Index>(chosen, 1, std::max<Index>(1, rows));
}

/// Errors: ShapeError unless `hidden` is (..., width) and `weight` is (classes, width).
template <class B>
void require_classifier(const char* op, const Variable<B>& hidden, const Variable<B>& weight) {
    const Shape& from = hidden.shape();
    require(from.rank() >= 2, op, "hidden states (rows ..., width)", from, "add a batch dimension");
    require(weight.shape().rank() == 2, op, "a weight (classes, width)", weight.shape(),
            "pass a matrix");
    require_values(op, weight.shape());
    require_shape(op, "weight", Shape{weight.shape()[0], from.back()}, weight.shape());
}

/// The logits of rows [first, first + count).
template <class B>
void some_logits(Tape<B>& tape, const Variable<B>& hidden, const Variable<B>& weight, Index first,
                 Index count, typename B::Scalar* logits) {
    const Index classes = weight.shape()[0];
    const Index width = weight.shape()[1];
    B::gemm(tape.context(), Gemm<typename B::Scalar>{.m = count,
                                                     .n = classes,
                                                     .k = width,
                                                     .transpose_b = true,
                                                     .a = hidden.data() + first * width,
                                                     .b = weight.data(),
                                                     .c = logits});
}

}  // namespace detail

/// What `cross_entropy(linear(hidden, weight), labels)` is, without the matrix of logits: they are
/// made for `rows_at_once` rows at a time, and become their own probabilities and gradients in
/// place. Where a gradient is wanted those of `hidden` (..., width) and `weight` (classes, width)
/// are computed on the way, so that the way back only scales them (Wijmans et al., "Cut your losses
/// in large-vocabulary language models", 2024, do so on tiles). Errors: ShapeError; OptionError for
/// a negative number of rows; NumericError when all labels are ignored.
template <class B>
    requires MatrixBackend<B> && PointwiseBackend<B> && LossBackend<B>
[[nodiscard]] Variable<B> linear_cross_entropy(const Variable<B>& hidden, const Variable<B>& weight,
                                               const ClassLabels<B>& labels,
                                               const LinearCrossEntropyOptions& options = {}) {
    using Scalar = typename B::Scalar;
    static_cast<void>(
        checked_size("ops::linear_cross_entropy", "rows_at_once", options.rows_at_once, 0));
    detail::require_classifier("linear_cross_entropy", hidden, weight);
    const Index rows = detail::logit_rows("linear_cross_entropy", hidden.shape(), labels.size());
    const Index classes = weight.shape()[0];
    const Index width = weight.shape()[1];
    detail::require_classes("linear_cross_entropy", classes, labels);
    detail::require_counted("ops::linear_cross_entropy", rows, labels.counted(),
                            options.label_smoothing);
    Tape<B>& tape = hidden.tape();
    const bool to_hidden = tape.recording() && hidden.requires_gradient();
    const bool to_weight = tape.recording() && weight.requires_gradient();
    const Index at_once =
        detail::rows_at_once(options.rows_at_once, rows, classes, Index{sizeof(Scalar)});

    auto logits = tape.acquire(at_once * classes);
    auto loss = tape.acquire(1);
    auto share = tape.acquire(1);
    auto one = tape.acquire(to_hidden || to_weight ? 1 : 0);
    auto hidden_gradient = tape.acquire(to_hidden ? rows * width : 0);
    auto weight_gradient = tape.acquire(to_weight ? classes * width : 0);
    B::fill(tape.context(), loss.data(), 1, Scalar{0});
    if (one.size() > 0) B::fill(tape.context(), one.data(), 1, Scalar{1});
    for (Index first = 0; first < rows; first += at_once) {
        const Index count = std::min(at_once, rows - first);
        detail::some_logits(tape, hidden, weight, first, count, logits.data());
        B::cross_entropy(tape.context(),
                         CrossEntropy<Scalar>{.rows = count,
                                              .classes = classes,
                                              .counted = labels.counted(),
                                              .label_smoothing = options.label_smoothing,
                                              .ignore_index = labels.ignore_index(),
                                              .logits = logits.data(),
                                              .targets = labels.data() + first,
                                              .probabilities = logits.data(),
                                              .loss = share.data()});
        B::add(tape.context(), share.data(), loss.data(), 1);
        if (!to_hidden && !to_weight) continue;
        B::cross_entropy_pullback(
            tape.context(), CrossEntropyPullback<Scalar>{.rows = count,
                                                         .classes = classes,
                                                         .counted = labels.counted(),
                                                         .label_smoothing = options.label_smoothing,
                                                         .ignore_index = labels.ignore_index(),
                                                         .probabilities = logits.data(),
                                                         .targets = labels.data() + first,
                                                         .grad_loss = one.data(),
                                                         .grad_logits = {logits.data(), false}});
        if (to_hidden) {
            B::gemm(tape.context(), Gemm<Scalar>{.m = count,
                                                 .n = width,
                                                 .k = classes,
                                                 .a = logits.data(),
                                                 .b = weight.data(),
                                                 .c = hidden_gradient.data() + first * width});
        }
        if (to_weight) {
            B::gemm(tape.context(), Gemm<Scalar>{.m = classes,
                                                 .n = width,
                                                 .k = count,
                                                 .transpose_a = true,
                                                 .a = logits.data(),
                                                 .b = hidden.data() + first * width,
                                                 .c = weight_gradient.data(),
                                                 .accumulate = first > 0});
        }
    }
    return tape.record(
        Shape{}, std::move(loss), {hidden, weight},
        detail::LinearCrossEntropyOperation<B>{hidden, weight, std::move(hidden_gradient),
                                               std::move(weight_gradient), rows, width, classes});
}

/// Hits that were counted in parts: their sum, waited for.
template <class B>
class PendingSum {
public:
    explicit PendingSum(Pending<B, std::int32_t> parts) : parts_(std::move(parts)) {}

    [[nodiscard]] std::int32_t get() {
        std::int32_t sum = 0;
        for (const std::int32_t part : parts_.values()) sum += part;
        return sum;
    }

private:
    Pending<B, std::int32_t> parts_;
};

/// What `count_correct(linear(hidden, weight), labels)` is, without the matrix of logits. Errors:
/// ShapeError; OptionError for a negative number of rows.
template <class B>
    requires MatrixBackend<B> && LossBackend<B>
[[nodiscard]] PendingSum<B> count_correct(const Variable<B>& hidden, const Variable<B>& weight,
                                          const ClassLabels<B>& labels, Index rows_at_once = 0) {
    static_cast<void>(checked_size("ops::count_correct", "rows_at_once", rows_at_once, 0));
    detail::require_classifier("count_correct", hidden, weight);
    const Index rows = detail::logit_rows("count_correct", hidden.shape(), labels.size());
    const Index classes = weight.shape()[0];
    detail::require_classes("count_correct", classes, labels);
    Tape<B>& tape = hidden.tape();
    const Index at_once =
        detail::rows_at_once(rows_at_once, rows, classes, Index{sizeof(typename B::Scalar)});
    const Index parts = (rows + at_once - 1) / at_once;
    auto logits = tape.acquire(at_once * classes);
    auto hits = tape.template acquire<std::int32_t>(parts);
    for (Index part = 0; part < parts; ++part) {
        const Index first = part * at_once;
        const Index count = std::min(at_once, rows - first);
        detail::some_logits(tape, hidden, weight, first, count, logits.data());
        B::count_correct(tape.context(),
                         CountCorrect<typename B::Scalar>{.rows = count,
                                                          .classes = classes,
                                                          .logits = logits.data(),
                                                          .targets = labels.data() + first,
                                                          .hits = hits.data() + part});
    }
    return PendingSum<B>(Pending<B, std::int32_t>(tape.context(), hits.data(), parts));
}

}  // namespace kasmina::ops
