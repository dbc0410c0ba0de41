// Parameter: a trainable tensor with its gradient, at an address that survives moves.
#pragma once

#include <memory>
#include <utility>

#include <kasmina/autodiff/gradient.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

/// What a parameter is, wherever its owner moves to. Tapes and optimisers refer to this.
template <class B>
struct ParameterState {
    Tensor<B> value;
    Gradient<B> gradient{};     ///< empty until the first backward pass reached it
    bool has_gradient = false;  ///< false after zero_gradient: the next pass overwrites
    bool warm = false;          ///< a second backward pass has begun: the first one's gradients
                                ///< say nothing about health (spec I-7)
    bool trainable = true;      ///< frozen parameters get no gradient and no optimiser step
    bool drawn = false;         ///< its initial values were drawn
    bool in_optimiser = false;  ///< an optimiser has come by since somebody last asked (E-5)
    bool takes_rows = false;  ///< the optimiser's step needs no more of the gradient than the rows
                              ///< that were looked up
    bool watched = false;     ///< somebody looks at the whole gradient
};

/// A trainable tensor owned by a module. Move-only; moving keeps `state()` at its address, so
/// a model can move while an optimiser refers to its parameters (spec S-11). `trainable` and the
/// gradient are bookkeeping that a const module may change: backward passes run on const modules.
/// Errors of all but moves: LifetimeError for a parameter that was moved from.
template <class B>
class Parameter {
public:
    KASMINA_RARE explicit Parameter(Tensor<B> value)
        : state_(
              std::make_shared<ParameterState<B>>(ParameterState<B>{.value = std::move(value)})) {}

    /// One more handle on a parameter that there is.
    explicit Parameter(std::shared_ptr<ParameterState<B>> state) noexcept
        : state_(std::move(state)) {}

    Parameter(Parameter&&) noexcept = default;
    Parameter& operator=(Parameter&&) noexcept = default;
    Parameter(const Parameter&) = delete;
    Parameter& operator=(const Parameter&) = delete;
    KASMINA_RARE ~Parameter() {}

    [[nodiscard]] const Shape& shape() const { return state()->value.shape(); }
    [[nodiscard]] Index size() const { return state()->value.size(); }
    [[nodiscard]] Tensor<B>& value() { return state()->value; }
    [[nodiscard]] const Tensor<B>& value() const { return state()->value; }
    /// What the last backward pass left, as a tensor of the parameter's shape: made now where that
    /// was rows of a table (Gradient). Whoever asks may go on looking at it, so passes leave whole
    /// tensors from then on. Errors: LifetimeError where it would be made, and the context of that
    /// pass has gone.
    [[nodiscard]] const Tensor<B>& gradient() const {
        state()->watched = true;
        return state()->gradient.dense();
    }
    [[nodiscard]] bool has_gradient() const { return state()->has_gradient; }
    [[nodiscard]] bool trainable() const { return state()->trainable; }

    /// Freezing also forgets the gradient, so that no optimiser step can move the value (I-6).
    void set_trainable(bool trainable) {
        state()->trainable = trainable;
        if (!trainable) state()->has_gradient = false;
    }

    /// The next backward pass overwrites the gradient instead of adding to it.
    void zero_gradient() { state()->has_gradient = false; }

    /// The identity that tapes and optimisers hold; it outlives neither module nor parameter
    /// when held weakly.
    [[nodiscard]] const std::shared_ptr<ParameterState<B>>& state() const {
        if (state_ == nullptr) MovedFrom::refuse("a parameter");
        return state_;
    }

private:
    std::shared_ptr<ParameterState<B>> state_;
};

}  // namespace kasmina
