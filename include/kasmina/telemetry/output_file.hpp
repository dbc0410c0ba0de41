// OutputFile: a file that events are written to as they come, each whole, with causes in words.
#pragma once

#if !__has_include(<unistd.h>)
#error \
    "kasmina/telemetry/output_file.hpp writes by POSIX calls; here, give events to a sink of yours"
#endif

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kasmina/above_standard_streams.hpp>
#include <kasmina/error.hpp>
#include <kasmina/system_message.hpp>

namespace kasmina::telemetry {

/// A file that is written piece by piece, without a buffer of its own. Symlinks are followed, modes
/// stay, and devices and FIFOs are written to. It is never given the number of a standard stream:
/// where a program was started without one, what it prints would end in the file. A path that
/// leads to the file of standard output or standard error (/dev/stdout, or a file that the shell
/// opened) writes to that stream and replaces nothing. A FIFO whose reader has gone ends a program
/// that does not ignore SIGPIPE. Move-only.
class OutputFile {
public:
    /// Replaces what a file held. Waits for a reader where it is a FIFO. `where` is the user of the
    /// file, for messages. Errors: DataError with the cause.
    [[nodiscard]] static OutputFile replace(std::filesystem::path path, std::string where) {
        struct stat now {};
        if (::stat(path.c_str(), &now) == 0) {
            for (const int standard : {STDOUT_FILENO, STDERR_FILENO}) {
                if (is_the_file_of(standard, now)) {
                    return {std::move(path), std::move(where), duplicate(standard)};
                }
            }
        }
        const int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC);
        return {std::move(path), std::move(where), descriptor};
    }

    /// Nothing where there is something of that name. Errors: DataError with the cause.
    [[nodiscard]] static std::optional<OutputFile> create(std::filesystem::path path,
                                                          std::string where) {
        const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL);
        if (descriptor < 0 && errno == EEXIST) return std::nullopt;
        return OutputFile(std::move(path), std::move(where), descriptor);
    }

    OutputFile(OutputFile&& other) noexcept
        : path_(std::move(other.path_)),
          where_(std::move(other.where_)),
          descriptor_(std::exchange(other.descriptor_, -1)),
          broken_(other.broken_) {}
    OutputFile& operator=(OutputFile&& other) noexcept {
        OutputFile taken(std::move(other));
        std::swap(path_, taken.path_);
        std::swap(where_, taken.where_);
        std::swap(descriptor_, taken.descriptor_);
        std::swap(broken_, taken.broken_);
        return *this;
    }
    ~OutputFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    /// Writes all of `piece`, or nothing of it where what was written can be taken back. Where it
    /// cannot, a half would spoil what follows, and every later call fails like this one. Errors:
    /// DataError with the cause.
    void write(std::string_view piece) {
        if (broken_ != 0) refuse("cannot be written", broken_);
        std::string_view left = piece;
        while (!left.empty()) {
            const ::ssize_t written = ::write(descriptor_, left.data(), left.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) {
                const int cause = errno;
                if (left.size() != piece.size() && !take_back(piece.size() - left.size())) {
                    broken_ = cause;
                }
                refuse("cannot be written", cause);
            }
            left.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    OutputFile(std::filesystem::path path, std::string where, int descriptor)
        : path_(std::move(path)), where_(std::move(where)), descriptor_(descriptor) {
        if (descriptor_ < 0) refuse("cannot be opened", errno);
    }

    [[nodiscard]] static bool is_the_file_of(int descriptor, const struct stat& file) noexcept {
        struct stat opened {};
        return ::fstat(descriptor, &opened) == 0 && opened.st_dev == file.st_dev &&
               opened.st_ino == file.st_ino && S_ISCHR(file.st_mode) == 0;
    }

    /// The same file by a number above those of the standard streams; -1 and errno on failure.
    [[nodiscard]] static int duplicate(int descriptor) noexcept {
        return ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    }

    [[nodiscard]] static int open(const std::filesystem::path& path, int flags) noexcept {
        int descriptor = -1;
        do {
            descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666);
        } while (descriptor < 0 && errno == EINTR);
        return above_standard_streams(descriptor);
    }

    /// Of a regular file, its last `count` bytes.
    [[nodiscard]] bool take_back(std::size_t count) const noexcept {
        struct stat now {};
        if (::fstat(descriptor_, &now) != 0 || !S_ISREG(now.st_mode)) return false;
        const ::off_t before = ::lseek(descriptor_, 0, SEEK_CUR) - static_cast<::off_t>(count);
        return ::ftruncate(descriptor_, before) == 0 &&
               ::lseek(descriptor_, before, SEEK_SET) == before;
    }

    [[noreturn]] KASMINA_COLD void refuse(const char* what, int cause) const {
        throw DataError(std::string("a telemetry file ") + what, where_, "a place to write to",
                        path_.string() + ": " + system_message(cause),
                        "create the folder, free the disk or choose another path");
    }

    std::filesystem::path path_;
    std::string where_;
    int descriptor_;
    int broken_ = 0;  ///< the cause
};

}  // namespace kasmina::telemetry
