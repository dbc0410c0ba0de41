// Image sets on a backend: batches to train on, and batches to score on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <kasmina/autodiff/class_labels.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/tensor/tensor.hpp>

#include "batches.hpp"
#include "dataset.hpp"

namespace kasmina::examples {

[[nodiscard]] inline Shape batch_shape(const ImageSet& images, std::size_t count) {
    return {static_cast<Index>(count), images.height, images.width, images.channels};
}

/// The shuffled, augmented batches of `images`, in memory that is used again while batches have one
/// size. `images` must outlive it.
template <class B>
class ImageStream {
public:
    /// Errors: as Batches.
    ImageStream(typename B::Context& context, const ImageSet& images, std::size_t batch_size,
                Augmentation augmentation, Generator generator)
        : context_(&context),
          images_(&images),
          batches_(images, batch_size, augmentation, generator) {}

    void start_epoch() noexcept { batches_.start_epoch(); }

    /// Null when the epoch is over. Valid until the next call.
    [[nodiscard]] LabelledBatch<B>* next() {
        if (!batches_.next()) return nullptr;
        const Shape shape = batch_shape(*images_, batches_.count());
        ClassLabels<B> labels(*context_, batches_.labels(), images_->classes);
        if (!batch_ || batch_->input.shape() != shape) {
            batch_.emplace(Tensor<B>::persistent(*context_, shape), std::move(labels));
        } else {
            batch_->labels = std::move(labels);
        }
        batch_->input.assign(*context_, batches_.pixels());
        return &*batch_;
    }

    [[nodiscard]] std::size_t batches_per_epoch() const noexcept {
        return batches_.batches_per_epoch();
    }
    [[nodiscard]] Index samples_per_epoch() const noexcept {
        return static_cast<Index>(images_->count());
    }

    /// As of Batches.
    [[nodiscard]] BatchesState state() const noexcept { return batches_.state(); }
    void restore(const BatchesState& state) { batches_.restore(state); }

private:
    typename B::Context* context_;
    const ImageSet* images_;
    Batches batches_;
    std::optional<LabelledBatch<B>> batch_{};
};

inline constexpr std::size_t scored_at_once = 256;

/// All of `images`, in order and in batches that are made on the way: a range. What it is made of
/// must outlive it. (A view that transforms would do, but nvcc compiles none of move-only values.)
template <class B>
class HeldOut {
public:
    class Iterator {
    public:
        using value_type = LabelledBatch<B>;
        using difference_type = std::ptrdiff_t;

        Iterator() = default;
        Iterator(const HeldOut& range, std::size_t first) : range_(&range), first_(first) {}

        [[nodiscard]] LabelledBatch<B> operator*() const { return range_->batch_from(first_); }
        Iterator& operator++() {
            first_ += std::min(scored_at_once, range_->images_->count() - first_);
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator& a, const Iterator& b) {
            return a.first_ == b.first_;
        }

    private:
        const HeldOut* range_ = nullptr;
        std::size_t first_ = 0;
    };

    HeldOut(typename B::Context& context, const ImageSet& images)
        : context_(&context), images_(&images) {}

    [[nodiscard]] Iterator begin() const { return {*this, 0}; }
    [[nodiscard]] Iterator end() const { return {*this, images_->count()}; }

private:
    [[nodiscard]] LabelledBatch<B> batch_from(std::size_t first) const {
        const std::size_t count = std::min(scored_at_once, images_->count() - first);
        return {Tensor<B>::from_host(*context_, batch_shape(*images_, count),
                                     images_->pixels_of(first, count)),
                ClassLabels<B>(*context_, images_->labels_of(first, count), images_->classes)};
    }

    typename B::Context* context_;
    const ImageSet* images_;
};

template <class B>
[[nodiscard]] HeldOut<B> held_out(typename B::Context& context, const ImageSet& images) {
    return {context, images};
}

}  // namespace kasmina::examples
