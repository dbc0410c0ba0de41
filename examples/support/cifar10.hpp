// CIFAR-10, binary version: records of one label byte and three colour planes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dataset.hpp"
#include "files.hpp"

namespace kasmina::examples::cifar10 {

inline constexpr std::size_t side = 32;
inline constexpr std::size_t plane = side * side;
inline constexpr std::size_t record_size = 1 + 3 * plane;

/// Errors: DataError when `size` is not a whole number of records.
inline void require_whole_records(const std::filesystem::path& file, std::uintmax_t size) {
    if (size % record_size != 0) {
        throw DataError("a CIFAR-10 file is truncated", file.string(),
                        "a multiple of " + std::to_string(record_size) + " bytes",
                        std::to_string(size) + " bytes", "download the data set again");
    }
}

/// Appends the records of one file to `images`, turning planes into channels-last pixels.
/// Errors: DataError when it is missing, empty or truncated, or a label is above 9.
inline void append_file(const std::filesystem::path& file, RawImages& images) {
    const std::vector<std::uint8_t> bytes = read_file(file);
    require_whole_records(file, bytes.size());
    for (std::size_t record = 0; record < bytes.size() / record_size; ++record) {
        const std::uint8_t* at = bytes.data() + record * record_size;
        if (*at > 9) {
            throw DataError("a CIFAR-10 label is out of range",
                            file.string() + ", record " + std::to_string(record),
                            "a label from 0 to 9", std::to_string(*at),
                            "use the binary version of CIFAR-10 (not CIFAR-100)");
        }
        images.labels.push_back(*at);
        const std::uint8_t* planes = at + 1;
        for (std::size_t i = 0; i < plane; ++i) {
            for (std::size_t c = 0; c < 3; ++c) images.pixels.push_back(planes[c * plane + i]);
        }
    }
}

/// data_batch_1.bin to data_batch_5.bin for training and validation (`validation_fraction` of
/// each class, chosen by `seed`); test_batch.bin for the test. Any number of records per file.
/// Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
/// Errors: DataError; the test file's presence and size are checked now, its content when read.
inline Splits load(const std::filesystem::path& folder, std::uint64_t seed,
                   double validation_fraction = 0.15) {
    require_folder(folder, "data_batch_1.bin to data_batch_5.bin and test_batch.bin");
    const RawImages none{side, side, 3, 10, {}, {}};
    const std::filesystem::path test_file = folder / "test_batch.bin";
    RawImages images = none;
    for (int batch = 1; batch <= 5; ++batch) {
        append_file(folder / ("data_batch_" + std::to_string(batch) + ".bin"), images);
    }
    // A missing test file should not surface after an hour of training.
    require_whole_records(test_file, require_file(test_file));
    return make_splits("CIFAR-10", images, {.flip = true, .padding = 4}, validation_fraction, seed,
                       [test_file, none] {
                           RawImages test = none;
                           append_file(test_file, test);
                           return test;
                       });
}

}  // namespace kasmina::examples::cifar10
