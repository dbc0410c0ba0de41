// The bridge to xtensor and NumPy: tensors of any backend as xt::xarray and as .npy files.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <xtensor/xarray.hpp>
#include <xtensor/xnpy.hpp>

#include <kasmina/error.hpp>
#include <kasmina/tensor/backend.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

/// A copy of the tensor on the host, row-major, with its shape.
template <StorageBackend B>
[[nodiscard]] xt::xarray<typename B::Scalar> to_xarray(const Tensor<B>& tensor) {
    std::vector<std::size_t> extents;
    for (Index axis = 0; axis < tensor.shape().rank(); ++axis) {
        extents.push_back(static_cast<std::size_t>(tensor.shape()[axis]));
    }
    auto array = xt::xarray<typename B::Scalar>::from_shape(extents);
    const auto values = tensor.to_host();
    std::copy(values.begin(), values.end(), array.begin());
    return array;
}

/// A tensor in persistent memory with the values of an xtensor expression, converted to the
/// backend's scalar where they are of another type.
/// Errors: ShapeError when the expression has more dimensions than a Shape holds.
template <StorageBackend B, class Expression>
[[nodiscard]] Tensor<B> from_xarray(const xt::xexpression<Expression>& expression) {
    using Scalar = typename B::Scalar;
    const xt::xarray<Scalar> array = xt::cast<Scalar>(expression.derived_cast());
    const std::vector<Index> extents(array.shape().begin(), array.shape().end());
    return Tensor<B>::from_host(Shape(extents), std::vector<Scalar>(array.begin(), array.end()));
}

/// Writes a tensor as NumPy's .npy: float32 or float64 as the backend's scalar is.
/// Errors: DataError when the file cannot be written; what was there before may be lost then.
template <StorageBackend B>
void save_npy(const std::filesystem::path& path, const Tensor<B>& tensor) {
    const std::string bytes = xt::dump_npy(to_xarray(tensor));
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
        throw DataError("a NumPy file cannot be written", "save_npy", "a file to write",
                        path.string(), "check the folder, the permissions and the free space");
    }
}

/// A tensor from NumPy's .npy, in C or Fortran order; the file's numbers must be of the
/// backend's scalar type.
/// Errors: DataError when the file is missing, truncated, no .npy or of another type;
/// ShapeError when it has more dimensions than a Shape holds.
template <StorageBackend B>
[[nodiscard]] Tensor<B> load_npy(const std::filesystem::path& path) {
    using Scalar = typename B::Scalar;
    const std::string expected = "a whole .npy file of " +
                                 std::string(sizeof(Scalar) == 4 ? "float32" : "float64") +
                                 " numbers";
    const auto fail = [&](const std::string& reason) -> DataError {
        return DataError("a NumPy file cannot be read", "load_npy", expected,
                         path.string() + ": " + reason,
                         "write it with numpy.save and the dtype that is expected");
    };
    std::ifstream file(path, std::ios::binary);
    if (!file) throw fail("cannot be opened");
    xt::xarray<Scalar> array;
    try {
        array = xt::load_npy<Scalar>(file);
    } catch (const std::exception& error) {
        throw fail(error.what());
    }
    if (!file) throw fail("ends before its numbers do");
    return from_xarray<B>(array);
}

}  // namespace kasmina
