// Image sets: bytes as read, floats as trained on, and splits whose test part stays sealed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/data/augment.hpp>
#include <kasmina/error.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/shape.hpp>

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

/// Images ready to train on: normalised, (count, height, width, channels), contiguous. A
/// data::LabelledSet.
struct ImageSet {
    using Value = float;

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

    [[nodiscard]] Shape sample_shape() const { return {height, width, channels}; }
    void read(std::size_t place, std::span<float> to) const {
        std::ranges::copy(std::span(pixels).subspan(place * image_size(), image_size()),
                          to.begin());
    }
    [[nodiscard]] std::int32_t label(std::size_t place) const { return labels[place]; }
    [[nodiscard]] Index class_count() const noexcept { return classes; }
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
        const std::ptrdiff_t held_back = std::lround(exact);
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

/// The parts of a data set. The test part is read and checked with the others, so that nothing is
/// missing when training is over, and looked at when `open_test` is called: once, at the end. Until
/// then nothing can be decided by it.
struct Splits {
    std::string name;
    ImageSet training;
    ImageSet validation;
    data::RandomFlipCrop augmentation;
    RawImages sealed_test;
    Normalisation constants;
    std::vector<std::filesystem::path> files{};  ///< that all of it was read from

    [[nodiscard]] ImageSet open_test() const { return normalise(sealed_test, constants); }
};

[[nodiscard]] inline std::string size_in_words(const RawImages& images) {
    return std::to_string(images.height) + " x " + std::to_string(images.width) + " x " +
           std::to_string(images.channels);
}

/// Splits, measures on the training part, normalises, and seals the test part. Errors: DataError
/// when a part would be empty, or test images are of another size.
inline Splits make_splits(std::string name, const RawImages& all, RawImages test,
                          data::RandomFlipCrop augmentation, double validation_fraction,
                          std::uint64_t seed) {
    if (test.image_size() == 0 || size_in_words(test) != size_in_words(all)) {
        throw DataError("test images are of another size", name,
                        size_in_words(all) + ", as the training images", size_in_words(test),
                        "take all files from the same download");
    }
    if (test.count() == 0) {
        throw DataError("there is nothing to test on", name, "at least one test image", "none",
                        "use a larger data set");
    }
    const auto [training, validation] =
        split_off_validation(all, validation_fraction, Generator(seed));
    Normalisation constants = measure_normalisation(training);
    ImageSet training_set = normalise(training, constants);
    ImageSet validation_set = normalise(validation, constants);
    return {.name = std::move(name),
            .training = std::move(training_set),
            .validation = std::move(validation_set),
            .augmentation = augmentation,
            .sealed_test = std::move(test),
            .constants = std::move(constants)};
}

}  // namespace kasmina::examples
