// Reading data files whole, plain or gzip, with errors that name the file and the cause.
#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <zlib.h>
#include <kasmina/error.hpp>
#include <kasmina/system_message.hpp>

#include "mistaken_data.hpp"

namespace kasmina::examples {

/// What is at a path where something else should be, in words.
[[nodiscard]] inline std::string what_is_there(const std::filesystem::path& path) {
    std::error_code failure;
    const auto status = std::filesystem::status(path, failure);
    switch (status.type()) {
        case std::filesystem::file_type::not_found: return "nothing there";
        case std::filesystem::file_type::none: return failure.message();
        case std::filesystem::file_type::regular: return "a file";
        case std::filesystem::file_type::directory: return "a folder";
        default: return "something else";
    }
}

/// Whether there is something of that name; false where that cannot be found out.
[[nodiscard]] inline bool is_there(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

/// Errors: DataError unless `folder` is an existing directory.
inline void require_folder(const std::filesystem::path& folder, const std::string& holds) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored)) {
        throw DataError("the data folder is missing", folder.string(), "a folder with " + holds,
                        what_is_there(folder), "check the path");
    }
}

/// The size in bytes of a regular, non-empty file, without reading it.
/// Errors: DataError.
inline std::uintmax_t require_file(const std::filesystem::path& file) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored)) {
        throw DataError("a data file is missing", file.string(), "a file", what_is_there(file),
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
/// Errors: DataError when it is missing, empty, unreadable, a damaged or truncated gzip, or
/// something that people have in place of data (mistaken_data.hpp).
inline std::vector<std::uint8_t> read_file(const std::filesystem::path& file) {
    require_file(file);
    errno = 0;
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> handle(gzopen(file.c_str(), "rbe"), gzclose_r);
    if (!handle) {
        throw DataError("a data file cannot be opened", file.string(), "a readable file",
                        system_message(errno == 0 ? ENOMEM : errno), "check its permissions");
    }
    std::vector<std::uint8_t> bytes;
    std::array<std::uint8_t, 1 << 16> block{};
    int got = 0;
    while ((got = gzread(handle.get(), block.data(), static_cast<unsigned>(block.size()))) > 0) {
        bytes.insert(bytes.end(), block.begin(), block.begin() + got);
    }
    // A stream that stops too early is reported by gzerror alone: gzread just returns what it has.
    const int cause = errno;
    int code = Z_OK;
    const char* reason = gzerror(handle.get(), &code);
    const std::string after = " after " + std::to_string(bytes.size()) + " bytes";
    if (code == Z_ERRNO) {
        throw DataError("a data file cannot be read", file.string(), "a readable file",
                        system_message(cause) + after, "check the disk");
    }
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
        throw DataError("a data file is truncated or damaged", file.string(), "a whole gzip file",
                        reason + after, "download the data set again");
    }
    if (const auto mistaken = mistaken_data(bytes)) {
        throw DataError("a data file is something else", file.string(), "data", mistaken->what,
                        mistaken->mend);
    }
    return bytes;
}

}  // namespace kasmina::examples
