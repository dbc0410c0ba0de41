// PosixFileOperations: the file operations of the system that the program runs on.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kasmina/above_standard_streams.hpp>
#include <kasmina/checkpoint/file/operations.hpp>

namespace kasmina::checkpoint::file {

/// System calls of POSIX, relative to an open folder, so that a temporary name is never longer than
/// the system takes. Has no state: any number of threads may use one.
class PosixFileOperations : public FileOperations {
public:
    Outcome open_folder(const std::filesystem::path& folder) override {
        return opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }

    Outcome list(Handle folder, std::vector<std::string>& names) override {
        const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (copy < 0) return -errno;
        DIR* const stream = ::fdopendir(copy);
        if (stream == nullptr) {
            const int error = errno;
            ::close(copy);
            return -error;
        }
        names.clear();
        errno = 0;
        while (const dirent* const entry = ::readdir(stream)) {
            names.emplace_back(entry->d_name);
            errno = 0;
        }
        const int error = errno;
        ::closedir(stream);
        return -error;
    }

    Outcome read_link(Handle folder, const std::string& name, std::string& target) override {
        target.resize(4096);
        const auto length = ::readlinkat(folder, name.c_str(), target.data(), target.size());
        if (length < 0) return -errno;
        if (static_cast<std::size_t>(length) == target.size()) return -ENAMETOOLONG;
        target.resize(static_cast<std::size_t>(length));
        return 0;
    }

    Outcome status_of(Handle folder, const std::string& name, FileStatus& status) override {
        struct stat raw {};
        if (::fstatat(folder, name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
        status = from(raw);
        return 0;
    }

    Outcome status(Handle file, FileStatus& status) override {
        struct stat raw {};
        if (::fstat(file, &raw) != 0) return -errno;
        status = from(raw);
        return 0;
    }

    Outcome open_for_reading(const std::filesystem::path& file) override {
        return opened(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    }

    Outcome open_for_reading(Handle folder, const std::string& name) override {
        return opened(::openat(folder, name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    }

    Outcome read(Handle file, std::uint64_t offset, std::span<std::byte> bytes) override {
        return outcome(::pread(file, bytes.data(), std::min(bytes.size(), most_at_once),
                               static_cast<off_t>(offset)));
    }

    Outcome create(Handle folder, const std::string& name, unsigned mode) override {
        return opened(
            ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t{mode}));
    }

    Outcome write(Handle file, std::span<const std::byte> bytes) override {
        return outcome(::write(file, bytes.data(), std::min(bytes.size(), most_at_once)));
    }

    Outcome begin_synchronising([[maybe_unused]] Handle file, [[maybe_unused]] std::uint64_t offset,
                                [[maybe_unused]] std::uint64_t bytes) override {
#ifdef SYNC_FILE_RANGE_WRITE
        return outcome(::sync_file_range(file, static_cast<off_t>(offset),
                                         static_cast<off_t>(bytes), SYNC_FILE_RANGE_WRITE));
#else
        return 0;
#endif
    }

    Outcome set_owner(Handle file, unsigned owner, unsigned group) override {
        return outcome(::fchown(file, uid_t{owner}, gid_t{group}));
    }

    Outcome set_group(Handle file, unsigned group) override {
        return outcome(::fchown(file, static_cast<uid_t>(-1), gid_t{group}));
    }

    Outcome set_mode(Handle file, unsigned mode) override {
        return outcome(::fchmod(file, mode_t{mode}));
    }

    Outcome lock(Handle file) override { return outcome(::flock(file, LOCK_EX | LOCK_NB)); }

    Outcome synchronise(Handle file_or_folder) override {
#ifdef F_FULLFSYNC
        // There fsync stops at the drive's own cache.
        if (::fcntl(file_or_folder, F_FULLFSYNC) == 0) return 0;
#endif
        return outcome(::fsync(file_or_folder));
    }

    Outcome close(Handle file_or_folder) override { return outcome(::close(file_or_folder)); }

    Outcome rename(Handle folder, const std::string& from, const std::string& to) override {
        return outcome(::renameat(folder, from.c_str(), folder, to.c_str()));
    }

    Outcome remove(Handle folder, const std::string& name) override {
        return outcome(::unlinkat(folder, name.c_str(), 0));
    }

    std::uint64_t unlikely_number() override {
        const auto time = std::chrono::steady_clock::now().time_since_epoch().count();
        return static_cast<std::uint64_t>(time) ^ (static_cast<std::uint64_t>(::getpid()) << 40);
    }

private:
    /// Systems take at most 2 GiB in one call.
    static constexpr std::size_t most_at_once = std::size_t{1} << 30;

    template <class Returned>
    [[nodiscard]] static Outcome outcome(Returned returned) noexcept {
        return returned < 0 ? Outcome{-errno} : static_cast<Outcome>(returned);
    }

    [[nodiscard]] static Outcome opened(int descriptor) noexcept {
        return outcome(above_standard_streams(descriptor));
    }

    [[nodiscard]] static FileStatus from(const struct stat& raw) noexcept {
        return {.regular = S_ISREG(raw.st_mode),
                .folder = S_ISDIR(raw.st_mode),
                .bytes = static_cast<std::uint64_t>(raw.st_size),
                .mode = static_cast<unsigned>(raw.st_mode) & 0777u,
                .owner = static_cast<unsigned>(raw.st_uid),
                .group = static_cast<unsigned>(raw.st_gid),
                .names = static_cast<std::uint64_t>(raw.st_nlink)};
    }
};

}  // namespace kasmina::checkpoint::file
