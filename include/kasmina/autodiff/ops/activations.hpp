// relu, sigmoid, tanh: activations by themselves, where nothing else can be fused with them.
#pragma once

#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/pointwise/math.hpp>

namespace kasmina::ops {

struct Relu {
    template <class V>
    constexpr V operator()(const V& x) const {
        return math::relu(x);
    }
};

struct Sigmoid {
    template <class V>
    constexpr V operator()(const V& x) const {
        return math::sigmoid(x);
    }
};

struct Tanh {
    template <class V>
    constexpr V operator()(const V& x) const {
        return math::tanh(x);
    }
};

/// max(x, 0), with gradient 0 at 0.
template <PointwiseBackend B>
[[nodiscard]] Variable<B> relu(const Variable<B>& input) {
    return pointwise(Relu{}, input);
}

/// 1 / (1 + exp(-x)).
template <PointwiseBackend B>
[[nodiscard]] Variable<B> sigmoid(const Variable<B>& input) {
    return pointwise(Sigmoid{}, input);
}

template <PointwiseBackend B>
[[nodiscard]] Variable<B> tanh(const Variable<B>& input) {
    return pointwise(Tanh{}, input);
}

}  // namespace kasmina::ops
