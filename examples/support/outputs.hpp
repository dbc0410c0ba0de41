// Files of text that are written when all of it is there: whole, or as they were.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kasmina/above_standard_streams.hpp>
#include <kasmina/checkpoint/file/posix_operations.hpp>
#include <kasmina/checkpoint/file/replacement.hpp>
#include <kasmina/error.hpp>
#include <kasmina/system_message.hpp>

namespace kasmina::examples {

[[noreturn]] inline void refuse_output(const std::filesystem::path& file, const std::string& cause,
                                       const std::string& mend) {
    throw DataError("an output cannot be written", file.string(), "a place to write to", cause,
                    mend);
}
[[noreturn]] inline void refuse_output(const std::filesystem::path& file, int cause) {
    refuse_output(file, system_message(cause), "create the folder, or choose another place");
}

/// What is at the end of a path, symlinks followed.
[[nodiscard]] inline std::optional<struct stat> what_is_at(const std::filesystem::path& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return std::nullopt;
    return found;
}

[[nodiscard]] inline bool is_same(const struct stat& one, const struct stat& other) noexcept {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/// The descriptor of standard output or standard error where `path` leads to what it writes to, as
/// /dev/stdout does; a file there must not be replaced under it. -1 otherwise.
[[nodiscard]] inline int standard_stream_at(const std::filesystem::path& path) {
    const auto found = what_is_at(path);
    for (const int standard : {STDOUT_FILENO, STDERR_FILENO}) {
        struct stat opened {};
        if (found && ::fstat(standard, &opened) == 0 && is_same(*found, opened)) return standard;
    }
    return -1;
}

/// Whether a file of text takes the place of what is at `path`, and not its bytes the way of what
/// is there: of a device, a FIFO, a socket or a standard stream.
[[nodiscard]] inline bool is_replaced(const std::filesystem::path& path) {
    const auto found = what_is_at(path);
    return (!found || S_ISREG(found->st_mode)) && standard_stream_at(path) < 0;
}

/// The file that is written for `path`: where symlinks lead, although nothing may be there yet.
/// Errors: DataError for links in a circle.
[[nodiscard]] inline std::filesystem::path target_of(const std::filesystem::path& path) {
    std::filesystem::path target = path;
    std::error_code failure;
    for (int links = 0; std::filesystem::is_symlink(target, failure); ++links) {
        const std::filesystem::path next = std::filesystem::read_symlink(target, failure);
        if (failure || links == 40) refuse_output(path, failure ? failure.value() : ELOOP);
        target = target.parent_path() / next;
    }
    return target;
}

/// A descriptor that closes itself, never of a number of a standard stream.
class Descriptor {
public:
    explicit Descriptor(int number) noexcept : number_(above_standard_streams(number)) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { static_cast<void>(close()); }

    [[nodiscard]] int number() const noexcept { return number_; }
    [[nodiscard]] bool open() const noexcept { return number_ >= 0; }
    /// Whether all that was written has been taken.
    bool close() noexcept { return number_ < 0 || ::close(std::exchange(number_, -1)) == 0; }

private:
    int number_;
};

/// False, and a cause in errno, when it cannot be written whole.
[[nodiscard]] inline bool write_all(int descriptor, std::string_view text) noexcept {
    while (!text.empty()) {
        const ::ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

/// A new file of a name that nobody has, in a folder; its name in `name`. Of any length is the name
/// of the file that it is to become.
[[nodiscard]] inline int make_file_in(const std::filesystem::path& folder, std::string& name) {
    name = (folder / ".kasmina-XXXXXX").string();
    return ::mkostemp(name.data(), O_CLOEXEC);
}

[[nodiscard]] inline std::filesystem::path folder_of(const std::filesystem::path& file) {
    return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

/// A file in a folder in which none can be made is written in its place.
[[nodiscard]] inline bool must_be_written_in_place(int cause, const std::filesystem::path& target) {
    return (cause == EACCES || cause == EPERM || cause == EROFS) &&
           ::access(target.c_str(), F_OK) == 0;
}

/// Whether a file has to be written where it is, for its folder takes no other. Errors: DataError
/// with the cause where it cannot be written at all.
[[nodiscard]] inline bool has_no_room_beside(const std::filesystem::path& file) {
    const std::filesystem::path target = target_of(file);
    std::string name;
    const Descriptor probe(make_file_in(folder_of(target), name));
    if (probe.open()) {
        ::unlink(name.c_str());
        return false;
    }
    if (!must_be_written_in_place(errno, target)) refuse_output(file, errno);
    return true;
}

/// Finds out before an hour of training whether `write_whole` will be able to write `file`. Changes
/// nothing. Errors: DataError with the cause when not.
inline void require_writable(const std::filesystem::path& file) {
    if (file.empty()) refuse_output(file, "an empty name", "name a file");
    const auto found = what_is_at(file);
    const int cause = found ? 0 : errno;
    if (found && S_ISDIR(found->st_mode)) refuse_output(file, EISDIR);
    if (found && standard_stream_at(file) < 0 && ::access(file.c_str(), W_OK) != 0) {
        refuse_output(file, errno);
    }
    if (!is_replaced(file)) return;
    if (cause != 0 && cause != ENOENT) refuse_output(file, cause);
    if (!target_of(file).has_filename()) refuse_output(file, EISDIR);
    static_cast<void>(has_no_room_beside(file));
}

/// Writes `text` to where `file` leads: a file is replaced as a checkpoint is, by one with its
/// mode, so that readers see the old or the new; a device, FIFO or standard stream is written to.
/// Errors: DataError with the cause; a file is as it was then, and nothing is left behind.
inline void write_whole(const std::filesystem::path& file, std::string_view text) {
    if (const int standard = standard_stream_at(file); standard >= 0) {
        if (!write_all(standard, text)) refuse_output(file, errno);
        return;
    }
    const auto in_place = [&](int flags) {
        Descriptor opened(::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | flags));
        if (!opened.open() || !write_all(opened.number(), text) || !opened.close()) {
            refuse_output(file, errno);
        }
    };
    if (!is_replaced(file)) return in_place(0);
    if (has_no_room_beside(file)) return in_place(O_TRUNC);
    try {
        checkpoint::file::PosixFileOperations operations;
        checkpoint::file::Replacement replacement(file, operations);
        replacement.write(std::as_bytes(std::span(text)));
        replacement.commit();
    } catch (const CheckpointError& error) {
        refuse_output(file, error.got(), error.mend());
    }
}

/// Finds out whether files can be made in a folder, which is made where it is missing. Changes
/// nothing. Errors: DataError with the cause when not.
inline void require_folder_writable(const std::filesystem::path& folder) {
    if (folder.empty()) refuse_output(folder, "an empty name", "name a folder");
    std::filesystem::path existing = folder.has_filename() ? folder : folder.parent_path();
    while (!what_is_at(existing)) {
        if (errno != ENOENT || std::filesystem::is_symlink(existing)) {
            refuse_output(folder, errno == ENOENT ? EEXIST : errno);
        }
        if (existing == existing.parent_path()) refuse_output(folder, ENOENT);
        existing = folder_of(existing);
    }
    if (!S_ISDIR(what_is_at(existing)->st_mode)) refuse_output(folder, ENOTDIR);
    std::string name;
    const Descriptor probe(make_file_in(existing, name));
    if (!probe.open()) refuse_output(folder, errno);
    ::unlink(name.c_str());
}

/// An option and the path that a user gave it.
struct NamedPath {
    std::string option;
    std::filesystem::path path;
};

/// Whether two paths lead to one file or folder, be it there or not.
[[nodiscard]] inline bool lead_to_one(const std::filesystem::path& one,
                                      const std::filesystem::path& other) {
    const auto first = what_is_at(one);
    const auto second = what_is_at(other);
    if (first && second) return is_same(*first, *second);
    if (first || second) return false;
    const auto plain = [](const std::filesystem::path& path) {
        std::error_code ignored;
        std::filesystem::path whole =
            std::filesystem::weakly_canonical(target_of(path), ignored).lexically_normal();
        return whole.has_filename() ? whole : whole.parent_path();
    };
    return plain(one) == plain(other);
}

/// Errors: OptionError when two outputs are one file or folder, so that one would replace the
/// other, or when one is among `inputs`. What is written to and not replaced may be named often.
inline void require_apart(const std::vector<NamedPath>& outputs,
                          const std::vector<std::filesystem::path>& inputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        const NamedPath& output = outputs[i];
        for (std::size_t k = 0; k < i; ++k) {
            if (!lead_to_one(outputs[k].path, output.path)) continue;
            const auto found = what_is_at(output.path);
            if (found && !S_ISDIR(found->st_mode) && !is_replaced(output.path)) continue;
            throw OptionError("two outputs go to one place",
                              outputs[k].option + " and " + output.option,
                              "a place for each of them", output.path.string(),
                              "give each output a name of its own");
        }
        for (const std::filesystem::path& input : inputs) {
            if (!lead_to_one(input, output.path)) continue;
            throw OptionError("an output would replace the data", output.option,
                              "a place that holds no data of this run", output.path.string(),
                              "choose another place");
        }
    }
}

}  // namespace kasmina::examples
