// The bridge to xtensor and NumPy: tensors of any backend as xt::xarray and as .npy files.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <xtensor/xarray.hpp>
#include <xtensor/xnpy.hpp>

#include <kasmina/backend/storage.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

/// A copy of the tensor on the host, row-major, with its shape.
template <StorageBackend B, class T>
[[nodiscard]] xt::xarray<T> to_xarray(typename B::Context& context, const Tensor<B, T>& tensor) {
    std::vector<std::size_t> extents;
    for (Index axis = 0; axis < tensor.shape().rank(); ++axis) {
        extents.push_back(static_cast<std::size_t>(tensor.shape()[axis]));
    }
    auto array = xt::xarray<T>::from_shape(extents);
    const auto values = tensor.to_host(context);
    std::copy(values.begin(), values.end(), array.begin());
    return array;
}

/// A tensor in persistent memory with the values of an xtensor expression, converted to the
/// tensor's type where they are of another.
/// Errors: ShapeError when the expression has more dimensions than a Shape holds.
template <StorageBackend B, class T = typename B::Scalar, class Expression>
[[nodiscard]] Tensor<B, T> from_xarray(typename B::Context& context,
                                       const xt::xexpression<Expression>& expression) {
    const xt::xarray<T> array = xt::cast<T>(expression.derived_cast());
    const std::vector<Index> extents(array.shape().begin(), array.shape().end());
    return Tensor<B, T>::from_host(context, Shape(extents),
                                   std::vector<T>(array.begin(), array.end()));
}

/// Writes a tensor as NumPy's .npy, its numbers as they are: float32, float64, int32 or int64.
/// Errors: DataError when the file cannot be written; what was there before may be lost then.
template <StorageBackend B, class T>
void save_npy(typename B::Context& context, const std::filesystem::path& path,
              const Tensor<B, T>& tensor) {
    const std::string bytes = xt::dump_npy(to_xarray(context, tensor));
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
        throw DataError("a NumPy file cannot be written", "save_npy", "a file to write",
                        path.string(), "check the folder, the permissions and the free space");
    }
}

/// A tensor from NumPy's .npy, in C or Fortran order; the file's numbers must be of the tensor's
/// type.
/// Errors: DataError when the file is missing, truncated, no .npy or of another type;
/// ShapeError when it has more dimensions than a Shape holds.
template <StorageBackend B, class T = typename B::Scalar>
[[nodiscard]] Tensor<B, T> load_npy(typename B::Context& context,
                                    const std::filesystem::path& path) {
    const std::string expected = "a whole .npy file of " +
                                 std::string(std::floating_point<T> ? "float" : "int") +
                                 std::to_string(8 * sizeof(T)) + " numbers";
    const auto fail = [&](const std::string& reason) -> DataError {
        return DataError("a NumPy file cannot be read", "load_npy", expected,
                         path.string() + ": " + reason,
                         "write it with numpy.save and the dtype that is expected");
    };
    std::ifstream file(path, std::ios::binary);
    if (!file) throw fail("cannot be opened");
    xt::xarray<T> array;
    try {
        array = xt::load_npy<T>(file);
    } catch (const std::exception& error) {
        throw fail(error.what());
    }
    if (!file) throw fail("ends before its numbers do");
    return from_xarray<B, T>(context, array);
}

}  // namespace kasmina
