// Shuffled, augmented batches of one epoch after another, in a buffer that is reused.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "dataset.hpp"

namespace kasmina::examples {

/// Where batches stand: in which order, and how far in it.
struct BatchesState {
    Generator::State epoch_start{};  ///< that the epoch's order was drawn from
    Generator::State random{};       ///< that mirrors and shifts are drawn from
    std::size_t next = 0;            ///< images of the epoch that have been handed out
    std::size_t images = 0;          ///< in the set

    using Fields = reflect::List<&BatchesState::epoch_start, &BatchesState::random,
                                 &BatchesState::next, &BatchesState::images>;
    friend bool operator==(const BatchesState&, const BatchesState&) = default;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

/// Hands out every image of a set once per epoch, in an order of that epoch's own. Two objects
/// with equal sets and generators hand out equal batches, so that two runs can be compared on
/// the same data. The set must outlive the object.
class Batches {
public:
    /// Errors: OptionError when `batch_size` is 0 or the padding negative or as wide as the image.
    Batches(const ImageSet& images, std::size_t batch_size, Augmentation augmentation,
            Generator generator)
        : images_(&images),
          augmentation_(augmentation),
          generator_(generator),
          epoch_start_(generator.state()),
          batch_size_(batch_size),
          order_(images.count()),
          next_(images.count()) {
        if (batch_size == 0) {
            throw OptionError("a batch needs images", "Batches", "a batch size of at least 1", "0",
                              "use for example 64");
        }
        if (augmentation.padding < 0 ||
            augmentation.padding >= std::min(images.height, images.width)) {
            throw OptionError("the crop's padding is out of range", "Batches",
                              "0 to the image's side less 1", std::to_string(augmentation.padding),
                              "use 2 to 4 pixels");
        }
        const std::size_t largest = std::min(batch_size, images.count());
        pixels_.resize(largest * images.image_size());
        labels_.resize(largest);
    }

    /// Starts an epoch. Its order depends on the generator alone, not on epochs before.
    void start_epoch() noexcept {
        epoch_start_ = generator_.state();
        draw_order();
        next_ = 0;
        count_ = 0;
    }

    /// Fills the buffers with the next batch; false, and nothing filled, when the epoch is over.
    /// The last batch holds what is left.
    [[nodiscard]] bool next() noexcept {
        count_ = std::min(batch_size_, order_.size() - next_);
        for (std::size_t i = 0; i < count_; ++i) {
            const std::size_t position = order_[next_ + i];
            write_image(position, pixels_.data() + i * images_->image_size());
            labels_[i] = images_->labels[position];
        }
        next_ += count_;
        return count_ != 0;
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }

    /// (count, height, width, channels), valid until the next call of next().
    [[nodiscard]] std::span<const float> pixels() const noexcept {
        return {pixels_.data(), count_ * images_->image_size()};
    }
    [[nodiscard]] std::span<const std::int32_t> labels() const noexcept {
        return {labels_.data(), count_};
    }

    [[nodiscard]] std::size_t batches_per_epoch() const noexcept {
        return (order_.size() + batch_size_ - 1) / batch_size_;
    }

    /// Restored, also in mid-epoch, what follows is the same again.
    [[nodiscard]] BatchesState state() const noexcept {
        return {epoch_start_, generator_.state(), next_, order_.size()};
    }

    /// Errors: StateError for a state of another set or batch size, OptionError for a random state
    /// that cannot be; nothing is changed then.
    void restore(const BatchesState& state) {
        if (state.images != order_.size() || state.next > order_.size() ||
            (state.next % batch_size_ != 0 && state.next != order_.size())) {
            throw StateError("the batches stand where these cannot", "Batches",
                             "a multiple of " + std::to_string(batch_size_) + " of " +
                                 std::to_string(order_.size()) + " images, or all",
                             std::to_string(state.next) + " of " + std::to_string(state.images),
                             "restore a state of the same set and batch size");
        }
        const Generator random = Generator::from_state(state.random);
        generator_ = Generator::from_state(state.epoch_start);
        epoch_start_ = state.epoch_start;
        draw_order();
        generator_ = random;
        next_ = state.next;
        count_ = 0;
    }

private:
    void draw_order() noexcept {
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        generator_.shuffle(std::span(order_));
    }

    /// One image, mirrored and shifted at random. What a crop takes from outside is 0: the mean
    /// colour, since pixels are normalised.
    void write_image(std::size_t position, float* to) noexcept {
        const float* from = images_->pixels.data() + position * images_->image_size();
        const Index height = images_->height;
        const Index width = images_->width;
        const Index channels = images_->channels;
        const bool flip = augmentation_.flip && (generator_() & 1U) != 0;
        const Index down = random_shift();
        const Index across = random_shift();
        for (Index y = 0; y < height; ++y) {
            const Index from_y = y + down;
            for (Index x = 0; x < width; ++x, to += channels) {
                const Index from_x = (flip ? width - 1 - x : x) + across;
                const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
                if (inside) {
                    std::copy_n(from + (from_y * width + from_x) * channels, channels, to);
                } else {
                    std::fill_n(to, channels, 0.0F);
                }
            }
        }
    }

    Index random_shift() noexcept {
        if (augmentation_.padding == 0) return 0;
        const auto choices = static_cast<std::uint32_t>(2 * augmentation_.padding + 1);
        return static_cast<Index>(generator_.below(choices)) - augmentation_.padding;
    }

    const ImageSet* images_;
    Augmentation augmentation_;
    Generator generator_;
    Generator::State epoch_start_;
    std::size_t batch_size_;
    std::vector<std::size_t> order_;
    std::size_t next_;
    std::size_t count_ = 0;
    std::vector<float> pixels_;
    std::vector<std::int32_t> labels_;
};

}  // namespace kasmina::examples
