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
    Edge<B> value;
    Edge<B> other;

    void pullback(Tape<B>&, Upstream<B>& upstream) {
        upstream.add_to(other);
        upstream.pass_to(value);
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

/// `value` in place and so bit-exact; the gradient goes to `value` and `other` alike (I-2: the
/// host's features with a gradient for the seed; I-3: the blend with one for the host). The other's
/// value is not kept. Errors: ShapeError when the shapes differ.
template <class B>
[[nodiscard]] Variable<B> straight_through(const Variable<B>& value, const Variable<B>& other) {
    detail::require_shape("straight_through", "other", value.shape(), other.shape());
    return value.tape().record_alias(value, {value, other},
                                     detail::StraightThroughOperation<B>{value, other});
}

}  // namespace kasmina::ops
