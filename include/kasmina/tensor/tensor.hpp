// Tensor: a shape and the backend memory that it owns.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/pending.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina {

/// A dense row-major tensor of `T` that owns its memory on backend `B`; a tape that reads it in
/// place shares that, so the tensor may go before. Move-only: copies are spelled `clone`. Host code
/// reaches the values through reads and uploads alone, which are ordered on a context like all
/// other work, so the same code serves a device.
template <class B, class T = typename B::Scalar>
class Tensor {
public:
    using Backend = B;
    using Context = typename B::Context;
    using Value = T;
    using Buffer = typename B::template Buffer<T>;

    Tensor() = default;
    KASMINA_APART Tensor(Shape shape, Buffer buffer)
        : shape_(shape), memory_(std::make_shared<Buffer>(std::move(buffer))) {}

    KASMINA_APART Tensor(Tensor&& other) noexcept
        : shape_(std::exchange(other.shape_, Shape{0})),
          memory_(std::move(other.memory_)),
          assigned_(std::exchange(other.assigned_, false)) {}
    KASMINA_APART Tensor& operator=(Tensor&& other) noexcept {
        if (this == &other) return *this;
        assigned_ = !empty() || other.assigned_;
        shape_ = std::exchange(other.shape_, Shape{0});
        memory_ = std::move(other.memory_);
        other.assigned_ = false;
        return *this;
    }
    Tensor(const Tensor&) = delete;
    Tensor& operator=(const Tensor&) = delete;
    KASMINA_APART ~Tensor() {}

    /// Memory that lives outside any context's pool (parameters, statistics); uninitialised.
    [[nodiscard]] static Tensor persistent(Context& context, const Shape& shape) {
        return Tensor(shape, B::template persistent<T>(context, shape.elements()));
    }

    /// Persistent memory, every element `value`.
    [[nodiscard]] static Tensor full(Context& context, const Shape& shape, T value) {
        Tensor tensor = persistent(context, shape);
        tensor.fill(context, value);
        return tensor;
    }

    /// Persistent memory with the given values in row-major order.
    /// Errors: ShapeError when the counts differ.
    [[nodiscard]] static Tensor from_host(Context& context, const Shape& shape,
                                          std::span<const T> values) {
        check_count(shape, values.size());
        Tensor tensor = persistent(context, shape);
        tensor.upload(context, values);
        return tensor;
    }

    /// Overwrites all values. Errors: ShapeError when the counts differ; nothing is changed then.
    void assign(Context& context, std::span<const T> values) {
        check_count(shape_, values.size());
        upload(context, values);
        assigned_ = true;
    }

    /// Overwrites all values with those of a tensor of the same shape, on the backend.
    /// Errors: ShapeError when the shapes differ; nothing is changed then.
    void copy_from(Context& context, const Tensor& other) {
        if (other.shape_ != shape_) {
            throw ShapeError("tensors of different shapes cannot be copied", "Tensor::copy_from",
                             to_string(shape_), to_string(other.shape_),
                             "copy from a tensor of the same shape");
        }
        copy(context, other);
        assigned_ = true;
    }

    void fill(Context& context, T value) {
        if (size() > 0) B::fill(context, data(), size(), value);
    }

    /// Starts to read all values, in row-major order.
    Pending<B, T> read(Context& context) const { return {context, data(), size()}; }

    /// All values in row-major order, waited for.
    [[nodiscard]] std::vector<T> to_host(Context& context) const {
        if (size() == 0) return {};
        Pending<B, T> pending = read(context);
        const std::span<const T> values = pending.values();
        return {values.begin(), values.end()};
    }

    /// A persistent copy, made on the backend.
    [[nodiscard]] Tensor clone(Context& context) const {
        Tensor twin = persistent(context, shape_);
        twin.copy(context, *this);
        return twin;
    }

    /// Whether values were put in after it was made: by `assign`, `copy_from`, or another tensor
    /// that was moved into its place.
    [[nodiscard]] bool assigned() const noexcept { return assigned_; }

    /// The memory, for those who read it in place and may outlive the tensor.
    [[nodiscard]] std::shared_ptr<const Buffer> memory() const noexcept { return memory_; }

    [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
    [[nodiscard]] Index size() const noexcept { return empty() ? 0 : shape_.elements(); }
    [[nodiscard]] bool empty() const noexcept { return memory_ == nullptr || memory_->size() == 0; }
    [[nodiscard]] T* data() noexcept { return memory_ ? memory_->data() : nullptr; }
    [[nodiscard]] const T* data() const noexcept { return memory_ ? memory_->data() : nullptr; }

private:
    void upload(Context& context, std::span<const T> values) {
        if (size() > 0) B::upload(context, values.data(), data(), size());
    }

    void copy(Context& context, const Tensor& other) {
        if (size() > 0) B::copy(context, other.data(), data(), size());
    }

    KASMINA_RARE static void check_count(const Shape& shape, std::size_t count) {
        if (static_cast<Index>(count) == shape.elements()) return;
        throw ShapeError("values do not fill the tensor", "Tensor",
                         std::to_string(shape.elements()) + " values for shape " + to_string(shape),
                         std::to_string(count) + " values",
                         "pass one value per element, in row-major order");
    }

    Shape shape_{0};
    std::shared_ptr<Buffer> memory_{};
    bool assigned_ = false;
};

}  // namespace kasmina
