// Embedding: the capability to look up rows of a table, and to sum gradients back into them.
#pragma once

#include <cstdint>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// y (count, width) = the rows `ids` of `table` (rows, width); NaN for an id that is no row, so
/// that what nobody has checked shows and touches no other memory.
template <class T>
struct Embedding {
    Index rows = 0;
    Index width = 0;
    Index count = 0;
    const T* table = nullptr;
    const std::int32_t* ids = nullptr;
    T* y = nullptr;
};

/// The gradient of the table: each row's is the sum of grad_y's rows that came from it, in their
/// order; 0 for rows that nobody asked for. Ids that are no row are passed over.
template <class T>
struct EmbeddingPullback {
    Index rows = 0;
    Index width = 0;
    Index count = 0;
    const std::int32_t* ids = nullptr;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_table{};
};

template <class B>
concept EmbeddingBackend =
    requires(typename B::Context& context, const Embedding<typename B::Scalar>& forward,
             const EmbeddingPullback<typename B::Scalar>& pullback) {
        B::embedding(context, forward);
        B::embedding_pullback(context, pullback);
    };

}  // namespace kasmina
