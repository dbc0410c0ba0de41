// ClassLabels: the classes that a batch should show, checked once, in the backend's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <kasmina/error.hpp>
#include <kasmina/tensor/sizes.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

/// How many of `labels` count: all but those that are `ignore_index`. Errors: NumericError for one
/// that is neither that nor a class.
[[nodiscard]] inline Index count_labels(std::span<const std::int32_t> labels, Index classes,
                                        std::int32_t ignore_index, const char* where) {
    Index counted = 0;
    for (std::size_t row = 0; row < labels.size(); ++row) {
        const std::int32_t label = labels[row];
        if (label == ignore_index) continue;
        ++counted;
        if (label >= 0 && label < classes) continue;
        throw NumericError("target " + std::to_string(row) + " is no class", where,
                           "0 ... " + std::to_string(classes - 1) + ", or ignore_index " +
                               std::to_string(ignore_index),
                           std::to_string(label), "check the labels of the data set");
    }
    return counted;
}

/// One class per row of logits, in the backend's memory, known to be classes: losses and counts of
/// hits take them as they are, as often as they are needed. Copies share the memory, and so does an
/// operation until its way back is over; a move is a copy, so that no one is left without.
template <class B>
class ClassLabels {
public:
    using Backend = B;

    static constexpr std::int32_t default_ignore_index = -100;

    /// Copies and checks `labels`; those that are `ignore_index` do not count (H-7).
    /// Errors: OptionError below one class; NumericError for a label that is neither that nor in
    /// 0 ... classes - 1.
    ClassLabels(typename B::Context& context, std::span<const std::int32_t> labels, Index classes,
                std::int32_t ignore_index = default_ignore_index)
        : counted_(count_labels(labels, checked_size("ClassLabels", "classes", classes),
                                ignore_index, "ClassLabels")),
          classes_(classes),
          ignore_index_(ignore_index),
          labels_(
              std::make_shared<const Tensor<B, std::int32_t>>(Tensor<B, std::int32_t>::from_host(
                  context, Shape{static_cast<Index>(labels.size())}, labels))) {}

    ClassLabels(const ClassLabels&) = default;
    ClassLabels& operator=(const ClassLabels&) = default;
    ~ClassLabels() = default;

    [[nodiscard]] Index size() const noexcept { return labels_->size(); }
    [[nodiscard]] Index classes() const noexcept { return classes_; }
    /// How many are not ignored.
    [[nodiscard]] Index counted() const noexcept { return counted_; }
    [[nodiscard]] std::int32_t ignore_index() const noexcept { return ignore_index_; }
    [[nodiscard]] const Tensor<B, std::int32_t>& tensor() const noexcept { return *labels_; }
    /// The backend's memory.
    [[nodiscard]] const std::int32_t* data() const noexcept { return labels_->data(); }

private:
    Index counted_;
    Index classes_;
    std::int32_t ignore_index_;
    std::shared_ptr<const Tensor<B, std::int32_t>> labels_;
};

}  // namespace kasmina
