// as_matrix: a tensor of the CPU backend seen as an Eigen matrix, without a copy.
#pragma once

#include <kasmina/backends/eigen.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/tensor.hpp>

#include <Eigen/Core>

#include <string>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET {

/// Row-major, as tensors are.
template <class T>
using Matrix = ::Eigen::Matrix<T, ::Eigen::Dynamic, ::Eigen::Dynamic, ::Eigen::RowMajor>;

namespace eigen_detail {

/// Errors: ShapeError for a tensor without a dimension.
inline Index rows_of_view(const Shape& shape) {
    if (shape.rank() == 0) {
        throw ShapeError("a tensor without a dimension is no matrix", "backends::as_matrix",
                         "a rank of at least 1", to_string(shape), "give it a shape");
    }
    return shape.back() == 0 ? 0 : shape.elements() / shape.back();
}

}  // namespace eigen_detail

/// `tensor` as a matrix whose columns are its last dimension and whose rows are all others, in its
/// own memory: what is written to the one is read from the other. The view is good for as long as
/// the tensor is. Errors: ShapeError for a tensor without a dimension.
template <class T, class U>
[[nodiscard]] ::Eigen::Map<Matrix<U>> as_matrix(Tensor<Eigen<T>, U>& tensor) {
    return {tensor.data(), eigen_detail::rows_of_view(tensor.shape()), tensor.shape().back()};
}

template <class T, class U>
[[nodiscard]] ::Eigen::Map<const Matrix<U>> as_matrix(const Tensor<Eigen<T>, U>& tensor) {
    return {tensor.data(), eigen_detail::rows_of_view(tensor.shape()), tensor.shape().back()};
}

/// A view of what is gone at the end of the line.
template <class T, class U>
void as_matrix(Tensor<Eigen<T>, U>&&) = delete;
template <class T, class U>
void as_matrix(const Tensor<Eigen<T>, U>&&) = delete;

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET
