// ReadInPlace: a file's values in the place of others, which wait on the disk until all are read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/posix_operations.hpp>
#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/undo_file.hpp>
#include <kasmina/checkpoint/tensors.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::checkpoint {

/// Memory: one piece of a tensor (transfer_bytes) of the old values, and one of the new.
template <class B>
class ReadInPlace {
public:
    /// All must outlive it. Errors: CheckpointError when the folder takes no file.
    ReadInPlace(typename B::Context& context, const file::Reader& reader,
                const std::filesystem::path& folder)
        : context_(&context), reader_(&reader), undo_(folder, operations_) {}

    /// Overwrites a tensor that has the entry's type and shape. Errors: CheckpointError when the
    /// file cannot be read or the disk is full; pieces are overwritten then, and `undo` is due.
    template <class T>
    void read(const file::TensorEntry& entry, Tensor<B, T>& into) {
        constexpr auto piece = static_cast<Index>(transfer_bytes / sizeof(T));
        for (Index done = 0; done < into.size(); done += piece) {
            const Index count = std::min(piece, into.size() - done);
            const auto bytes = buffer(static_cast<std::size_t>(count) * sizeof(T));
            T* const place = into.data() + done;
            {
                Pending<B, T> old(*context_, place, count);
                undo_.append(std::as_bytes(old.values()));
            }
            reader_->read(entry, static_cast<std::uint64_t>(done) * sizeof(T), bytes);
            const auto put = [context = context_, place, count](const std::byte* from) {
                B::upload(*context, reinterpret_cast<const T*>(from), place, count);
            };
            overwritten_.push_back({bytes.size(), put});
            put(bytes.data());
        }
    }

    /// Puts back what was there. Errors: CheckpointError when the disk does not give it.
    void undo() {
        std::uint64_t offset = 0;
        for (const Piece& piece : std::exchange(overwritten_, {})) {
            const auto bytes = buffer(piece.bytes);
            undo_.read(offset, bytes);
            piece.put(bytes.data());
            offset += piece.bytes;
        }
    }

private:
    /// What was overwritten, one behind the other in the undo file.
    struct Piece {
        std::size_t bytes;
        std::function<void(const std::byte*)> put;
    };

    [[nodiscard]] std::span<std::byte> buffer(std::size_t bytes) {
        if (buffer_.size() < bytes) buffer_.resize(bytes);
        return std::span(buffer_).first(bytes);
    }

    typename B::Context* context_;
    const file::Reader* reader_;
    file::PosixFileOperations operations_{};
    file::UndoFile undo_;
    std::vector<Piece> overwritten_{};
    std::vector<std::byte> buffer_{};
};

}  // namespace kasmina::checkpoint
