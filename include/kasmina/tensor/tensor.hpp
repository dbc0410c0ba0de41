// Tensor: a shape and the backend memory that it owns.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina {

/// A dense row-major tensor that owns its memory on backend `B`. Move-only: copies are spelled
/// `clone`. Host code reaches the values through `to_host` and `from_host` alone, so the same
/// code serves a device.
template <class B>
class Tensor {
public:
    using Scalar = typename B::Scalar;

    Tensor() = default;
    Tensor(Shape shape, typename B::Buffer buffer) : shape_(shape), buffer_(std::move(buffer)) {}

    /// Memory that lives outside any context's pool (parameters, statistics); uninitialised.
    [[nodiscard]] static Tensor persistent(const Shape& shape) {
        return Tensor(shape, B::persistent(shape.elements()));
    }

    /// Persistent memory, every element `value`.
    [[nodiscard]] static Tensor full(const Shape& shape, Scalar value) {
        const std::vector<Scalar> values(static_cast<std::size_t>(shape.elements()), value);
        return from_host(shape, values);
    }

    /// Persistent memory with the given values in row-major order.
    /// Errors: ShapeError when the counts differ.
    [[nodiscard]] static Tensor from_host(const Shape& shape, std::span<const Scalar> values) {
        Tensor tensor = persistent(shape);
        tensor.assign(values);
        return tensor;
    }

    /// Overwrites all values. Errors: ShapeError when the counts differ; nothing is changed then.
    void assign(std::span<const Scalar> values) {
        if (static_cast<Index>(values.size()) != size()) {
            throw ShapeError("values do not fill the tensor", "Tensor::assign",
                             std::to_string(size()) + " values for shape " + to_string(shape_),
                             std::to_string(values.size()) + " values",
                             "pass one value per element, in row-major order");
        }
        if (size() > 0) B::upload(values.data(), buffer_.data(), size());
    }

    /// All values in row-major order, copied to the host.
    [[nodiscard]] std::vector<Scalar> to_host() const {
        std::vector<Scalar> values(static_cast<std::size_t>(size()));
        if (size() > 0) B::download(buffer_.data(), values.data(), size());
        return values;
    }

    /// A persistent copy.
    [[nodiscard]] Tensor clone() const { return from_host(shape_, to_host()); }

    [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
    [[nodiscard]] Index size() const noexcept { return empty() ? 0 : shape_.elements(); }
    [[nodiscard]] bool empty() const noexcept { return buffer_.size() == 0; }
    [[nodiscard]] Scalar* data() noexcept { return buffer_.data(); }
    [[nodiscard]] const Scalar* data() const noexcept { return buffer_.data(); }

private:
    Shape shape_;
    typename B::Buffer buffer_;
};

}  // namespace kasmina
