// Random: the capability to draw numbers where they are needed.
#pragma once

#include <kasmina/random/philox.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// `fill_uniform(context, range, low, high, to, count)`: value i is
/// stretched(uniform53(word 2i, word 2i + 1), low, high), computed in double and then converted, so
/// that all backends draw the bits that a Generator draws one after the other.
template <class B>
concept RandomBackend = requires(typename B::Context& context, const RandomRange& range, double low,
                                 double high, typename B::Scalar* to, Index count) {
    B::fill_uniform(context, range, low, high, to, count);
};

}  // namespace kasmina
