// OpenFile: a handle that is closed, calls that are repeated when a signal interrupts them, and
// errors that say what the system said.
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <kasmina/checkpoint/file/operations.hpp>
#include <kasmina/error.hpp>
#include <kasmina/system_message.hpp>

namespace kasmina::checkpoint::file {

namespace detail {

/// The call, again while a signal interrupts it.
template <class Call>
[[nodiscard]] FileOperations::Outcome uninterrupted(Call&& call) {
    FileOperations::Outcome outcome = 0;
    do {
        outcome = call();
    } while (outcome == -EINTR);
    return outcome;
}

/// A path as messages show it; a zero byte, at which they would end, as `\0`.
[[nodiscard]] inline std::string shown(const std::filesystem::path& path) {
    std::string text;
    for (const char byte : path.empty() ? "an empty path" : path.string()) {
        byte == '\0' ? text.append("\\0") : text.append(1, byte);
    }
    constexpr std::size_t half = 120;
    if (text.size() <= 2 * half) return text;
    return text.substr(0, half) + "..." + text.substr(text.size() - half);
}

/// That the system would not read the path up to a zero byte in it, and take another file. Errors:
/// CheckpointError.
KASMINA_RARE inline void require_path(const std::filesystem::path& path) {
    if (path.native().find('\0') == std::string::npos) return;
    throw CheckpointError("this is no path", shown(path), "a path without zero bytes",
                          "a zero byte", "give the path that is meant");
}

[[nodiscard]] KASMINA_COLD inline std::string_view mend_of(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT: return "free space on the disk";
        case EFBIG: return "choose a disk that takes files of this size";
        case EACCES:
        case EPERM:
        case EROFS: return "choose a folder and file that you may use, or change their modes";
        case ENOENT:
        case ENOTDIR: return "create the folder, or mend the path";
        case ENAMETOOLONG: return "choose a shorter path";
        case ELOOP: return "mend the symbolic links";
        case EMFILE:
        case ENFILE: return "close files, or raise the limit of open ones";
        case EIO: return "look after the disk, and choose another one";
        default: return "choose another place";
    }
}

[[noreturn]] KASMINA_COLD inline void throw_system_error(std::string_view what,
                                                         const std::filesystem::path& file,
                                                         std::string_view expected,
                                                         FileOperations::Outcome outcome) {
    const int error = static_cast<int>(-outcome);
    throw CheckpointError(what, shown(file), expected, system_message(error), mend_of(error));
}

}  // namespace detail

/// Owns a handle. Of what closing says, only close() tells.
class OpenFile {
public:
    OpenFile() = default;
    /// Takes a handle that was opened by these operations, which outlive it.
    OpenFile(FileOperations& operations, FileOperations::Handle handle)
        : operations_(&operations), handle_(handle) {}
    OpenFile(OpenFile&& other) noexcept
        : operations_(std::exchange(other.operations_, nullptr)), handle_(other.handle_) {}
    OpenFile& operator=(OpenFile&& other) noexcept {
        if (this != &other) {
            close();
            operations_ = std::exchange(other.operations_, nullptr);
            handle_ = other.handle_;
        }
        return *this;
    }
    ~OpenFile() { close(); }

    [[nodiscard]] FileOperations::Handle handle() const noexcept { return handle_; }

    /// What the system said of closing; it is closed in any case.
    FileOperations::Outcome close() {
        FileOperations* const operations = std::exchange(operations_, nullptr);
        return operations == nullptr ? 0 : operations->close(handle_);
    }

private:
    FileOperations* operations_ = nullptr;
    FileOperations::Handle handle_ = -1;
};

}  // namespace kasmina::checkpoint::file
