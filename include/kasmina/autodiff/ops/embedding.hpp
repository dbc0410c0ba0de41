// embedding: rows of a table by their ids.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/autodiff/token_ids.hpp>
#include <kasmina/backend/embedding.hpp>
#include <kasmina/backend/row_gradient.hpp>
#include <kasmina/error.hpp>

namespace kasmina::ops {
namespace detail {

template <EmbeddingBackend B>
struct EmbeddingOperation {
    Edge<B> table;
    const std::int32_t* ids;
    std::shared_ptr<const void> memory;  ///< of the ids
    Index rows;
    Index width;
    Index count;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        if constexpr (RowGradientBackend<B>) {
            if (RowGradient<B>* const to = tape.row_target(table, count)) {
                return pull_back_rows(tape.context(), upstream, *to);
            }
        }
        const auto target = tape.gradient_target(table);
        if (!target) return;
        B::embedding_pullback(tape.context(),
                              EmbeddingPullback<typename B::Scalar>{.rows = rows,
                                                                    .width = width,
                                                                    .count = count,
                                                                    .ids = ids,
                                                                    .grad_y = upstream.data(),
                                                                    .grad_table = target});
    }

    void pull_back_rows(typename B::Context& context, Upstream<B>& upstream, RowGradient<B>& to)
        requires RowGradientBackend<B>
    {
        B::embedding_pullback_rows(
            context, EmbeddingPullbackRows<typename B::Scalar>{.rows = rows,
                                                               .width = width,
                                                               .count = count,
                                                               .ids = ids,
                                                               .grad_y = upstream.data(),
                                                               .row_ids = to.ids.data(),
                                                               .values = to.values.data()});
    }
};

template <EmbeddingBackend B>
[[nodiscard]] Variable<B> look_up(const Variable<B>& table, const Tensor<B, std::int32_t>& ids) {
    require(table.shape().rank() == 2, "embedding", "a table (rows, width)", table.shape(),
            "pass a matrix");
    require_values("embedding", table.shape());
    require(ids.shape().rank() < Shape::max_rank, "embedding", "ids of rank 5 or less", ids.shape(),
            "merge neighbouring dimensions");
    const Index rows = table.shape()[0];
    const Index width = table.shape()[1];
    std::array<Index, static_cast<std::size_t>(Shape::max_rank)> extents{};
    const Index rank = ids.shape().rank();
    for (Index axis = 0; axis < rank; ++axis) {
        extents[static_cast<std::size_t>(axis)] = ids.shape()[axis];
    }
    extents[static_cast<std::size_t>(rank)] = width;
    const Shape result(std::span<const Index>(extents.data(), static_cast<std::size_t>(rank + 1)));
    Tape<B>& tape = table.tape();
    auto output = tape.acquire(result.elements());
    B::embedding(tape.context(), Embedding<typename B::Scalar>{.rows = rows,
                                                               .width = width,
                                                               .count = ids.size(),
                                                               .table = table.data(),
                                                               .ids = ids.data(),
                                                               .y = output.data()});
    return tape.record(
        result, std::move(output), {table},
        EmbeddingOperation<B>{table, ids.data(), ids.memory(), rows, width, ids.size()});
}

}  // namespace detail

/// The rows of `table` (rows, width) that `ids` name: (..., width) for ids (...). The gradient of a
/// row is the sum of all that was looked up in it, in the order of the ids. Where the optimiser's
/// step allows it, it is kept as those rows (Gradient), with the same bits. Errors: ShapeError,
/// also where the ids' vocabulary is larger than the table.
template <EmbeddingBackend B>
[[nodiscard]] Variable<B> embedding(const Variable<B>& table, const TokenIds<B>& ids) {
    if (table.shape().rank() == 2 && ids.vocabulary() > table.shape()[0]) {
        throw ShapeError("the ids are of a larger vocabulary than the table", "ops::embedding",
                         "at most " + std::to_string(table.shape()[0]) + " ids, one a row",
                         std::to_string(ids.vocabulary()), "make the table larger");
    }
    return detail::look_up(table, ids.tensor());
}

/// The same for ids that nobody has checked, because they were made on the backend, say: an id that
/// is no row of the table gives NaN, and its gradient goes nowhere. `ids` is read in place, and may
/// go before the backward pass. Errors: ShapeError.
template <EmbeddingBackend B>
[[nodiscard]] Variable<B> embedding(const Variable<B>& table, const Tensor<B, std::int32_t>& ids) {
    return detail::look_up<B>(table, ids);
}

}  // namespace kasmina::ops
