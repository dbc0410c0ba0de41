// UndoFile: bytes that wait on the disk, in a file without a name, until they are needed again or
// not.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include <kasmina/checkpoint/file/open_file.hpp>
#include <kasmina/checkpoint/file/operations.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

/// Goes with this object, and with the process however that ends.
class UndoFile {
public:
    /// A file in `folder`, whose name is gone at once. The operations must outlive it. Errors:
    /// CheckpointError when the folder takes no file.
    UndoFile(const std::filesystem::path& folder, FileOperations& operations)
        : folder_(folder), operations_(operations) {
        detail::require_path(folder);
        const auto opened = detail::uninterrupted([&] { return operations.open_folder(folder); });
        require(opened, "the folder cannot be opened", "a folder");
        const OpenFile place(operations, static_cast<FileOperations::Handle>(opened));
        const std::uint64_t number = operations.unlikely_number();
        FileOperations::Outcome made = -EEXIST;
        std::string name;
        for (std::uint64_t attempt = 0; made == -EEXIST && attempt < 100; ++attempt) {
            name = ".kasmina-undo-" + std::to_string(number + attempt);
            made = detail::uninterrupted(
                [&] { return operations.create(place.handle(), name, 0600u); });
        }
        require(made, "no file can be made for the values that a load overwrites",
                "a folder that takes files");
        written_ = OpenFile(operations, static_cast<FileOperations::Handle>(made));
        const auto read = detail::uninterrupted(
            [&] { return operations.open_for_reading(place.handle(), name); });
        static_cast<void>(
            detail::uninterrupted([&] { return operations.remove(place.handle(), name); }));
        require(read, "no file can be made for the values that a load overwrites",
                "a folder that takes files");
        read_ = OpenFile(operations, static_cast<FileOperations::Handle>(read));
    }

    /// Behind what was written before. Errors: CheckpointError when the disk is full, or as the
    /// system says.
    void append(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const auto done =
                detail::uninterrupted([&] { return operations_.write(written_.handle(), bytes); });
            require(done == 0 ? -EIO : done, "the values that a load overwrites cannot be kept",
                    "room for " + std::to_string(bytes.size()) + " bytes more");
            bytes = bytes.subspan(static_cast<std::size_t>(done));
        }
    }

    /// From `offset` on. Errors: CheckpointError as the system says.
    void read(std::uint64_t offset, std::span<std::byte> bytes) const {
        while (!bytes.empty()) {
            const auto got = detail::uninterrupted(
                [&] { return operations_.read(read_.handle(), offset, bytes); });
            require(got == 0 ? -EIO : got,
                    "values that a load has overwritten cannot be put back: the host holds some of "
                    "the file's and some of its own",
                    "what was written there");
            bytes = bytes.subspan(static_cast<std::size_t>(got));
            offset += static_cast<std::uint64_t>(got);
        }
    }

private:
    void require(FileOperations::Outcome outcome, std::string_view what,
                 std::string_view expected) const {
        if (outcome < 0) detail::throw_system_error(what, folder_, expected, outcome);
    }

    std::filesystem::path folder_;
    FileOperations& operations_;
    OpenFile written_;
    OpenFile read_;
};

}  // namespace kasmina::checkpoint::file
