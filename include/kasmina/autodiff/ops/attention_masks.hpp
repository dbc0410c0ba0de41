// Masks that keep the memory they read: documents in a row, and a prefix for each batch element.
#pragma once

#include <cstdint>
#include <memory>

#include <kasmina/attention/masks.hpp>
#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/backend/attention.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::ops {

/// masks::Document for ids in a tensor, which is read in place and may go before the backward pass:
/// its values must stay what they are until that is over. A move is a copy, so that no one is left
/// with a pointer alone.
template <class B>
class Documents {
public:
    /// `ids` (batch, time): which document each position is of. Errors: ShapeError.
    explicit Documents(const Tensor<B, std::int32_t>& ids) : memory_(ids.memory()) {
        detail::require(ids.shape().rank() == 2, "Documents", "ids (batch, time)", ids.shape(),
                        "pass one id for each position");
        batch_ = ids.shape()[0];
        mask_ = {ids.data(), ids.shape()[1]};
    }

    Documents(const Documents&) = default;
    Documents& operator=(const Documents&) = default;
    ~Documents() = default;

    [[nodiscard]] masks::Document plain() const noexcept { return mask_; }
    [[nodiscard]] const std::shared_ptr<const void>& memory() const noexcept { return memory_; }
    /// Errors: ShapeError where it has not one id for each position.
    void check(const AttentionShape& shape) const {
        detail::require_shape("attention", "ids of documents", Shape{shape.batch, shape.keys},
                              Shape{batch_, mask_.time});
        if (shape.query_offset >= 0 && shape.query_offset + shape.queries <= shape.keys) return;
        throw OptionError("a query has a position that no id is for", "ops::Documents",
                          "positions of keys", "an offset of " + std::to_string(shape.query_offset),
                          "pass the ids of all keys");
    }

private:
    masks::Document mask_;
    Index batch_ = 0;
    std::shared_ptr<const void> memory_;
};

/// masks::PrefixLmEach for lengths in a tensor, on the same terms.
template <class B>
class Prefixes {
public:
    /// `lengths` (batch). Errors: ShapeError.
    explicit Prefixes(const Tensor<B, std::int32_t>& lengths)
        : mask_{lengths.data()}, memory_(lengths.memory()) {
        detail::require(lengths.shape().rank() == 1, "Prefixes", "lengths (batch)", lengths.shape(),
                        "pass one length for each batch element");
        batch_ = lengths.shape()[0];
    }

    Prefixes(const Prefixes&) = default;
    Prefixes& operator=(const Prefixes&) = default;
    ~Prefixes() = default;

    [[nodiscard]] masks::PrefixLmEach plain() const noexcept { return mask_; }
    [[nodiscard]] const std::shared_ptr<const void>& memory() const noexcept { return memory_; }
    /// Errors: ShapeError where it has not one length for each batch element.
    void check(const AttentionShape& shape) const {
        detail::require_shape("attention", "lengths of prefixes", Shape{shape.batch},
                              Shape{batch_});
    }

private:
    masks::PrefixLmEach mask_;
    Index batch_ = 0;
    std::shared_ptr<const void> memory_;
};

}  // namespace kasmina::ops
