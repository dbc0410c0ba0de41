// write: a plan becomes a safetensors file, whole and durable, or nothing changes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <kasmina/checkpoint/file/header.hpp>
#include <kasmina/checkpoint/file/plan.hpp>
#include <kasmina/checkpoint/file/posix_operations.hpp>
#include <kasmina/checkpoint/file/replacement.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

namespace detail {

/// Counts what a tensor's function gives.
class TensorSink final : public ByteSink {
public:
    TensorSink(const PlannedTensor& tensor, ByteSink& file)
        : tensor_(tensor), file_(file), left_(checked_bytes_of(tensor)) {}

    void write(std::span<const std::byte> bytes) override {
        if (bytes.size() > left_) fail("more");
        left_ -= bytes.size();
        file_.write(bytes);
    }

    /// Errors: CheckpointError when bytes are missing.
    void finish() const {
        if (left_ > 0) fail(std::to_string(left_) + " bytes fewer");
    }

private:
    [[noreturn]] KASMINA_COLD void fail(const std::string& got) const {
        throw_plan_error("tensor " + in_quotes(tensor_.name),
                         "a tensor's function gives other bytes than its shape says",
                         std::to_string(checked_bytes_of(tensor_)) + " bytes", got);
    }

    const PlannedTensor& tensor_;
    ByteSink& file_;
    std::uint64_t left_;
};

/// That a file which is to be replaced is a checkpoint, or empty: a path mistyped must not cost
/// somebody's thesis.
inline void require_replaceable(const Target& target, const std::filesystem::path& path,
                                FileOperations& operations) {
    if (!target.old || target.old->bytes == 0) return;
    const auto opened = uninterrupted(
        [&] { return operations.open_for_reading(target.folder.handle(), target.name); });
    if (opened < 0) {
        throw_system_error("the file that is there cannot be read, so it may not be a checkpoint",
                           path, "a checkpoint, or nothing", opened);
    }
    const OpenFile file(operations, static_cast<FileOperations::Handle>(opened));
    std::array<std::byte, header_length_bytes + 1> first{};
    std::size_t got = 0;
    while (got < first.size()) {
        const auto more = uninterrupted(
            [&] { return operations.read(file.handle(), got, std::span(first).subspan(got)); });
        if (more <= 0) break;
        got += static_cast<std::size_t>(more);
    }
    const std::uint64_t length = header_length(std::span(first).first<header_length_bytes>());
    if (got < first.size() || first.back() != std::byte{'{'} || length > HeaderLimits::bytes) {
        throw CheckpointError("the file that is there is not a checkpoint", shown(path),
                              "a safetensors file, an empty file, or nothing",
                              "a file of another kind", "choose another name, or remove the file");
    }
}

}  // namespace detail

/// Writes a safetensors file and puts it where `path` says, atomically and durably (Replacement).
/// The plan is checked before anything is touched. A file of another kind is not replaced. Memory:
/// the header, and 256 KiB. Errors: CheckpointError naming the file or the tensor, and whatever a
/// tensor's function throws; the old file is there and whole, and nothing else is left.
inline void write(const std::filesystem::path& path, const Plan& plan, Durability durability,
                  FileOperations& operations) {
    const Layout layout = lay_out(plan);
    Replacement file(path, operations, durability);
    detail::require_replaceable(file.target(), path, operations);
    file.write(std::as_bytes(std::span(layout.begin)));
    for (const PlannedTensor* tensor : layout.order) {
        detail::TensorSink sink(*tensor, file);
        if (tensor->bytes) tensor->bytes(sink);
        sink.finish();
    }
    file.commit();
}

/// The same with the file operations of the system.
inline void write(const std::filesystem::path& path, const Plan& plan,
                  Durability durability = Durability::power_loss) {
    PosixFileOperations operations;
    write(path, plan, durability, operations);
}

/// Finds out whether write() will find a place for `path`, before an hour of training; changes
/// nothing. Errors: CheckpointError as write() would throw.
inline void require_writable(const std::filesystem::path& path, FileOperations& operations) {
    const Replacement probe(path, operations);
    detail::require_replaceable(probe.target(), path, operations);
}

/// The same with the file operations of the system.
inline void require_writable(const std::filesystem::path& path) {
    PosixFileOperations operations;
    require_writable(path, operations);
}

}  // namespace kasmina::checkpoint::file
