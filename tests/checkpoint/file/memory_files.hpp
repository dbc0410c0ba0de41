// MemoryFiles: a folder in memory that remembers what has reached the disk, so that a test can cut
// the power after any operation, and fails, dawdles or fills up when it is told to.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/operations.hpp>

namespace kasmina::test {

/// What a power failure leaves of bytes that were written and not synchronised.
enum class Unsynced { kept, dropped, cut_short, zeros_last, zeros_first };

/// The content of a folder, as programs see it and as it would be after a loss of power.
struct Disk {
    struct Node {
        std::string content{};
        std::string on_disk{};
        unsigned mode = 0644;
        unsigned owner = 0;
        unsigned group = 0;
        /// Set for a symbolic link.
        std::string link{};
    };
    /// A change of names: `to` means the node, `from` nothing any more.
    struct Change {
        std::string from{};
        std::string to{};
        int node = -1;
    };

    std::map<int, Node> nodes{};
    std::map<std::string, int> names{};
    std::map<std::string, int> names_on_disk{};
    /// Changes since the folder was synchronised, which the disk may hold or not.
    std::vector<Change> pending{};

    static void apply(const Change& change, std::map<std::string, int>& names) {
        if (!change.from.empty()) names.erase(change.from);
        if (!change.to.empty()) names[change.to] = change.node;
    }

    /// The same after the power was cut; bit i of `survived` says whether change i of the names
    /// did.
    [[nodiscard]] Disk after_power_loss(Unsynced fate, unsigned survived) const {
        Disk disk = *this;
        disk.names = names_on_disk;
        for (std::size_t i = 0; i < pending.size(); ++i) {
            if ((survived >> i & 1u) != 0) apply(pending[i], disk.names);
        }
        disk.names_on_disk = disk.names;
        disk.pending.clear();
        for (auto& [id, node] : disk.nodes) {
            node.content = what_is_left(node, fate);
            node.on_disk = node.content;
        }
        return disk;
    }

    /// The content of a name; none where there is nothing.
    [[nodiscard]] std::optional<std::string> get(const std::string& name) const {
        const auto found = names.find(name);
        if (found == names.end()) return std::nullopt;
        const Node& node = nodes.at(found->second);
        return node.link.empty() ? std::optional(node.content) : get(node.link);
    }

private:
    /// Bytes are only ever added at the end.
    [[nodiscard]] static std::string what_is_left(const Node& node, Unsynced fate) {
        const std::size_t safe = node.on_disk.size();
        const std::size_t middle = (safe + node.content.size()) / 2;
        std::string left = node.content;
        switch (fate) {
            case Unsynced::kept: break;
            case Unsynced::dropped: left.resize(safe); break;
            case Unsynced::cut_short: left.resize(middle); break;
            case Unsynced::zeros_last:
                std::fill(left.begin() + static_cast<std::ptrdiff_t>(middle), left.end(), '\0');
                break;
            case Unsynced::zeros_first:
                std::fill(left.begin() + static_cast<std::ptrdiff_t>(safe),
                          left.begin() + static_cast<std::ptrdiff_t>(middle), '\0');
                break;
        }
        return left;
    }
};

/// One folder without subfolders; the folder part of a path is not looked at.
class MemoryFiles final : public checkpoint::file::FileOperations {
public:
    using FileStatus = checkpoint::file::FileStatus;

    MemoryFiles() = default;
    explicit MemoryFiles(Disk disk)
        : disk_(std::move(disk)),
          last_node_(disk_.nodes.empty() ? 0 : disk_.nodes.rbegin()->first) {}

    [[nodiscard]] const Disk& disk() const { return disk_; }
    /// The disk after each operation that changed it, from the first state on.
    [[nodiscard]] const std::vector<Disk>& history() const { return history_; }
    /// Begins to keep the history.
    void record() { history_ = {disk_}; }

    /// A file that has long been there.
    void put(const std::string& name, std::string content, unsigned mode = 0644) {
        const int node = ++last_node_;
        disk_.nodes[node] = {.content = content, .on_disk = content, .mode = mode};
        disk_.names[name] = disk_.names_on_disk[name] = node;
    }
    void put_link(const std::string& name, std::string target) {
        const int node = ++last_node_;
        disk_.nodes[node].link = std::move(target);
        disk_.names[name] = disk_.names_on_disk[name] = node;
    }

    /// Asked before every operation: the error that it is to fail with, or 0.
    std::function<int(std::string_view operation)> fault{};
    /// Offset and number of bytes that were to go to the disk, which holds them no sooner for it.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> begun{};
    /// Every call is interrupted once, and moves a few bytes at most.
    bool dawdles = false;
    /// Whether synchronise does what it says: without, a test must find broken files.
    bool synchronises = true;
    /// Bytes that the disk has room for.
    std::uint64_t room = ~std::uint64_t{0};
    [[nodiscard]] std::size_t open_handles() const { return open_.size(); }

    Outcome open_folder(const std::filesystem::path&) override {
        if (const int error = stops("open_folder")) return -error;
        return new_handle(0);
    }
    Outcome list(Handle, std::vector<std::string>& names) override {
        if (const int error = stops("list")) return -error;
        names.clear();
        for (const auto& [name, node] : disk_.names) names.push_back(name);
        return 0;
    }
    Outcome read_link(Handle, const std::string& name, std::string& target) override {
        if (const int error = stops("read_link")) return -error;
        const Disk::Node* node = find(name);
        if (node == nullptr) return -ENOENT;
        if (node->link.empty()) return -EINVAL;
        target = node->link;
        return 0;
    }
    Outcome status_of(Handle, const std::string& name, FileStatus& status) override {
        if (const int error = stops("status_of")) return -error;
        const auto found = disk_.names.find(name);
        if (found == disk_.names.end()) return -ENOENT;
        status = status_of_node(found->second);
        return 0;
    }
    Outcome status(Handle file, FileStatus& status) override {
        if (const int error = stops("status")) return -error;
        status = status_of_node(open_.at(file));
        return 0;
    }
    Outcome open_for_reading(const std::filesystem::path& file) override {
        if (const int error = stops("open_for_reading")) return -error;
        return open(file.filename().string());
    }
    Outcome open_for_reading(Handle, const std::string& name) override {
        if (const int error = stops("open_for_reading")) return -error;
        return open(name);
    }
    Outcome read(Handle file, std::uint64_t offset, std::span<std::byte> bytes) override {
        if (const int error = stops("read")) return -error;
        const std::string& content = disk_.nodes.at(open_.at(file)).content;
        if (offset >= content.size()) return 0;
        const std::size_t count =
            amount(std::min<std::size_t>(bytes.size(), content.size() - offset));
        if (count > 0) std::memcpy(bytes.data(), content.data() + offset, count);
        return static_cast<Outcome>(count);
    }
    Outcome create(Handle, const std::string& name, unsigned mode) override {
        if (const int error = stops("create")) return -error;
        if (disk_.names.contains(name)) return -EEXIST;
        const int node = ++last_node_;
        disk_.nodes[node].mode = mode & ~022u;
        change({.from = {}, .to = name, .node = node});
        return new_handle(node);
    }
    Outcome write(Handle file, std::span<const std::byte> bytes) override {
        if (const int error = stops("write")) return -error;
        if (room == 0 && !bytes.empty()) return -ENOSPC;
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(amount(bytes.size()), room));
        room -= count;
        disk_.nodes.at(open_.at(file))
            .content.append(reinterpret_cast<const char*>(bytes.data()), count);
        changed();
        return static_cast<Outcome>(count);
    }
    Outcome begin_synchronising(Handle file, std::uint64_t offset, std::uint64_t bytes) override {
        if (const int error = stops("begin_synchronising")) return -error;
        begun.push_back({offset, bytes});
        const auto written = disk_.nodes.at(open_.at(file)).content.size();
        return offset + bytes <= written ? 0 : -EIO;
    }
    Outcome set_owner(Handle file, unsigned owner, unsigned group) override {
        if (const int error = stops("set_owner")) return -error;
        disk_.nodes.at(open_.at(file)).owner = owner;
        disk_.nodes.at(open_.at(file)).group = group;
        changed();
        return 0;
    }
    Outcome set_group(Handle file, unsigned group) override {
        if (const int error = stops("set_group")) return -error;
        disk_.nodes.at(open_.at(file)).group = group;
        changed();
        return 0;
    }
    Outcome set_mode(Handle file, unsigned mode) override {
        if (const int error = stops("set_mode")) return -error;
        disk_.nodes.at(open_.at(file)).mode = mode;
        changed();
        return 0;
    }
    Outcome lock(Handle file) override {
        if (const int error = stops("lock")) return -error;
        const auto [holder, is_new] = locks_.try_emplace(open_.at(file), file);
        return is_new || holder->second == file ? 0 : -EWOULDBLOCK;
    }
    Outcome synchronise(Handle file_or_folder) override {
        if (const int error = stops("synchronise")) return -error;
        if (!synchronises) return 0;
        const int node = open_.at(file_or_folder);
        if (node == 0) {
            disk_.names_on_disk = disk_.names;
            disk_.pending.clear();
        } else {
            disk_.nodes.at(node).on_disk = disk_.nodes.at(node).content;
        }
        changed();
        return 0;
    }
    Outcome close(Handle file_or_folder) override {
        const auto lock = locks_.find(open_.at(file_or_folder));
        if (lock != locks_.end() && lock->second == file_or_folder) locks_.erase(lock);
        open_.erase(file_or_folder);
        return 0;
    }
    Outcome rename(Handle, const std::string& from, const std::string& to) override {
        if (const int error = stops("rename")) return -error;
        const auto found = disk_.names.find(from);
        if (found == disk_.names.end()) return -ENOENT;
        change({.from = from, .to = to, .node = found->second});
        return 0;
    }
    Outcome remove(Handle, const std::string& name) override {
        if (const int error = stops("remove")) return -error;
        if (!disk_.names.contains(name)) return -ENOENT;
        change({.from = name});
        return 0;
    }
    std::uint64_t unlikely_number() override { return 0x0123456789abcde0; }

private:
    [[nodiscard]] int stops(std::string_view operation) {
        if (dawdles && (interrupted_ = !interrupted_)) return EINTR;
        return fault ? fault(operation) : 0;
    }
    [[nodiscard]] std::size_t amount(std::size_t asked) const {
        return dawdles ? std::min<std::size_t>(asked, 1'000) : asked;
    }
    [[nodiscard]] const Disk::Node* find(const std::string& name) const {
        const auto found = disk_.names.find(name);
        return found == disk_.names.end() ? nullptr : &disk_.nodes.at(found->second);
    }
    [[nodiscard]] FileStatus status_of_node(int id) const {
        if (id == 0) return {.folder = true};
        const Disk::Node& node = disk_.nodes.at(id);
        std::uint64_t names = 0;
        for (const auto& [name, named] : disk_.names) names += named == id ? 1u : 0u;
        return {.regular = node.link.empty(),
                .bytes = node.content.size(),
                .mode = node.mode,
                .owner = node.owner,
                .group = node.group,
                .names = names};
    }
    Outcome open(const std::string& name) {
        const Disk::Node* node = find(name);
        if (node == nullptr) return -ENOENT;
        return node->link.empty() ? new_handle(disk_.names.at(name)) : open(node->link);
    }
    Outcome new_handle(int node) {
        open_[++last_handle_] = node;
        return last_handle_;
    }
    void change(const Disk::Change& change) {
        Disk::apply(change, disk_.names);
        disk_.pending.push_back(change);
        changed();
    }
    void changed() {
        if (!history_.empty()) history_.push_back(disk_);
    }

    Disk disk_;
    int last_node_ = 0;
    std::vector<Disk> history_;
    std::map<Handle, int> open_;
    std::map<int, Handle> locks_;
    Handle last_handle_ = 2;
    bool interrupted_ = false;
};

}  // namespace kasmina::test
