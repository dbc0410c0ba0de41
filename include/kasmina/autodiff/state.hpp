// State: what training moves without a gradient, at an address that survives moves.
#pragma once

#include <memory>
#include <utility>

#include <kasmina/code_size.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

/// A tensor that a module owns beside its parameters: running statistics, counters, positions. It
/// is moved by forward passes, which run on const modules, so a const State gives its value to
/// write to. Move-only; moving keeps the value at its address, so that a tape may refer to it.
/// Errors of all but moves: LifetimeError for a state that was moved from.
template <class B, class T = typename B::Scalar>
class State {
public:
    using Backend = B;
    using Value = T;

    KASMINA_RARE explicit State(Tensor<B, T> value)
        : value_(std::make_shared<Tensor<B, T>>(std::move(value))) {}

    State(State&&) noexcept = default;
    State& operator=(State&&) noexcept = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    KASMINA_RARE ~State() {}

    [[nodiscard]] const Shape& shape() const { return shared()->shape(); }
    [[nodiscard]] Index size() const { return shared()->size(); }
    [[nodiscard]] Tensor<B, T>& value() const { return *shared(); }

    /// The identity that tapes and snapshots hold; weakly held, it tells that the module has gone.
    [[nodiscard]] const std::shared_ptr<Tensor<B, T>>& shared() const {
        if (value_ == nullptr) MovedFrom::refuse("a state");
        return value_;
    }

private:
    std::shared_ptr<Tensor<B, T>> value_;
};

}  // namespace kasmina
