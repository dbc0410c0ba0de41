// Dropout: the capability to drop values at random and to drop their gradients alike.
#pragma once

#include <cstdint>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/random/philox.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// Values whose random word is below this are dropped: a share of `rate`, to within 2^-32. `rate`
/// is in [0, 1).
[[nodiscard]] constexpr std::uint32_t dropout_threshold(double rate) noexcept {
    return static_cast<std::uint32_t>(rate * 4294967296.0);
}

/// y[i] = x[i] / (1 - rate) where word i of `range` is not below dropout_threshold(rate), else 0.
/// y may be x.
template <class T>
struct Dropout {
    RandomRange range{};
    double rate = 0.0;
    Index count = 0;
    const T* x = nullptr;
    T* y = nullptr;
};

/// The gradient of x, from the same words.
template <class T>
struct DropoutPullback {
    RandomRange range{};
    double rate = 0.0;
    Index count = 0;
    const T* grad_y = nullptr;
    GradientTarget<T> grad_x{};
};

template <class B>
concept DropoutBackend =
    requires(typename B::Context& context, const Dropout<typename B::Scalar>& forward,
             const DropoutPullback<typename B::Scalar>& pullback) {
        B::dropout(context, forward);
        B::dropout_pullback(context, pullback);
    };

}  // namespace kasmina
