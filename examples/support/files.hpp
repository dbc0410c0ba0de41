// Reading data files whole, plain or gzip, with errors that name the file.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <zlib.h>
#include <kasmina/error.hpp>

namespace kasmina::examples {

/// Errors: DataError unless `folder` is an existing directory.
inline void require_folder(const std::filesystem::path& folder, const std::string& holds) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored)) {
        throw DataError("the data folder is missing", folder.string(), "a folder with " + holds,
                        std::filesystem::exists(folder, ignored) ? "a file" : "nothing there",
                        "check the path");
    }
}

/// The size in bytes of a regular, non-empty file, without reading it.
/// Errors: DataError.
inline std::uintmax_t require_file(const std::filesystem::path& file) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored)) {
        throw DataError("a data file is missing", file.string(), "a file",
                        std::filesystem::exists(file, ignored) ? "something else" : "nothing there",
                        "check the path, or download the data set again");
    }
    std::error_code failure;
    const std::uintmax_t size = std::filesystem::file_size(file, failure);
    if (failure || size == 0) {
        throw DataError("a data file is empty", file.string(), "at least one byte",
                        failure ? failure.message() : "0 bytes", "download the data set again");
    }
    return size;
}

/// The bytes of `file`, decompressed where it is gzip.
/// Errors: DataError when it is missing, empty, unreadable, or a damaged or truncated gzip.
inline std::vector<std::uint8_t> read_file(const std::filesystem::path& file) {
    require_file(file);
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> handle(gzopen(file.c_str(), "rb"), gzclose_r);
    if (!handle) {
        throw DataError("a data file cannot be opened", file.string(), "a readable file",
                        "a refusal", "check its permissions");
    }
    std::vector<std::uint8_t> bytes;
    std::array<std::uint8_t, 1 << 16> block{};
    int got = 0;
    while ((got = gzread(handle.get(), block.data(), static_cast<unsigned>(block.size()))) > 0) {
        bytes.insert(bytes.end(), block.begin(), block.begin() + got);
    }
    // A stream that stops too early is reported by gzerror alone: gzread just returns what it has.
    int code = Z_OK;
    const char* reason = gzerror(handle.get(), &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
        throw DataError("a data file is truncated or damaged", file.string(), "a whole gzip file",
                        std::string(reason) + " after " + std::to_string(bytes.size()) + " bytes",
                        "download the data set again");
    }
    return bytes;
}

}  // namespace kasmina::examples
