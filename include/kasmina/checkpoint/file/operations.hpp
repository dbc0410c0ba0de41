// FileOperations: what the file layer asks of an operating system, behind which a test can put one
// that fails, forgets or loses power.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace kasmina::checkpoint::file {

/// What is known of a file.
struct FileStatus {
    bool regular = false;
    bool folder = false;
    std::uint64_t bytes = 0;
    /// The permission bits (0777).
    unsigned mode = 0;
    unsigned owner = 0;
    unsigned group = 0;
    /// Names that the file has; 0 when it was removed while it is open.
    std::uint64_t names = 0;

    friend bool operator==(const FileStatus&, const FileStatus&) = default;
};

/// The system calls that saving and loading make, one function each. A policy that is chosen at run
/// time: next to a system call a virtual one costs nothing, and what saves need not be a template.
/// Every function returns 0 or more, or minus the number of the error (`-ENOSPC`), and may be
/// interrupted (`-EINTR`) or do part of its work as POSIX allows: callers go on. Handles are those
/// that open_folder, open_for_reading and create return.
class FileOperations {
public:
    using Outcome = std::int64_t;
    using Handle = int;

    FileOperations() = default;
    FileOperations(const FileOperations&) = delete;
    FileOperations& operator=(const FileOperations&) = delete;
    virtual ~FileOperations() = default;

    virtual Outcome open_folder(const std::filesystem::path& folder) = 0;
    /// Names in the folder, in any order.
    virtual Outcome list(Handle folder, std::vector<std::string>& names) = 0;
    /// Where the symbolic link points; -EINVAL when it is none, -ENOENT when there is nothing.
    virtual Outcome read_link(Handle folder, const std::string& name, std::string& target) = 0;
    /// Of the thing with that name, a link itself if it is one.
    virtual Outcome status_of(Handle folder, const std::string& name, FileStatus& status) = 0;
    virtual Outcome status(Handle file, FileStatus& status) = 0;

    /// Never waits, not for a FIFO either; follows links.
    virtual Outcome open_for_reading(const std::filesystem::path& file) = 0;
    virtual Outcome open_for_reading(Handle folder, const std::string& name) = 0;
    /// Bytes read from `offset`, which may be fewer than asked for; 0 at the end of the file.
    virtual Outcome read(Handle file, std::uint64_t offset, std::span<std::byte> bytes) = 0;

    /// A new file; -EEXIST when the name is taken, by whatever. `mode` is narrowed by the umask.
    virtual Outcome create(Handle folder, const std::string& name, unsigned mode) = 0;
    /// Bytes written behind those that were written before, which may be fewer than given.
    virtual Outcome write(Handle file, std::span<const std::byte> bytes) = 0;
    /// Has the system begin to bring these bytes, which were written, to the disk, without waiting
    /// for the end, so that synchronise has less to wait for. Promises nothing.
    virtual Outcome begin_synchronising(Handle file, std::uint64_t offset, std::uint64_t bytes) = 0;
    virtual Outcome set_owner(Handle file, unsigned owner, unsigned group) = 0;
    virtual Outcome set_group(Handle file, unsigned group) = 0;
    virtual Outcome set_mode(Handle file, unsigned mode) = 0;
    /// Takes the lock of a file, which goes with the process; -EWOULDBLOCK when another has it.
    virtual Outcome lock(Handle file) = 0;
    /// Returns when all that was done to the file or folder would survive a loss of power.
    virtual Outcome synchronise(Handle file_or_folder) = 0;
    /// The handle is gone, whatever is returned.
    virtual Outcome close(Handle file_or_folder) = 0;
    /// Atomically; what had the name `to` is gone.
    virtual Outcome rename(Handle folder, const std::string& from, const std::string& to) = 0;
    virtual Outcome remove(Handle folder, const std::string& name) = 0;
    /// A number that other processes, and this one at another time, hardly get.
    virtual std::uint64_t unlikely_number() = 0;
};

}  // namespace kasmina::checkpoint::file
