// Target: the file that a path means in the end, behind any symbolic links, and what is there.
#pragma once

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <kasmina/checkpoint/file/open_file.hpp>
#include <kasmina/checkpoint/file/operations.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

/// A place for a file.
struct Target {
    OpenFile folder{};
    /// In that folder; no link.
    std::string name{};
    /// What is there.
    std::optional<FileStatus> old{};
};

/// Follows the links that `path` ends in, up to 40, so that a link stays and what it points to is
/// meant; it may point to nothing yet. The operations must outlive the target. Errors:
/// CheckpointError when the folder cannot be opened, the path holds a zero byte or names no file,
/// or what is there is not a file, or is one that nobody may write.
[[nodiscard]] inline Target find_target(const std::filesystem::path& path,
                                        FileOperations& operations) {
    const auto fail = [&path](std::string_view what, std::string_view expected,
                              std::string_view got, std::string_view mend) {
        throw CheckpointError(what, detail::shown(path), expected, got, mend);
    };
    detail::require_path(path);
    std::filesystem::path at = path;
    for (int links = 0; links <= 40; ++links) {
        std::filesystem::path folder = at.parent_path();
        if (folder.empty()) folder = ".";
        Target target;
        target.name = at.filename().string();
        if (target.name.empty() || target.name == "." || target.name == "..") {
            fail("this names no file", "a path that ends in a file's name",
                 "\"" + detail::shown(at) + "\"", "add a name to the folder's");
        }
        const auto opened = detail::uninterrupted([&] { return operations.open_folder(folder); });
        if (opened < 0) {
            detail::throw_system_error("the folder cannot be opened", path, "a folder", opened);
        }
        target.folder = OpenFile(operations, static_cast<FileOperations::Handle>(opened));

        std::string next;
        const auto link = detail::uninterrupted(
            [&] { return operations.read_link(target.folder.handle(), target.name, next); });
        if (link >= 0) {
            at = folder / next;  // an absolute one replaces the folder
            continue;
        }
        if (link == -ENOENT) return target;
        FileStatus status;
        const auto asked = link != -EINVAL ? link : detail::uninterrupted([&] {
            return operations.status_of(target.folder.handle(), target.name, status);
        });
        if (asked == -ENOENT) return target;
        if (asked < 0) {
            detail::throw_system_error("the file cannot be replaced", path, "a file's name", asked);
        }
        if (!status.regular) {
            fail("what is there is not a file", "a regular file, or nothing",
                 status.folder ? "a folder" : "a device, FIFO or socket", "choose another name");
        }
        if ((status.mode & 0222u) == 0) {
            fail("the file is write-protected", "a file that its owner may write",
                 "a mode without w", "choose another name, or let it be written (chmod u+w)");
        }
        target.old = status;
        return target;
    }
    fail("symbolic links that lead nowhere", "at most 40 links", "more", "mend the links");
    return {};
}

}  // namespace kasmina::checkpoint::file
