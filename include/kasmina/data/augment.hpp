// Augmentation: what may be done to a sample on its way into a batch without changing its label.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <kasmina/error.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::data {

/// `augment(sample_shape, from, to, random)` writes the sample `from` to `to`, which do not
/// overlap, changed as the words of `random` say. It may have `check(sample_shape)`, which is asked
/// once and throws for samples that it cannot change. It is called by the loader's thread where
/// that prefetches, and copied.
template <class A, class Value>
concept Augmentation =
    std::copy_constructible<A> &&
    requires(const A& augment, const Shape& sample, std::span<const Value> from,
             std::span<Value> to, Generator& random) { augment(sample, from, to, random); };

/// Samples as they are.
struct Unaugmented {
    template <class Value>
    void operator()(const Shape&, std::span<const Value> from, std::span<Value> to,
                    Generator&) const {
        std::ranges::copy(from, to.begin());
    }
};

/// Images of shape (height, width, channels), mirrored and shifted at random (PyTorch's
/// RandomCrop with padding and RandomHorizontalFlip). What a crop takes from outside is 0: the mean
/// colour where pixels are normalised.
struct RandomFlipCrop {
    bool flip = false;  ///< mirror left and right, with probability one half
    Index padding = 0;  ///< crop at a random place of the image padded by this many pixels

    /// Errors: ShapeError for samples that are no images; OptionError for a padding that is
    /// negative or as wide as the image.
    void check(const Shape& image) const {
        if (image.rank() != 3) {
            throw ShapeError("only images can be mirrored and cropped", "data::RandomFlipCrop",
                             "samples of shape (height, width, channels)", to_string(image),
                             "write an augmentation of your own for other samples");
        }
        if (padding >= 0 && padding < std::min(image[0], image[1])) return;
        throw OptionError("the crop's padding is out of range", "data::RandomFlipCrop",
                          "0 to the image's side less 1", std::to_string(padding),
                          "use 2 to 4 pixels");
    }

    template <class Value>
    void operator()(const Shape& image, std::span<const Value> from, std::span<Value> to,
                    Generator& random) const {
        const Index height = image[0];
        const Index width = image[1];
        const Index channels = image[2];
        const bool mirrored = flip && (random() & 1U) != 0;
        const Index down = shift(random);
        const Index across = shift(random);
        auto out = to.begin();
        for (Index y = 0; y < height; ++y) {
            const Index from_y = y + down;
            for (Index x = 0; x < width; ++x, out += channels) {
                const Index from_x = (mirrored ? width - 1 - x : x) + across;
                const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
                if (inside) {
                    std::copy_n(from.begin() + (from_y * width + from_x) * channels, channels, out);
                } else {
                    std::fill_n(out, channels, Value(0));
                }
            }
        }
    }

private:
    [[nodiscard]] Index shift(Generator& random) const {
        if (padding == 0) return 0;
        const auto choices = static_cast<std::uint32_t>(2 * padding + 1);
        return static_cast<Index>(random.below(choices)) - padding;
    }
};

}  // namespace kasmina::data
