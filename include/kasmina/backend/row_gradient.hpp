// Rows of a gradient: the capability to keep a table's gradient as the rows that were looked up.
#pragma once

#include <cstdint>

#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// The gradient of a table (rows, width) that is 0 but for some rows. There are as many places as
/// ids were looked up: place i holds row ids[i] of the gradient, or nothing, and then ids[i] is -1
/// and values (count, width) has zeros there. Rows are in ascending order, each at one place.
template <class T>
struct GradientRows {
    Index rows = 0;
    Index width = 0;
    Index count = 0;  ///< places
    const std::int32_t* ids = nullptr;
    const T* values = nullptr;
};

/// The gradient of the table as rows: at the place that the first of an id's look-ups has among all
/// of them in order of ids is the sum of grad_y's rows that came from that id, in their order, with
/// the bits that `EmbeddingPullback` gives it. Ids that are no row are passed over.
template <class T>
struct EmbeddingPullbackRows {
    Index rows = 0;
    Index width = 0;
    Index count = 0;
    const std::int32_t* ids = nullptr;  ///< as they were looked up
    const T* grad_y = nullptr;
    std::int32_t* row_ids = nullptr;  ///< count
    T* values = nullptr;              ///< (count, width)
};

/// All of dense (rows, width) = the gradient, zeros where it has no row.
template <class T>
struct RowsToDense {
    GradientRows<T> gradient{};
    T* dense = nullptr;
};

/// value (rows, width) -= learning_rate * gradient, in the gradient's rows alone, with the bits of
/// an `SgdStep` without momentum and decay.
template <class T>
struct SgdRowStep {
    double learning_rate = 0.0;
    GradientRows<T> gradient{};
    T* value = nullptr;
};

template <class B>
concept RowGradientBackend = requires(
    typename B::Context& context, const EmbeddingPullbackRows<typename B::Scalar>& pullback,
    const RowsToDense<typename B::Scalar>& whole, const SgdRowStep<typename B::Scalar>& sgd) {
    B::embedding_pullback_rows(context, pullback);
    B::rows_to_dense(context, whole);
    B::sgd_row_step(context, sgd);
};

}  // namespace kasmina
