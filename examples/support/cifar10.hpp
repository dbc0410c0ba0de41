// CIFAR-10, binary version: records of one label byte and three colour planes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "dataset.hpp"
#include "files.hpp"

namespace kasmina::examples::cifar10 {

inline constexpr std::size_t side = 32;
inline constexpr std::size_t plane = side * side;
inline constexpr std::size_t record_size = 1 + 3 * plane;

/// Errors: DataError when `size` is not a whole number of records.
inline void require_whole_records(const std::filesystem::path& file, std::uintmax_t size) {
    // CIFAR-100 has a coarse label before the fine one.
    if (size % record_size != 0 && size % (record_size + 1) == 0) {
        throw DataError("a file is of CIFAR-100", file.string(),
                        "records of " + std::to_string(record_size) + " bytes",
                        "records of " + std::to_string(record_size + 1) + ", with two labels each",
                        "download CIFAR-10, binary version");
    }
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

/// Errors: DataError where `folder` holds what people have in place of the binary version.
inline void require_binary_version(const std::filesystem::path& folder) {
    const auto has = [&folder](const char* name) { return is_there(folder / name); };
    const auto refuse = [&folder](const char* what, const char* got, const std::string& mend) {
        throw DataError(what, folder.string(), "data_batch_1.bin and its companions", got, mend);
    };
    if (has("data_batch_1.bin")) return;
    const std::string download = "download CIFAR-10, binary version";
    for (const char* below : {"cifar-10-batches-bin", "cifar10", "cifar-10"}) {
        if (!is_there(folder / below / "data_batch_1.bin")) continue;
        refuse("the data is one folder further down", below, "pass " + (folder / below).string());
    }
    if (has("train.bin") && has("test.bin")) {
        refuse("the folder is of CIFAR-100", "train.bin and test.bin", download);
    }
    if (has("data_batch_1") || has("cifar-10-batches-py")) {
        refuse("the folder is of CIFAR-10's Python version", "pickles", download);
    }
    for (const char* archive : {"cifar-10-binary.tar.gz", "cifar-10-binary.tar"}) {
        if (has(archive)) refuse("the archive is not unpacked", archive, "unpack it there");
    }
    for (const char* digits : {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz",
                               "t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"}) {
        if (has(digits)) refuse("the folder is of MNIST", digits, "read it as MNIST (--mnist)");
    }
}

/// data_batch_1.bin to data_batch_5.bin for training and validation (`validation_fraction` of
/// each class, chosen by `seed`); test_batch.bin for the test. Any number of records per file.
/// Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
/// Errors: DataError; all files are read in full.
inline Splits load(const std::filesystem::path& folder, std::uint64_t seed,
                   double validation_fraction = 0.15) {
    require_folder(folder, "data_batch_1.bin to data_batch_5.bin and test_batch.bin");
    require_binary_version(folder);
    std::vector<std::filesystem::path> files;
    for (int batch = 1; batch <= 5; ++batch) {
        files.push_back(folder / ("data_batch_" + std::to_string(batch) + ".bin"));
    }
    files.push_back(folder / "test_batch.bin");
    RawImages images{side, side, 3, 10, {}, {}};
    RawImages test = images;
    // What is missing is told before anything is read.
    for (const std::filesystem::path& file : files) require_file(file);
    for (const std::filesystem::path& file : files) {
        append_file(file, file == files.back() ? test : images);
    }
    Splits splits = make_splits("CIFAR-10", images, std::move(test), {.flip = true, .padding = 4},
                                validation_fraction, seed);
    splits.files = std::move(files);
    return splits;
}

}  // namespace kasmina::examples::cifar10
