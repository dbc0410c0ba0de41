// Saved: an input of an operation, whose value is held only where the way back reads it.
#pragma once

#include <optional>

#include <kasmina/autodiff/variable.hpp>

namespace kasmina::ops {

/// The way of an input's gradient and, if it is asked for, a hold on its value. What is not held
/// can be let go of before backward.
template <class B>
class Saved {
public:
    using Scalar = typename B::Scalar;

    Saved(const Variable<B>& input, bool read);
    Saved(Saved&& other) noexcept;
    ~Saved();

    [[nodiscard]] const Edge<B>& edge() const noexcept { return edge_; }

    /// The value, or `other` where it was not saved.
    [[nodiscard]] const Scalar* data_or(const Scalar* other) const {
        return value_ ? value_->data() : other;
    }
    [[nodiscard]] const Scalar* data() const { return data_or(nullptr); }

private:
    Edge<B> edge_;
    std::optional<Variable<B>> value_;
};

template <class B>
KASMINA_APART Saved<B>::Saved(const Variable<B>& input, bool read) : edge_(input) {
    if (read) value_.emplace(input);
}

template <class B>
KASMINA_APART Saved<B>::Saved(Saved&& other) noexcept = default;

template <class B>
KASMINA_APART Saved<B>::~Saved() = default;

}  // namespace kasmina::ops
