// Views: a kernel's raw memory as an xtensor array, and the one way gradients are put in place.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include <xtensor/xadapt.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>

#include <kasmina/backend/gradient_target.hpp>

namespace kasmina::backends::xtensor_detail {

/// `data` as a row-major array with those extents; nothing is copied.
template <class T, class... Extents>
[[nodiscard]] auto view(T* data, Extents... extents) {
    const std::array<std::size_t, sizeof...(Extents)> shape{static_cast<std::size_t>(extents)...};
    const std::size_t size = (static_cast<std::size_t>(extents) * ... * std::size_t{1});
    // Moved, because xtensor would keep a reference to this function's own pointer.
    return xt::adapt(std::move(data), size, xt::no_ownership(), shape);
}

/// Adds `gradient` to the target or overwrites it, as the target says; nothing where there is
/// none. Errors: none; the target must have room for the gradient's elements.
template <class T, std::size_t Rank>
void put(const GradientTarget<T>& target, const xt::xtensor<T, Rank>& gradient) {
    if (!target) return;
    auto to = xt::adapt(target.data, gradient.size(), xt::no_ownership(), gradient.shape());
    if (target.accumulate) {
        to += gradient;
    } else {
        to = gradient;
    }
}

/// max(x, 0), where NaN stays NaN.
template <class T, std::size_t Rank>
[[nodiscard]] xt::xtensor<T, Rank> relu(const xt::xtensor<T, Rank>& x) {
    return xt::where(x < T{0}, T{0}, x);
}

/// The gradient of `relu` at x: what `gradient` is where x is above 0, else 0.
template <class T, std::size_t Rank>
[[nodiscard]] xt::xtensor<T, Rank> where_positive(const xt::xtensor<T, Rank>& x,
                                                  const xt::xtensor<T, Rank>& gradient) {
    return xt::where(x > T{0}, gradient, T{0});
}

}  // namespace kasmina::backends::xtensor_detail
