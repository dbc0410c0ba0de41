// TokenIds: what a host of sequences reads, checked once against its vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <kasmina/error.hpp>
#include <kasmina/tensor/sizes.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

/// Ids of any shape in the backend's memory, each known to be in 0 ... vocabulary - 1. Copies share
/// the memory; a move is a copy, so that no one is left without.
template <class B>
class TokenIds {
public:
    using Backend = B;

    /// Copies and checks `ids`, in row-major order. Errors: OptionError without a
    /// vocabulary; ShapeError when the counts differ; NumericError for an id outside the
    /// vocabulary.
    TokenIds(typename B::Context& context, const Shape& shape, std::span<const std::int32_t> ids,
             Index vocabulary)
        : vocabulary_(checked(ids, vocabulary)),
          ids_(std::make_shared<Tensor<B, std::int32_t>>(
              Tensor<B, std::int32_t>::from_host(context, shape, ids))) {}

    TokenIds(const TokenIds&) = default;
    TokenIds& operator=(const TokenIds&) = default;
    ~TokenIds() = default;

    /// Overwrites all ids, those that copies see too. Errors: as when it was made; nothing is
    /// changed then.
    void assign(typename B::Context& context, std::span<const std::int32_t> ids) {
        static_cast<void>(checked(ids, vocabulary_));
        ids_->assign(context, ids);
    }

    [[nodiscard]] const Shape& shape() const noexcept { return ids_->shape(); }
    [[nodiscard]] Index vocabulary() const noexcept { return vocabulary_; }
    [[nodiscard]] const Tensor<B, std::int32_t>& tensor() const noexcept { return *ids_; }

    /// The vocabulary, when all ids are in it. Errors: OptionError without a vocabulary;
    /// NumericError for an id outside of it.
    static Index checked(std::span<const std::int32_t> ids, Index vocabulary) {
        static_cast<void>(checked_size("TokenIds", "vocabulary", vocabulary));
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (ids[i] >= 0 && ids[i] < vocabulary) continue;
            throw NumericError("id " + std::to_string(i) + " is not in the vocabulary", "TokenIds",
                               "0 ... " + std::to_string(vocabulary - 1), std::to_string(ids[i]),
                               "check the tokeniser, or make the table larger");
        }
        return vocabulary;
    }

private:
    Index vocabulary_;
    std::shared_ptr<Tensor<B, std::int32_t>> ids_;
};

}  // namespace kasmina
