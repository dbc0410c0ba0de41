// A pointwise function on one register of numbers, as the CPU backend's kernels call it.
#pragma once

#include <array>
#include <cstddef>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/pointwise/math.hpp>

namespace kasmina::test {

namespace kernels = backends::eigen_detail;

template <class T>
using Lanes = std::array<T, static_cast<std::size_t>(kernels::lanes<T>)>;

template <class T, class F>
Lanes<T> on_register(const F& function, const Lanes<T>& x) {
    Lanes<T> results{};
    const kernels::Pack<T> pack(kernels::load<kernels::Vector<T>>(x.data()));
    kernels::store(results.data(), function(pack).values);
    return results;
}

struct Exp {
    template <class V>
    V operator()(const V& x) const {
        return math::exp(x);
    }
};
struct Erf {
    template <class V>
    V operator()(const V& x) const {
        return math::erf(x);
    }
};
struct Tanh {
    template <class V>
    V operator()(const V& x) const {
        return math::tanh(x);
    }
};

}  // namespace kasmina::test
