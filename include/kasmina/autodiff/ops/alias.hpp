// reshape, straight_through, with_unused: ops that give a value in place another meaning.
#pragma once

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/tape.hpp>

namespace kasmina::ops {
namespace detail {

template <class B>
struct ReshapeOperation {
    Edge<B> input;

    void pullback(Tape<B>&, Upstream<B>& upstream) { upstream.pass_to(input); }
};

template <class B>
struct StraightThroughOperation {
    Edge<B> host;
    Edge<B> seed;

    void pullback(Tape<B>&, Upstream<B>& upstream) {
        upstream.add_to(seed);
        upstream.pass_to(host);
    }
};

}  // namespace detail

/// `value` in place, with its own way back. The result needs a gradient where `unused` does, which
/// gets none.
template <class B>
[[nodiscard]] Variable<B> with_unused(const Variable<B>& value, const Variable<B>& unused) {
    return value.tape().record_alias(value, {value, unused}, detail::ReshapeOperation<B>{value});
}

/// The same elements in another shape, in place. Errors: ShapeError when the counts differ.
template <class B>
[[nodiscard]] Variable<B> reshape(const Variable<B>& input, const Shape& shape) {
    detail::require(shape.elements() == input.shape().elements(), "reshape",
                    "as many elements as before", shape, "keep the number of elements");
    return input.tape().record_alias(shape, input, {input}, detail::ReshapeOperation<B>{input});
}

/// The host's own value, in place and so bit-exact; the gradient goes to host and seed alike
/// (spec I-2). The seed's value is not kept. Errors: ShapeError when the shapes differ.
template <class B>
[[nodiscard]] Variable<B> straight_through(const Variable<B>& host, const Variable<B>& seed) {
    detail::require_shape("straight_through", "seed", host.shape(), seed.shape());
    return host.tape().record_alias(host, {host, seed},
                                    detail::StraightThroughOperation<B>{host, seed});
}

}  // namespace kasmina::ops
