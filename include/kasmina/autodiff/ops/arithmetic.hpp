// add, subtract, multiply, add_scaled: sums and products of variables, stretched where they fit.
#pragma once

#include <array>

#include <kasmina/autodiff/ops/pointwise.hpp>

namespace kasmina::ops {

struct Add {
    static constexpr std::array derivative_reads{false, false};

    template <class V>
    constexpr V operator()(const V& a, const V& b) const {
        return a + b;
    }
};

struct Subtract {
    static constexpr std::array derivative_reads{false, false};

    template <class V>
    constexpr V operator()(const V& a, const V& b) const {
        return a - b;
    }
};

struct Multiply {
    template <class V>
    constexpr V operator()(const V& a, const V& b) const {
        return a * b;
    }
};

struct AddScaled {
    static constexpr std::array derivative_reads{false, true, true};

    template <class V>
    constexpr V operator()(const V& a, const V& factor, const V& b) const {
        return a + factor * b;
    }
};

template <PointwiseBackend B>
[[nodiscard]] Variable<B> add(const Variable<B>& a, const Variable<B>& b) {
    return pointwise(Add{}, a, b);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> subtract(const Variable<B>& a, const Variable<B>& b) {
    return pointwise(Subtract{}, a, b);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> multiply(const Variable<B>& a, const Variable<B>& b) {
    return pointwise(Multiply{}, a, b);
}

/// a + factor * b in one pass.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> add_scaled(const Variable<B>& a, const Variable<B>& factor,
                                     const Variable<B>& b) {
    return pointwise(AddScaled{}, a, factor, b);
}

}  // namespace kasmina::ops
