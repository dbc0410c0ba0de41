// Reader: a safetensors file of which nothing but the header is in memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/header.hpp>
#include <kasmina/checkpoint/file/header_error.hpp>
#include <kasmina/checkpoint/file/open_file.hpp>
#include <kasmina/checkpoint/file/operations.hpp>
#include <kasmina/checkpoint/file/parse_header.hpp>
#include <kasmina/checkpoint/file/posix_operations.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

/// Opens a file, checks all of its header (parse_header) and its length, and then reads tensors
/// straight into the caller's memory. Beside that it holds the header and no bytes of tensors. A
/// file that another saver replaces meanwhile stays readable as it was.
class Reader {
public:
    /// Errors: CheckpointError when the file cannot be read or breaks a rule; it names the file and
    /// the JSON path or the tensor.
    [[nodiscard]] static Reader open(const std::filesystem::path& path,
                                     const HeaderRules& rules = {}) {
        return open(path, rules, std::make_shared<PosixFileOperations>());
    }

    /// The same by other file operations.
    [[nodiscard]] static Reader open(const std::filesystem::path& path, const HeaderRules& rules,
                                     std::shared_ptr<FileOperations> operations) {
        return Reader(path, rules, std::move(operations));
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    /// Length of the file.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] const Metadata& metadata() const noexcept { return header_.metadata; }
    /// By name.
    [[nodiscard]] const std::vector<TensorEntry>& tensors() const noexcept {
        return header_.tensors;
    }
    /// The tensor with this name; null when there is none.
    [[nodiscard]] const TensorEntry* find(std::string_view name) const noexcept {
        return header_.find(name);
    }

    /// All bytes of a tensor. Errors: CheckpointError when `bytes` has not the tensor's size, or
    /// the file cannot be read.
    void read(const TensorEntry& tensor, std::span<std::byte> bytes) const {
        if (bytes.size() != tensor.bytes()) {
            throw_span(tensor, std::to_string(tensor.bytes()) + " bytes", bytes.size());
        }
        read(tensor, 0, bytes);
    }

    /// A piece of a tensor, from byte `offset` of it on. Errors: as above; the piece lies within
    /// the tensor.
    void read(const TensorEntry& tensor, std::uint64_t offset, std::span<std::byte> bytes) const {
        if (offset > tensor.bytes() || bytes.size() > tensor.bytes() - offset) {
            throw_span(tensor, "a piece within " + std::to_string(tensor.bytes()) + " bytes",
                       bytes.size());
        }
        read_at(data_ + tensor.begin + offset, bytes);
    }

private:
    Reader(const std::filesystem::path& path, const HeaderRules& rules,
           std::shared_ptr<FileOperations> operations)
        : path_(path), source_(detail::shown(path)), operations_(std::move(operations)) {
        detail::require_path(path);
        const auto opened =
            detail::uninterrupted([&] { return operations_->open_for_reading(path); });
        if (opened < 0) {
            detail::throw_system_error("the file cannot be opened", path, "a file to read", opened);
        }
        file_ = OpenFile(*operations_, static_cast<FileOperations::Handle>(opened));
        FileStatus status;
        const auto asked =
            detail::uninterrupted([&] { return operations_->status(file_.handle(), status); });
        if (asked < 0) {
            detail::throw_system_error("the file cannot be opened", path, "a file to read", asked);
        }
        if (!status.regular) {
            throw CheckpointError("this is not a file", source_, "a regular file",
                                  status.folder ? "a folder" : "a device, FIFO or socket",
                                  "give the path of a safetensors file");
        }
        bytes_ = status.bytes;
        const std::uint64_t length = checked_header_length();
        data_ = header_length_bytes + length;
        std::string text(static_cast<std::size_t>(length), '\0');
        read_at(header_length_bytes, std::as_writable_bytes(std::span(text)));
        header_ = parse_header(text, bytes_ - data_, source_, rules);
    }

    /// What the first eight bytes say, after it was compared with the file's length, so that
    /// nothing is allocated for what is not there.
    [[nodiscard]] std::uint64_t checked_header_length() const {
        const auto fail = [this](std::string_view what, const std::string& expected,
                                 const std::string& got) {
            detail::throw_header_error(source_, "length of the header", what, expected, got);
        };
        if (bytes_ < header_length_bytes) {
            fail("the file is too short", "at least 8 bytes", std::to_string(bytes_) + " bytes");
        }
        std::array<std::byte, header_length_bytes> first{};
        read_at(0, first);
        const std::uint64_t length = header_length(first);
        if (length > HeaderLimits::bytes) {
            fail("the header is too long", "at most " + std::to_string(HeaderLimits::bytes),
                 std::to_string(length));
        }
        if (const std::uint64_t left = bytes_ - header_length_bytes; length > left) {
            fail("the file ends within its header",
                 "a header of at most " + std::to_string(left) + " bytes", std::to_string(length));
        }
        return length;
    }

    void read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
        while (!bytes.empty()) {
            const auto got = detail::uninterrupted(
                [&] { return operations_->read(file_.handle(), offset, bytes); });
            if (got < 0) {
                detail::throw_system_error("the file cannot be read", path_,
                                           "bytes from " + std::to_string(offset) + " on", got);
            }
            if (got == 0) {
                throw CheckpointError("the file has become shorter while it was read", source_,
                                      std::to_string(bytes_) + " bytes",
                                      std::to_string(offset) + " bytes",
                                      "leave the file alone while it is read");
            }
            bytes = bytes.subspan(static_cast<std::size_t>(got));
            offset += static_cast<std::uint64_t>(got);
        }
    }

    [[noreturn]] KASMINA_COLD void throw_span(const TensorEntry& tensor,
                                              const std::string& expected, std::size_t got) const {
        detail::throw_header_error(source_, detail::in_words(tensor),
                                   "a tensor is read into memory of another size", expected,
                                   std::to_string(got) + " bytes",
                                   "compare type and shape with the tensor's first");
    }

    std::filesystem::path path_;
    std::string source_;
    // Declared before the file, which needs them to be closed.
    std::shared_ptr<FileOperations> operations_;
    OpenFile file_;
    std::uint64_t bytes_ = 0;
    std::uint64_t data_ = 0;
    Header header_;
};

}  // namespace kasmina::checkpoint::file
