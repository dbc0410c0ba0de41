// MNIST: IDX files of images and labels, plain or gzip.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "dataset.hpp"
#include "files.hpp"

namespace kasmina::examples::mnist {

/// The big-endian 32-bit number at `offset` of an IDX header.
inline std::uint32_t header_word(const std::vector<std::uint8_t>& bytes, std::size_t offset) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 4; ++i) word = (word << 8U) | bytes[offset + i];
    return word;
}

/// Checks the header of an IDX file of unsigned bytes and returns its `rank` extents.
/// Errors: DataError when the magic number is another, or the size is not what the header says.
inline std::vector<std::uint64_t> idx_extents(const std::filesystem::path& file,
                                              const std::vector<std::uint8_t>& bytes,
                                              std::uint32_t rank) {
    const std::size_t header = 4 + 4 * std::size_t{rank};
    if (bytes.size() < header) {
        throw DataError("an IDX file is truncated", file.string(),
                        "a header of " + std::to_string(header) + " bytes",
                        std::to_string(bytes.size()) + " bytes", "download the data set again");
    }
    const std::uint32_t magic = 0x0800U + rank;
    if (header_word(bytes, 0) != magic) {
        throw DataError("an IDX file has the wrong magic number", file.string(),
                        std::to_string(magic), std::to_string(header_word(bytes, 0)),
                        "check that images and labels are not exchanged");
    }
    std::vector<std::uint64_t> extents;
    // Dividing what is left, not multiplying extents: a hostile header cannot overflow it.
    std::uint64_t left = bytes.size() - header;
    bool fits = true;
    for (std::uint32_t axis = 0; axis < rank; ++axis) {
        const std::uint64_t extent = header_word(bytes, 4 + 4 * std::size_t{axis});
        fits = fits && extent != 0 && left % extent == 0;
        if (fits) left /= extent;
        extents.push_back(extent);
    }
    if (!fits || left != 1) {
        std::string shape;
        for (const std::uint64_t extent : extents) {
            shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
        }
        throw DataError("an IDX file's size contradicts its header", file.string(),
                        shape + " bytes after the header",
                        std::to_string(bytes.size() - header) + " bytes",
                        "download the data set again");
    }
    return extents;
}

/// Reads a pair of files.
/// Errors: DataError also when counts differ or a label is above 9.
inline RawImages read_pair(const std::filesystem::path& image_file,
                           const std::filesystem::path& label_file) {
    std::vector<std::uint8_t> pixels = read_file(image_file);
    const std::vector<std::uint8_t> labels = read_file(label_file);
    const auto extents = idx_extents(image_file, pixels, 3);
    const auto count = idx_extents(label_file, labels, 1).front();
    if (count != extents[0]) {
        throw DataError("MNIST images and labels differ in number", label_file.string(),
                        std::to_string(extents[0]) + " labels", std::to_string(count),
                        "take both files from the same download");
    }
    pixels.erase(pixels.begin(), pixels.begin() + 16);
    // Digits stay 28x28: the host takes any size, and a border of zeros would only cost time.
    RawImages images{static_cast<Index>(extents[1]),
                     static_cast<Index>(extents[2]),
                     1,
                     10,
                     std::move(pixels),
                     {}};
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t label = labels[8 + i];
        if (label > 9) {
            throw DataError("an MNIST label is out of range",
                            label_file.string() + ", record " + std::to_string(i),
                            "a label from 0 to 9", std::to_string(label),
                            "download the data set again");
        }
        images.labels.push_back(label);
    }
    return images;
}

/// `stem` or `stem`.gz in `folder`, whichever is there; the plain name where neither is.
inline std::filesystem::path find_idx(const std::filesystem::path& folder,
                                      const std::string& stem) {
    std::error_code ignored;
    const std::filesystem::path packed = folder / (stem + ".gz");
    const bool use_packed = !std::filesystem::exists(folder / stem, ignored) &&
                            std::filesystem::exists(packed, ignored);
    return use_packed ? packed : folder / stem;
}

/// Images `first` to `last` (exclusive).
inline RawImages range(const RawImages& from, std::size_t first, std::size_t last) {
    std::vector<std::size_t> positions(last - first);
    std::iota(positions.begin(), positions.end(), first);
    return pick(from, positions);
}

/// train-* for training and t10k-* for the test; where only t10k-* is there, its first four
/// fifths (8,000) to train and the rest (2,000) to test. Digits are not mirrored.
/// Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
/// Errors: DataError.
inline Splits load(const std::filesystem::path& folder, std::uint64_t seed,
                   double validation_fraction = 0.15) {
    require_folder(folder, "train-images-idx3-ubyte and its companions, or the t10k files");
    const auto test_images = find_idx(folder, "t10k-images-idx3-ubyte");
    const auto test_labels = find_idx(folder, "t10k-labels-idx1-ubyte");
    const auto train_images = find_idx(folder, "train-images-idx3-ubyte");
    const auto train_labels = find_idx(folder, "train-labels-idx1-ubyte");
    const Augmentation augmentation{.flip = false, .padding = 2};
    require_file(test_images);
    require_file(test_labels);
    std::error_code ignored;
    if (std::filesystem::exists(train_images, ignored) ||
        std::filesystem::exists(train_labels, ignored)) {
        return make_splits(
            "MNIST", read_pair(train_images, train_labels), augmentation, validation_fraction, seed,
            [test_images, test_labels] { return read_pair(test_images, test_labels); });
    }
    const RawImages all = read_pair(test_images, test_labels);
    const std::size_t boundary = all.count() * 4 / 5;
    return make_splits("MNIST (test file split)", range(all, 0, boundary), augmentation,
                       validation_fraction, seed, [test_images, test_labels, boundary] {
                           const RawImages again = read_pair(test_images, test_labels);
                           return range(again, boundary, again.count());
                       });
}

}  // namespace kasmina::examples::mnist
