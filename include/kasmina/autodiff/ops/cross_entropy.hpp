// cross_entropy: the mean loss of logits against integer targets (spec H-7).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <kasmina/autodiff/class_labels.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/loss.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/pending.hpp>

namespace kasmina {

/// Targets equal to `ignore_index` do not count; the mean runs over the others.
struct CrossEntropyOptions {
    double label_smoothing = 0.0;
    std::int32_t ignore_index = -100;
};

namespace ops {
namespace detail {

/// `Targets` owns the targets for as long as the way back needs them.
template <LossBackend B, class Targets>
struct CrossEntropyOperation {
    Edge<B> logits;
    Targets targets;
    typename Tape<B>::Buffer probabilities;
    Index rows;
    Index classes;
    Index counted;
    CrossEntropyOptions options;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(logits);
        if (!target) return;
        B::cross_entropy_pullback(tape.context(), CrossEntropyPullback<typename B::Scalar>{
                                                      .rows = rows,
                                                      .classes = classes,
                                                      .counted = counted,
                                                      .label_smoothing = options.label_smoothing,
                                                      .ignore_index = options.ignore_index,
                                                      .probabilities = probabilities.data(),
                                                      .targets = targets.data(),
                                                      .grad_loss = upstream.data(),
                                                      .grad_logits = target});
    }
};

/// Rows of logits (..., classes), as many as there are targets. Errors: ShapeError.
inline Index logit_rows(const char* op, const Shape& shape, Index targets) {
    require(shape.rank() >= 2 && shape.back() > 0, op, "logits (rows ..., classes)", shape,
            "add a batch dimension");
    const Index rows = shape.elements() / shape.back();
    if (targets != rows) {
        throw ShapeError("logits and targets do not pair up", std::string("ops::") + op,
                         std::to_string(rows) + " targets", std::to_string(targets),
                         "pass one target per row of logits");
    }
    return rows;
}

/// Errors: OptionError for a smoothing outside [0, 1]; NumericError when no target counts.
inline void require_counted(const char* where, Index rows, Index counted, double label_smoothing) {
    check_option(where, "label_smoothing", label_smoothing, OptionRange::at_least(0.0).at_most(1.0),
                 "use 0.1, or 0 for none");
    if (counted > 0) return;
    throw NumericError("every target is ignored", where, "one target or more that counts",
                       std::to_string(rows) + " ignored", "skip such a batch");
}

template <LossBackend B, class Targets>
[[nodiscard]] Variable<B> cross_entropy_of(const Variable<B>& logits, Targets targets,
                                           Index counted, const CrossEntropyOptions& options) {
    using Scalar = typename B::Scalar;
    const Index classes = logits.shape().back();
    const Index rows = logits.shape().elements() / classes;
    require_counted("ops::cross_entropy", rows, counted, options.label_smoothing);
    Tape<B>& tape = logits.tape();
    auto probabilities = tape.acquire(rows * classes);
    auto loss = tape.acquire(1);
    B::cross_entropy(tape.context(),
                     CrossEntropy<Scalar>{.rows = rows,
                                          .classes = classes,
                                          .counted = counted,
                                          .label_smoothing = options.label_smoothing,
                                          .ignore_index = options.ignore_index,
                                          .logits = logits.data(),
                                          .targets = targets.data(),
                                          .probabilities = probabilities.data(),
                                          .loss = loss.data()});
    return tape.record(
        Shape{}, std::move(loss), {logits},
        CrossEntropyOperation<B, Targets>{logits, std::move(targets), std::move(probabilities),
                                          rows, classes, counted, options});
}

/// Errors: ShapeError when the labels are of another number of classes than the logits.
template <class B>
void require_classes(const char* op, Index classes, const ClassLabels<B>& labels) {
    if (labels.classes() == classes) return;
    throw ShapeError("labels are of another number of classes", std::string("ops::") + op,
                     std::to_string(classes) + " classes, as the logits have",
                     std::to_string(labels.classes()),
                     "make the labels with the number of classes of the logits");
}

}  // namespace detail

/// Mean over the rows of `logits` (..., classes) of the cross-entropy with `labels`, one class per
/// row, in nats; rows whose label is `ignore_index` do not count. Which that is, the labels know:
/// an option that is neither theirs nor the default is an error. Reads nothing on the host.
/// Errors: ShapeError, OptionError; NumericError when all are ignored.
template <LossBackend B>
[[nodiscard]] Variable<B> cross_entropy(const Variable<B>& logits, const ClassLabels<B>& labels,
                                        CrossEntropyOptions options = {}) {
    static_cast<void>(detail::logit_rows("cross_entropy", logits.shape(), labels.size()));
    detail::require_classes("cross_entropy", logits.shape().back(), labels);
    if (options.ignore_index != labels.ignore_index() &&
        options.ignore_index != CrossEntropyOptions{}.ignore_index) {
        throw OptionError("labels and options ignore different targets", "ops::cross_entropy",
                          "ignore_index " + std::to_string(labels.ignore_index()),
                          std::to_string(options.ignore_index),
                          "give ignore_index where the labels are made");
    }
    options.ignore_index = labels.ignore_index();
    return detail::cross_entropy_of(logits, labels, labels.counted(), options);
}

/// The same with `targets` on the host, which are checked and copied. Errors: ShapeError,
/// OptionError; NumericError for a target that is no class, or when all are ignored.
template <LossBackend B>
[[nodiscard]] Variable<B> cross_entropy(const Variable<B>& logits,
                                        std::span<const std::int32_t> targets,
                                        const CrossEntropyOptions& options = {}) {
    const Index rows =
        detail::logit_rows("cross_entropy", logits.shape(), static_cast<Index>(targets.size()));
    const Index counted =
        count_labels(targets, logits.shape().back(), options.ignore_index, "ops::cross_entropy");
    Tape<B>& tape = logits.tape();
    auto copied = tape.template acquire<std::int32_t>(rows);
    if (rows > 0) B::upload(tape.context(), targets.data(), copied.data(), rows);
    return detail::cross_entropy_of(logits, std::move(copied), counted, options);
}

/// How many rows of `logits` (..., classes) have their maximum at the label, of equals the first;
/// ignored rows are no hits. Waits for nothing until the count is asked for. Errors: ShapeError.
template <LossBackend B>
[[nodiscard]] Pending<B, std::int32_t> count_correct(const Variable<B>& logits,
                                                     const ClassLabels<B>& labels) {
    const Index rows = detail::logit_rows("count_correct", logits.shape(), labels.size());
    detail::require_classes("count_correct", logits.shape().back(), labels);
    Tape<B>& tape = logits.tape();
    auto hits = tape.template acquire<std::int32_t>(1);
    B::count_correct(tape.context(), CountCorrect<typename B::Scalar>{.rows = rows,
                                                                      .classes = labels.classes(),
                                                                      .logits = logits.data(),
                                                                      .targets = labels.data(),
                                                                      .hits = hits.data()});
    return Pending<B, std::int32_t>(tape.context(), hits.data(), 1);
}

}  // namespace ops
}  // namespace kasmina
