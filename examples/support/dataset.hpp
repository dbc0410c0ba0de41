// Image sets: bytes as read, floats as trained on, and splits whose test part stays unread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::examples {

/// Images as a file holds them: bytes, (count, height, width, channels), and one label each.
struct RawImages {
    Index height = 0;
    Index width = 0;
    Index channels = 0;
    Index classes = 0;
    std::vector<std::uint8_t> pixels;
    std::vector<std::int32_t> labels;

    [[nodiscard]] std::size_t image_size() const noexcept {
        return static_cast<std::size_t>(height * width * channels);
    }
    [[nodiscard]] std::size_t count() const noexcept { return labels.size(); }
};

/// Images ready to train on: normalised, (count, height, width, channels), contiguous.
struct ImageSet {
    Index height = 0;
    Index width = 0;
    Index channels = 0;
    Index classes = 0;
    std::vector<float> pixels;
    std::vector<std::int32_t> labels;

    [[nodiscard]] std::size_t image_size() const noexcept {
        return static_cast<std::size_t>(height * width * channels);
    }
    [[nodiscard]] std::size_t count() const noexcept { return labels.size(); }

    /// The pixels of `how_many` images from `first` on, in place: evaluation needs no copy.
    [[nodiscard]] std::span<const float> pixels_of(std::size_t first, std::size_t how_many) const {
        return std::span(pixels).subspan(first * image_size(), how_many * image_size());
    }
    [[nodiscard]] std::span<const std::int32_t> labels_of(std::size_t first,
                                                          std::size_t how_many) const {
        return std::span(labels).subspan(first, how_many);
    }
};

/// What may be done to a training image without changing its label.
struct Augmentation {
    bool flip = false;  ///< mirror left and right, with probability one half
    Index padding = 0;  ///< crop at a random place of the image padded by this many pixels
};

/// The parts of a data set. The test part is read by `load_test`, which is called once, at the
/// end: until then nothing can be decided by looking at it.
struct Splits {
    std::string name;
    ImageSet training;
    ImageSet validation;
    Augmentation augmentation;
    std::function<ImageSet()> load_test;
};

/// Mean and inverse deviation of each channel, for pixels in [0, 1].
struct Normalisation {
    std::vector<float> mean;
    std::vector<float> scale;
};

/// Measured over all pixels of `images`, which should be the training part only.
inline Normalisation measure_normalisation(const RawImages& images) {
    const auto channels = static_cast<std::size_t>(images.channels);
    // Bytes sum exactly in 64 bits, so the constants do not depend on the order of images.
    std::vector<std::uint64_t> sum(channels, 0);
    std::vector<std::uint64_t> sum_of_squares(channels, 0);
    for (std::size_t i = 0; i < images.pixels.size(); ++i) {
        const std::uint64_t value = images.pixels[i];
        sum[i % channels] += value;
        sum_of_squares[i % channels] += value * value;
    }
    const double count = static_cast<double>(images.pixels.size() / channels);
    Normalisation result;
    for (std::size_t c = 0; c < channels; ++c) {
        const double mean = static_cast<double>(sum[c]) / count;
        const double variance = static_cast<double>(sum_of_squares[c]) / count - mean * mean;
        // A channel that never varies carries nothing; one grey level keeps the scale finite.
        const double deviation = std::sqrt(std::max(variance, 1.0));
        result.mean.push_back(static_cast<float>(mean / 255.0));
        result.scale.push_back(static_cast<float>(255.0 / deviation));
    }
    return result;
}

inline ImageSet normalise(const RawImages& raw, const Normalisation& constants) {
    ImageSet result{raw.height, raw.width, raw.channels, raw.classes, {}, raw.labels};
    const auto channels = static_cast<std::size_t>(raw.channels);
    result.pixels.resize(raw.pixels.size());
    for (std::size_t i = 0; i < raw.pixels.size(); ++i) {
        const std::size_t c = i % channels;
        result.pixels[i] =
            (static_cast<float>(raw.pixels[i]) / 255.0F - constants.mean[c]) * constants.scale[c];
    }
    return result;
}

/// The images at `positions`, in that order.
inline RawImages pick(const RawImages& from, std::span<const std::size_t> positions) {
    RawImages result{from.height, from.width, from.channels, from.classes, {}, {}};
    const std::size_t size = from.image_size();
    result.pixels.reserve(positions.size() * size);
    result.labels.reserve(positions.size());
    for (const std::size_t position : positions) {
        const auto image = std::span(from.pixels).subspan(position * size, size);
        result.pixels.insert(result.pixels.end(), image.begin(), image.end());
        result.labels.push_back(from.labels[position]);
    }
    return result;
}

/// Takes `fraction` of every class (rounded) for validation, chosen by `generator`; both parts
/// keep the order of the file.
/// Errors: OptionError when `fraction` is not in (0, 1); DataError when a part would be empty.
inline std::pair<RawImages, RawImages> split_off_validation(const RawImages& all, double fraction,
                                                            Generator generator) {
    if (!(fraction > 0.0 && fraction < 1.0)) {
        throw OptionError("the validation share is out of range", "split_off_validation",
                          "a fraction between 0 and 1", std::to_string(fraction),
                          "hold back 0.1 to 0.2 of the training images");
    }
    std::vector<std::vector<std::size_t>> of_class(static_cast<std::size_t>(all.classes));
    for (std::size_t i = 0; i < all.count(); ++i) {
        of_class[static_cast<std::size_t>(all.labels[i])].push_back(i);
    }
    std::vector<std::size_t> training;
    std::vector<std::size_t> validation;
    for (auto& members : of_class) {
        generator.shuffle(std::span(members));
        const double exact = fraction * static_cast<double>(members.size());
        const auto held_back = static_cast<std::ptrdiff_t>(std::lround(exact));
        validation.insert(validation.end(), members.begin(), members.begin() + held_back);
        training.insert(training.end(), members.begin() + held_back, members.end());
    }
    if (training.empty() || validation.empty()) {
        throw DataError("too few images to hold any back", "split_off_validation",
                        "at least one image in both parts",
                        std::to_string(training.size()) + " to train on, " +
                            std::to_string(validation.size()) + " to validate on",
                        "use a larger data set");
    }
    std::ranges::sort(training);
    std::ranges::sort(validation);
    return {pick(all, training), pick(all, validation)};
}

/// Splits, measures on the training part, normalises, and remembers how to read the test part.
inline Splits make_splits(std::string name, const RawImages& all, Augmentation augmentation,
                          double validation_fraction, std::uint64_t seed,
                          std::function<RawImages()> read_test) {
    const auto [training, validation] =
        split_off_validation(all, validation_fraction, Generator(seed));
    Normalisation constants = measure_normalisation(training);
    ImageSet training_set = normalise(training, constants);
    ImageSet validation_set = normalise(validation, constants);
    return {std::move(name), std::move(training_set), std::move(validation_set), augmentation,
            [read = std::move(read_test), kept = std::move(constants)] {
                return normalise(read(), kept);
            }};
}

}  // namespace kasmina::examples
