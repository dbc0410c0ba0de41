// Replacement: a file that takes another's place, all at once or not at all.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/checkpoint/file/open_file.hpp>
#include <kasmina/checkpoint/file/operations.hpp>
#include <kasmina/checkpoint/file/plan.hpp>
#include <kasmina/checkpoint/file/target.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/check_enumerator.hpp>

namespace kasmina::checkpoint::file {

/// Whether a save waits until it would survive a loss of power. Without, it still survives the
/// death of the process at any time, and is still never seen in halves.
enum class Durability { power_loss, process_death };

[[nodiscard]] constexpr std::string_view name_of(Durability durability) noexcept {
    switch (durability) {
        case Durability::power_loss: return "power_loss";
        case Durability::process_death: return "process_death";
    }
    return "(invalid)";
}

}  // namespace kasmina::checkpoint::file

template <>
struct kasmina::reflect::Enumerators<kasmina::checkpoint::file::Durability> {
    static constexpr std::array all{kasmina::checkpoint::file::Durability::power_loss,
                                    kasmina::checkpoint::file::Durability::process_death};
};

namespace kasmina::checkpoint::file {

namespace detail {

/// A temporary file's name: hidden, of the target's name as much as fits, and a number.
[[nodiscard]] inline std::string temporary_prefix(const std::string& name) {
    constexpr std::size_t most = 200;  // of the 255 that file systems take
    std::string prefix(1, '.');
    return prefix.append(name, 0, most).append(1, '.');
}
inline constexpr std::string_view temporary_suffix = ".saving";

[[nodiscard]] inline std::string temporary_name(const std::string& name, std::uint64_t number) {
    std::string digits(16, '0');
    for (std::size_t i = digits.size(); i-- > 0; number >>= 4) {
        digits[i] = "0123456789abcdef"[number & 15];
    }
    return temporary_prefix(name).append(digits).append(temporary_suffix);
}

[[nodiscard]] inline bool is_temporary_of(const std::string& name, std::string_view file) {
    const std::string prefix = temporary_prefix(name);
    if (file.size() != prefix.size() + 16 + temporary_suffix.size()) return false;
    if (!file.starts_with(prefix) || !file.ends_with(temporary_suffix)) return false;
    const std::string_view digits = file.substr(prefix.size(), 16);
    return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace detail

/// Collects bytes in a temporary file beside the target and, at commit(), puts that in the target's
/// place: written, flushed to the disk, renamed, the folder flushed. Whenever the process or the
/// machine stops, the old or the new file is there and whole (spec C-5). A symbolic link stays, and
/// what it points to is replaced; the old file's mode is kept, and its owner and group where the
/// system allows it (where it refuses the group, the mode grants the group what it grants others).
/// Other names of the old file (hard links) keep the old content; access lists and extended
/// attributes are not copied.
///
/// Without commit() the temporary file goes with this object. What a process that was killed left
/// behind is removed by the next one that replaces the same file: who writes holds a lock on their
/// temporary file, so that nobody's work in progress is taken for it.
class Replacement final : public ByteSink {
public:
    /// Makes the temporary file. The operations must outlive this. Errors: CheckpointError when the
    /// target is none (find_target) or its folder takes no new file; OptionError for a durability
    /// that does not exist.
    Replacement(const std::filesystem::path& path, FileOperations& operations,
                Durability durability = Durability::power_loss)
        : path_(path),
          operations_(operations),
          durability_(checked(durability)),
          target_(find_target(path, operations)) {
        remove_left_behind();
        create();
    }

    ~Replacement() override { discard(); }

    [[nodiscard]] const Target& target() const noexcept { return target_; }

    /// Small pieces are gathered, large ones written from where they are. Errors: CheckpointError
    /// when the disk is full, or as the system says.
    void write(std::span<const std::byte> bytes) override {
        if (bytes.size() < buffer_bytes - filled_) {
            if (!buffer_) buffer_ = std::make_unique_for_overwrite<Buffer>();
            std::ranges::copy(bytes, buffer_->begin() + static_cast<std::ptrdiff_t>(filled_));
            filled_ += bytes.size();
            return;
        }
        flush();
        if (bytes.size() < buffer_bytes) return write(bytes);
        write_through(bytes);
    }

    /// Puts the file in the target's place. Errors: CheckpointError; the old file is there and
    /// whole, unless `what_happened()` says that the new one is.
    void commit() {
        flush();
        if (target_.old) keep_mode(*target_.old);
        if (durability_ == Durability::power_loss) {
            require([this] { return operations_.synchronise(file_.handle()); },
                    "the file cannot be brought to the disk");
        }
        require(
            [this] {
                return operations_.rename(target_.folder.handle(), temporary_, target_.name);
            },
            "the new file cannot take the old one's place");
        temporary_.clear();
        file_.close();
        if (durability_ != Durability::power_loss) return;
        const auto outcome = detail::uninterrupted(
            [this] { return operations_.synchronise(target_.folder.handle()); });
        // Some file systems have no such thing for folders, and say so.
        if (outcome < 0 && outcome != -EINVAL && outcome != -ENOTSUP) {
            detail::throw_system_error(
                "the new file is in place and whole, but may not survive a loss of power", path_,
                "a folder that can be brought to the disk", outcome);
        }
    }

private:
    static constexpr std::size_t buffer_bytes = std::size_t{1} << 18;
    /// Written at once, and then begun to be brought to the disk.
    static constexpr std::size_t piece_bytes = std::size_t{8} << 20;
    using Buffer = std::array<std::byte, buffer_bytes>;

    template <class Call>
    void require(Call&& call, std::string_view what) {
        const auto outcome = detail::uninterrupted(call);
        if (outcome < 0) {
            detail::throw_system_error(what, path_, "a system that does it", outcome);
        }
    }

    /// Best effort: what cannot be looked at stays.
    void remove_left_behind() {
        std::vector<std::string> names;
        const auto folder = target_.folder.handle();
        if (detail::uninterrupted([&] { return operations_.list(folder, names); }) < 0) return;
        for (const std::string& name : names) {
            if (!detail::is_temporary_of(target_.name, name)) continue;
            const auto opened =
                detail::uninterrupted([&] { return operations_.open_for_reading(folder, name); });
            if (opened < 0) continue;
            const OpenFile file(operations_, static_cast<FileOperations::Handle>(opened));
            if (detail::uninterrupted([&] { return operations_.lock(file.handle()); }) < 0) {
                continue;
            }
            static_cast<void>(
                detail::uninterrupted([&] { return operations_.remove(folder, name); }));
        }
    }

    void create() {
        // The old file may be private, so the new one is until it has the same mode.
        const unsigned mode = target_.old ? 0600u : 0666u;
        constexpr int most_attempts = 100;
        const std::uint64_t number = operations_.unlikely_number();
        for (std::uint64_t attempt = 0; attempt < most_attempts; ++attempt) {
            const std::string name = detail::temporary_name(target_.name, number + attempt);
            const auto made = detail::uninterrupted(
                [&] { return operations_.create(target_.folder.handle(), name, mode); });
            if (made == -EEXIST) continue;
            if (made < 0) {
                detail::throw_system_error("no file can be made beside the one to be written",
                                           path_, "a folder that takes files", made);
            }
            file_ = OpenFile(operations_, static_cast<FileOperations::Handle>(made));
            const auto locked =
                detail::uninterrupted([&] { return operations_.lock(file_.handle()); });
            FileStatus status;
            const auto asked =
                detail::uninterrupted([&] { return operations_.status(file_.handle(), status); });
            // Somebody took it for left behind before it was locked.
            if (locked == -EWOULDBLOCK || (asked >= 0 && status.names == 0)) continue;
            temporary_ = name;
            return;
        }
        throw CheckpointError("no file can be made beside the one to be written",
                              detail::shown(path_), "a free name for a temporary file",
                              "100 names that are taken", "look what fills the folder");
    }

    void flush() {
        if (filled_ == 0) return;
        write_through(std::span(*buffer_).first(filled_));
        filled_ = 0;
    }

    void write_through(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const auto piece = bytes.first(std::min(bytes.size(), piece_bytes));
            const auto done =
                detail::uninterrupted([&] { return operations_.write(file_.handle(), piece); });
            if (done <= 0) {
                detail::throw_system_error(
                    "the file cannot be written", path_,
                    "room for " + std::to_string(bytes.size()) + " bytes more",
                    done == 0 ? -EIO : done);
            }
            bytes = bytes.subspan(static_cast<std::size_t>(done));
            written_ += static_cast<std::uint64_t>(done);
            begin_synchronising();
        }
    }

    /// So that the disk works while the next bytes are copied. What fails here may be forgotten by
    /// the time of synchronise.
    void begin_synchronising() {
        if (durability_ != Durability::power_loss || written_ - begun_ < piece_bytes) return;
        const auto outcome = detail::uninterrupted([this] {
            return operations_.begin_synchronising(file_.handle(), begun_, written_ - begun_);
        });
        begun_ = written_;
        // Some systems have no such thing, or let nobody use it.
        if (outcome >= 0 || outcome == -EINVAL || outcome == -ENOTSUP || outcome == -ENOSYS ||
            outcome == -EPERM) {
            return;
        }
        detail::throw_system_error("the file cannot be brought to the disk", path_,
                                   "a system that does it", outcome);
    }

    void keep_mode(const FileStatus& old) {
        FileStatus mine;
        require([&] { return operations_.status(file_.handle(), mine); },
                "the mode of the old file cannot be kept");
        unsigned mode = old.mode;
        const auto handle = file_.handle();
        if ((mine.owner != old.owner || mine.group != old.group) &&
            detail::uninterrupted(
                [&] { return operations_.set_owner(handle, old.owner, old.group); }) < 0 &&
            mine.group != old.group &&
            detail::uninterrupted([&] { return operations_.set_group(handle, old.group); }) < 0) {
            mode &= ~070u | (mode & 007u) << 3;
        }
        if (mine.mode == mode) return;
        require([&] { return operations_.set_mode(handle, mode); },
                "the mode of the old file cannot be kept");
    }

    void discard() noexcept {
        if (temporary_.empty()) return;
        static_cast<void>(detail::uninterrupted(
            [this] { return operations_.remove(target_.folder.handle(), temporary_); }));
        temporary_.clear();
        file_.close();
    }

    std::filesystem::path path_;
    FileOperations& operations_;
    [[nodiscard]] static Durability checked(Durability durability) {
        reflect::check_enumerator(durability, "durability", "checkpoint::file::Replacement");
        return durability;
    }

    Durability durability_;
    Target target_;
    OpenFile file_;
    /// Its name; empty once it has become the target.
    std::string temporary_;
    std::unique_ptr<Buffer> buffer_;
    std::size_t filled_ = 0;
    /// Bytes of the file that were written, and those of them that are on their way to the disk.
    std::uint64_t written_ = 0;
    std::uint64_t begun_ = 0;
};

}  // namespace kasmina::checkpoint::file
