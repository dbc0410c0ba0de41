// Gradient: what backward passes leave in a parameter, as a tensor of its shape or as rows of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include <kasmina/backend/context_reference.hpp>
#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/backend/row_gradient.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/tensor/shape.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

/// The rows of a table's gradient that an embedding looked up; all others are 0.
template <class B>
struct RowGradient {
    using Context = typename B::Context;
    using Scalar = typename B::Scalar;

    Tensor<B, std::int32_t> ids{};  ///< (room): `count` places of GradientRows
    Tensor<B> values{};             ///< (room, width), of which the first `count` rows are used
    Index count = 0;
    Shape table{0};  ///< (rows, width)

    [[nodiscard]] GradientRows<Scalar> view() const {
        return {table[0], table[1], count, ids.data(), values.data()};
    }

private:
    template <class>
    friend class Gradient;
    bool current_ = false;               ///< not an earlier gradient's
    ContextReference<Context> context_;  ///< on which they were made
    // Not called by name, so that programs that look nothing up compile no kernel for it.
    void (*to_dense_)(Context&, const RowGradient&, Scalar*) = nullptr;
};

/// The gradient of one parameter. Mostly a tensor; after a pass in which a table that is stepped by
/// plain SGD was looked up once it is rows (Tape::row_target), and no tensor of the table's size is
/// made. Whoever wants the tensor asks for `dense`, which makes it of the rows then; norms and
/// factors can do with the `numbers`.
template <class B>
class Gradient {
public:
    using Context = typename B::Context;
    using Scalar = typename B::Scalar;

    Gradient() = default;
    // Implicit: a tensor is a gradient that nobody need make.
    Gradient(Tensor<B> values)  // NOLINT(google-explicit-constructor)
        : dense_(std::move(values)) {}

    /// Whether no pass has left anything in it yet.
    [[nodiscard]] bool empty() const noexcept { return dense_.empty() && rows_ == nullptr; }
    [[nodiscard]] bool in_rows() const noexcept { return rows_ != nullptr && rows_->current_; }

    /// The rows; null where it is a tensor.
    [[nodiscard]] const RowGradient<B>* rows() const noexcept {
        return in_rows() ? rows_.get() : nullptr;
    }

    /// The whole gradient, which it is from then on. Of rows it is made behind the work that the
    /// context has been given so far.
    Tensor<B>& dense(Context& context) {
        if (in_rows()) make_dense(context);
        return dense_;
    }
    /// The same on the context of the pass that left the rows. Errors: LifetimeError where there
    /// are rows, and that has gone.
    Tensor<B>& dense() {
        if (in_rows()) make_dense(rows_->context_.get());
        return dense_;
    }

    /// All numbers that are stored; those of the tensor that are not are 0.
    [[nodiscard]] TensorSlice<Scalar> numbers() const noexcept {
        if (in_rows()) return {rows_->values.data(), rows_->count * rows_->table[1]};
        return {dense_.data(), dense_.size()};
    }
    [[nodiscard]] GradientSlice<Scalar> numbers() noexcept {
        if (in_rows()) return {rows_->values.data(), rows_->count * rows_->table[1]};
        return {dense_.data(), dense_.size()};
    }

    /// Which of the two it is, and how much of the rows' room is used: what a recording leaves.
    struct Form {
        bool in_rows = false;
        Index count = 0;
    };
    [[nodiscard]] Form form() const noexcept { return {in_rows(), in_rows() ? rows_->count : 0}; }
    void take_form(const Form& form) noexcept {
        if (rows_ == nullptr) return;
        rows_->current_ = form.in_rows;
        rows_->count = form.count;
    }
    /// Where passes may put it.
    [[nodiscard]] std::array<const void*, 2> addresses() const noexcept {
        return {dense_.data(), rows_ == nullptr ? nullptr : rows_->values.data()};
    }

    /// The tensor's memory, for a pass to write into; with `keep` it holds the gradient so far.
    [[nodiscard]] Scalar* target(Context& context, const Shape& shape, bool keep) {
        if (dense_.empty() || in_rows()) prepare(context, shape, keep);
        return dense_.data();
    }

    /// It becomes `count` rows of a table of that shape, which the caller must write.
    [[nodiscard]] RowGradient<B>& row_target(Context& context, const Shape& table, Index count)
        requires RowGradientBackend<B>
    {
        if (rows_ == nullptr) rows_ = std::make_shared<RowGradient<B>>();
        RowGradient<B>& rows = *rows_;
        if (rows.ids.size() < count) {
            rows.values = Tensor<B>::persistent(context, {count, table[1]});
            rows.ids = Tensor<B, std::int32_t>::persistent(context, {count});
        }
        rows.count = count;
        rows.table = table;
        rows.context_ = &context;
        rows.to_dense_ = [](Context& on, const RowGradient<B>& of, Scalar* to) {
            B::rows_to_dense(on, RowsToDense<Scalar>{of.view(), to});
        };
        rows.current_ = true;
        return rows;
    }

private:
    KASMINA_RARE void prepare(Context& context, const Shape& shape, bool keep) {
        if (in_rows() && keep) return make_dense(context);
        if (dense_.empty()) dense_ = Tensor<B>::persistent(context, shape);
        if (rows_ != nullptr) rows_->current_ = false;
    }

    KASMINA_RARE void make_dense(Context& context) {
        if (dense_.empty()) dense_ = Tensor<B>::persistent(context, rows_->table);
        rows_->to_dense_(context, *rows_, dense_.data());
        rows_->current_ = false;
    }

    Tensor<B> dense_{};
    std::shared_ptr<RowGradient<B>> rows_{};  ///< with room that is used again
};

}  // namespace kasmina
