// MNIST: IDX files of images and labels, plain or gzip.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
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

/// The first `count` extents of a header, from the byte after the magic number on.
inline std::vector<std::uint64_t> extents_of(const std::vector<std::uint8_t>& bytes,
                                             std::uint32_t count) {
    std::vector<std::uint64_t> extents;
    for (std::uint32_t axis = 0; axis < count; ++axis) {
        extents.push_back(header_word(bytes, 4 + 4 * std::size_t{axis}));
    }
    return extents;
}

inline std::string in_words(const std::vector<std::uint64_t>& extents) {
    std::string shape;
    for (const std::uint64_t extent : extents) {
        shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
    }
    return shape;
}

/// Whether `bytes` are as many as extents say. Divides what is left and multiplies nothing: a
/// hostile header cannot overflow it.
inline bool fits(const std::vector<std::uint64_t>& extents, std::uint64_t bytes) {
    for (const std::uint64_t extent : extents) {
        if (extent == 0 || bytes % extent != 0) return false;
        bytes /= extent;
    }
    return bytes == 1;
}

/// What the third byte of an IDX file says of its elements.
inline std::string element_type(std::uint8_t type) {
    switch (type) {
        case 0x08: return "unsigned bytes";
        case 0x09: return "signed bytes";
        case 0x0B: return "16-bit integers";
        case 0x0C: return "32-bit integers";
        case 0x0D: return "floats of 32 bits";
        case 0x0E: return "floats of 64 bits";
        default: return "elements of type " + std::to_string(type);
    }
}

/// Errors: DataError, of a sentence of its own for each kind of IDX file that is not the one.
inline void require_magic(const std::filesystem::path& file, const std::vector<std::uint8_t>& bytes,
                          std::uint32_t rank) {
    const std::uint32_t magic = 0x0800U + rank;
    const std::uint32_t got = header_word(bytes, 0);
    if (got == magic) return;
    const auto refuse = [&file](const char* what, const std::string& expected,
                                const std::string& found, const char* mend) {
        throw DataError(what, file.string(), expected, found, mend);
    };
    const std::uint32_t got_rank = got & 0xFFU;
    const auto type = static_cast<std::uint8_t>(got >> 8U);
    if ((got & 0xFFFFU) == 0 && (got >> 24U) == rank) {
        refuse("an IDX file is little-endian", "numbers of the header with the high byte first",
               "the low byte first", "write the header's numbers in network order");
    }
    if ((got >> 16U) == 0 && type != 0x08 && got_rank >= 1 && got_rank <= 4) {
        refuse("an IDX file does not hold bytes", "unsigned bytes", element_type(type),
               "write pixels as bytes from 0 to 255");
    }
    const bool exchanged = (rank == 3 && got == 0x0801U) || (rank == 1 && got == 0x0803U);
    if ((got >> 8U) == 0x08 && !exchanged && bytes.size() >= 4 + 4 * std::size_t{got_rank}) {
        refuse(rank == 3 ? "an IDX file of images has an axis too many or too few"
                         : "an IDX file of labels has an axis too many",
               rank == 3 ? "images x height x width" : "one label an image",
               in_words(extents_of(bytes, got_rank)),
               rank == 3 ? "write grey images without an axis of channels (NCHW or NHWC)"
                         : "write classes as numbers from 0 to 9");
    }
    refuse("an IDX file has the wrong magic number", std::to_string(magic), std::to_string(got),
           "check that images and labels are not exchanged");
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
    require_magic(file, bytes, rank);
    std::vector<std::uint64_t> extents = extents_of(bytes, rank);
    if (!fits(extents, bytes.size() - header)) {
        throw DataError("an IDX file's size contradicts its header", file.string(),
                        in_words(extents) + " bytes after the header",
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

/// The file `<part>-<kind>`, plain, with a dot before "idx" as some copies have it, or with .gz at
/// the end, whichever is there; the plain name where none is.
inline std::filesystem::path find_idx(const std::filesystem::path& folder, const std::string& part,
                                      const std::string& kind) {
    for (const char* between : {"-", "."}) {
        for (const char* end : {"", ".gz"}) {
            const std::filesystem::path file = folder / (part + between + kind + end);
            if (is_there(file)) return file;
        }
    }
    return folder / (part + "-" + kind);
}

/// Images `first` to `last` (exclusive).
inline RawImages range(const RawImages& from, std::size_t first, std::size_t last) {
    std::vector<std::size_t> positions(last - first);
    std::iota(positions.begin(), positions.end(), first);
    return pick(from, positions);
}

/// Errors: DataError where `folder` holds what people have in place of IDX files.
inline void require_idx_files(const std::filesystem::path& folder) {
    const auto refuse = [&folder](const char* what, const std::string& got,
                                  const std::string& mend) {
        throw DataError(what, folder.string(), "t10k-images-idx3-ubyte and its companions", got,
                        mend);
    };
    if (is_there(find_idx(folder, "t10k-images", "idx3-ubyte"))) return;
    for (const char* below : {"MNIST/raw", "raw", "mnist"}) {
        if (!is_there(find_idx(folder / below, "t10k-images", "idx3-ubyte"))) continue;
        refuse("the data is further down", below, "pass " + (folder / below).string());
    }
    if (is_there(folder / "mnist.npz")) {
        refuse("the folder holds arrays of NumPy", "mnist.npz", "download MNIST's four IDX files");
    }
    if (is_there(folder / "data_batch_1.bin")) {
        refuse("the folder is of CIFAR-10", "data_batch_1.bin", "read it as CIFAR-10 (--data)");
    }
}

/// train-* for training and t10k-* for the test; where only t10k-* is there, its first four
/// fifths (8,000) to train and the rest (2,000) to test. Digits are not mirrored.
/// Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
/// Errors: DataError; all files are read in full.
inline Splits load(const std::filesystem::path& folder, std::uint64_t seed,
                   double validation_fraction = 0.15) {
    require_folder(folder, "train-images-idx3-ubyte and its companions, or the t10k files");
    require_idx_files(folder);
    const auto test_images = find_idx(folder, "t10k-images", "idx3-ubyte");
    const auto test_labels = find_idx(folder, "t10k-labels", "idx1-ubyte");
    const auto train_images = find_idx(folder, "train-images", "idx3-ubyte");
    const auto train_labels = find_idx(folder, "train-labels", "idx1-ubyte");
    const data::RandomFlipCrop augmentation{.flip = false, .padding = 2};
    require_file(test_images);
    require_file(test_labels);
    const bool whole = is_there(train_images) || is_there(train_labels);
    if (whole) {
        require_file(train_images);
        require_file(train_labels);
    }
    RawImages test = read_pair(test_images, test_labels);
    if (whole) {
        const RawImages training = read_pair(train_images, train_labels);
        if (size_in_words(training) != size_in_words(test)) {
            throw DataError("test images are of another size", test_images.string(),
                            size_in_words(training) + ", as in " + train_images.string(),
                            size_in_words(test), "take all files from the same download");
        }
        Splits splits = make_splits("MNIST", training, std::move(test), augmentation,
                                    validation_fraction, seed);
        splits.files = {train_images, train_labels, test_images, test_labels};
        return splits;
    }
    const std::size_t boundary = test.count() * 4 / 5;
    Splits splits =
        make_splits("MNIST (test file split)", range(test, 0, boundary),
                    range(test, boundary, test.count()), augmentation, validation_fraction, seed);
    splits.files = {test_images, test_labels};
    return splits;
}

}  // namespace kasmina::examples::mnist
