// Embedding: a vector per token.
#pragma once

#include <cmath>
#include <cstdint>

#include <kasmina/autodiff/ops/embedding.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/autodiff/token_ids.hpp>
#include <kasmina/nn/initialise.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::nn {

/// Ids of any shape (...) to rows of the table (..., width); weight (vocabulary, width).
template <EmbeddingBackend B>
struct Embedding : Visitable<Embedding<B>> {
    using Context = typename B::Context;

    Parameter<B> weight;

    /// Zero until initialised. Errors: OptionError for sizes below 1.
    Embedding(Context& context, Index vocabulary, Index width)
        : weight(constant_parameter<B>(context,
                                       {checked_size("nn::Embedding", "vocabulary", vocabulary),
                                        checked_size("nn::Embedding", "width", width)})) {}

    Embedding(Context& context, Index vocabulary, Index width, Generator& generator)
        : Embedding(context, vocabulary, width) {
        initialise(context, generator);
    }

    /// Uniform, with mean 0 and variance 1. (PyTorch's default is normal with the same.)
    void initialise(Context& context, Generator& generator) {
        fill_uniform_within(context, weight, std::sqrt(3.0), generator);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const TokenIds<B>& ids) const {
        return ops::embedding(pass.parameter(weight), ids);
    }

    /// For ids that nobody has checked; they must live until the backward pass is over.
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Tensor<B, std::int32_t>& ids) const {
        return ops::embedding(pass.parameter(weight), ids);
    }
    Variable<B> forward(Pass<B>& pass, Tensor<B, std::int32_t>&& ids) const = delete;

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"weight", &Embedding::weight});
    }
};

}  // namespace kasmina::nn
