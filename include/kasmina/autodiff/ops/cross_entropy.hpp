// cross_entropy: the mean loss of logits against integer targets (spec H-7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/backend.hpp>

namespace kasmina::ops {
namespace detail {

template <LossBackend B>
struct CrossEntropyOperation {
    Variable<B> logits;
    std::span<const std::int32_t> targets;
    CrossEntropyOptions options;
    Index rows;
    typename B::Buffer probabilities;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(logits);
        if (!target) return;
        B::cross_entropy_pullback(tape.context(), rows, logits.shape().back(), options,
                                  probabilities.data(), targets, upstream.data(), target);
    }
};

inline void check_targets(std::span<const std::int32_t> targets, Index rows, Index classes,
                          const CrossEntropyOptions& options) {
    if (static_cast<Index>(targets.size()) != rows) {
        throw ShapeError("logits and targets do not pair up", "ops::cross_entropy",
                         std::to_string(rows) + " targets", std::to_string(targets.size()),
                         "pass one target per row of logits");
    }
    if (!(options.label_smoothing >= 0.0 && options.label_smoothing <= 1.0)) {
        throw OptionError("label smoothing is out of range", "ops::cross_entropy", "0 ... 1",
                          std::to_string(options.label_smoothing), "use 0.1, or 0 for none");
    }
    bool any = false;
    for (std::size_t row = 0; row < targets.size(); ++row) {
        const std::int32_t target = targets[row];
        if (target == options.ignore_index) continue;
        any = true;
        if (target < 0 || target >= classes) {
            throw NumericError("target " + std::to_string(row) + " is no class",
                               "ops::cross_entropy",
                               "0 ... " + std::to_string(classes - 1) + ", or ignore_index " +
                                   std::to_string(options.ignore_index),
                               std::to_string(target), "check the labels of the data set");
        }
    }
    if (!any) {
        throw NumericError("every target is ignored", "ops::cross_entropy",
                           "one target or more that counts",
                           std::to_string(targets.size()) + " ignored", "skip such a batch");
    }
}

}  // namespace detail

/// Mean over the rows of `logits` (..., classes) of the cross-entropy with `targets`, one class
/// per row, in nats; rows whose target is `ignore_index` do not count. `targets` is read in place
/// and must live until the backward pass is over. Errors: ShapeError, OptionError; NumericError
/// for a target that is no class, or when all are ignored.
template <LossBackend B>
[[nodiscard]] Variable<B> cross_entropy(const Variable<B>& logits,
                                        std::span<const std::int32_t> targets,
                                        const CrossEntropyOptions& options = {}) {
    const Shape& shape = logits.shape();
    detail::require(shape.rank() >= 2 && shape.back() > 0, "cross_entropy",
                    "logits (rows ..., classes)", shape, "add a batch dimension");
    const Index classes = shape.back();
    const Index rows = shape.elements() / classes;
    detail::check_targets(targets, rows, classes, options);
    Tape<B>& tape = logits.tape();
    auto probabilities = tape.acquire(rows * classes);
    auto loss = tape.acquire(1);
    B::cross_entropy(tape.context(), rows, classes, options, logits.data(), targets,
                     probabilities.data(), loss.data());
    return tape.record(
        Shape{}, std::move(loss), {logits},
        detail::CrossEntropyOperation<B>{logits, targets, options, rows, std::move(probabilities)});
}

}  // namespace kasmina::ops
