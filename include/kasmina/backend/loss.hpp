// Loss: the capability to compute the mean cross-entropy of logits, and to count hits.
#pragma once

#include <cstdint>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// `loss` (one value) = the mean, over the rows whose target is not `ignore_index`, of the
/// cross-entropy of the row's softmax with (1 - label_smoothing) * one-hot + label_smoothing /
/// classes, in nats (spec H-7); 0 where no row counts. `probabilities` (rows, classes) receives the
/// softmax for the way back, and may be the memory of the logits. The caller has made sure that a
/// target is a class or `ignore_index`, and says how many rows count: targets that it has seen on
/// the host need not be read again.
template <class T>
struct CrossEntropy {
    Index rows = 0;
    Index classes = 0;
    Index counted = 0;  ///< rows whose target is not ignore_index
    double label_smoothing = 0.0;
    std::int32_t ignore_index = -100;
    const T* logits = nullptr;
    const std::int32_t* targets = nullptr;
    T* probabilities = nullptr;
    T* loss = nullptr;
};

/// The gradient of the logits; 0 in rows that do not count. It may be overwritten in the memory of
/// the probabilities.
template <class T>
struct CrossEntropyPullback {
    Index rows = 0;
    Index classes = 0;
    Index counted = 0;
    double label_smoothing = 0.0;
    std::int32_t ignore_index = -100;
    const T* probabilities = nullptr;
    const std::int32_t* targets = nullptr;
    const T* grad_loss = nullptr;  ///< one value
    GradientTarget<T> grad_logits{};
};

/// `hits` (one value) = how many rows have their maximum at the target: of equals the first is the
/// maximum. A row whose target is no class is no hit.
template <class T>
struct CountCorrect {
    Index rows = 0;
    Index classes = 0;
    const T* logits = nullptr;
    const std::int32_t* targets = nullptr;
    std::int32_t* hits = nullptr;
};

template <class B>
concept LossBackend =
    requires(typename B::Context& context, const CrossEntropy<typename B::Scalar>& forward,
             const CrossEntropyPullback<typename B::Scalar>& pullback,
             const CountCorrect<typename B::Scalar>& count) {
        B::cross_entropy(context, forward);
        B::cross_entropy_pullback(context, pullback);
        B::count_correct(context, count);
    };

}  // namespace kasmina
