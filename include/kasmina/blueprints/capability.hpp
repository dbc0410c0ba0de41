// Capabilities: what a blueprint needs of a backend, as types that a compile error can name.
#pragma once

#include <concepts>
#include <type_traits>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backend/backend.hpp>
#include <kasmina/backend/rearrange.hpp>

namespace kasmina {

/// One type per capability concept of a backend.
namespace capability {

struct Pointwise {
    template <class B>
    static constexpr bool provided_by = PointwiseBackend<B>;
};
struct Matrix {
    template <class B>
    static constexpr bool provided_by = MatrixBackend<B>;
};
struct Convolution {
    template <class B>
    static constexpr bool provided_by = ConvolutionBackend<B>;
};
struct DepthwiseConvolution {
    template <class B>
    static constexpr bool provided_by = DepthwiseConvolutionBackend<B>;
};
struct GroupNorm {
    template <class B>
    static constexpr bool provided_by = GroupNormBackend<B>;
};
struct BatchNorm {
    template <class B>
    static constexpr bool provided_by = BatchNormBackend<B>;
};
struct Pooling {
    template <class B>
    static constexpr bool provided_by = PoolingBackend<B>;
};
struct AveragePooling {
    template <class B>
    static constexpr bool provided_by = AveragePoolingBackend<B>;
};
struct Loss {
    template <class B>
    static constexpr bool provided_by = LossBackend<B>;
};
struct Random {
    template <class B>
    static constexpr bool provided_by = RandomBackend<B>;
};
struct Dropout {
    template <class B>
    static constexpr bool provided_by = DropoutBackend<B>;
};
struct Embedding {
    template <class B>
    static constexpr bool provided_by = EmbeddingBackend<B>;
};
struct Attention {
    template <class B>
    static constexpr bool provided_by = AttentionBackend<B>;
};
struct Rearrange {
    template <class B>
    static constexpr bool provided_by = RearrangeBackend<B>;
};
struct ComputePrecision {
    template <class B>
    static constexpr bool provided_by = ComputePrecisionBackend<B>;
};

}  // namespace capability

/// What a blueprint lists as `Needs`.
template <class... Capabilities>
struct Needs {};

/// Stands where a capability would stand if one lacked.
struct NoCapability {};

namespace detail {

template <class B, class List>
struct FirstMissing;

template <class B>
struct FirstMissing<B, Needs<>> {
    using type = NoCapability;
};

template <class B, class First, class... Rest>
struct FirstMissing<B, Needs<First, Rest...>>
    : std::conditional_t<First::template provided_by<B>, FirstMissing<B, Needs<Rest...>>,
                         std::type_identity<First>> {};

}  // namespace detail

/// The first capability of the list that backend B lacks, or NoCapability.
template <class B, class List>
using MissingCapability = typename detail::FirstMissing<B, List>::type;

/// Spelled out in an error as "MissingNothing<capability::...>", which is to say what lacks.
template <class Missing>
concept MissingNothing = std::same_as<Missing, NoCapability>;

/// Backend B has every capability of the list (spec B-6).
template <class B, class List>
concept Provides = MissingNothing<MissingCapability<B, List>>;

}  // namespace kasmina
