// Transformer: the host of sequences, pre-norm blocks of causal attention and MLP (spec H-2).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/ops/slice.hpp>
#include <kasmina/autodiff/recompute.hpp>
#include <kasmina/autodiff/token_ids.hpp>
#include <kasmina/backend/attention.hpp>
#include <kasmina/backend/backend.hpp>
#include <kasmina/backend/rearrange.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/hosts/token_logits.hpp>
#include <kasmina/hosts/transformer_block.hpp>
#include <kasmina/nn/embedding.hpp>
#include <kasmina/nn/key_value_cache.hpp>
#include <kasmina/nn/layer_norm.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::hosts {

/// Sizes of a Transformer.
struct TransformerOptions {
    Index vocabulary = 50257;
    Index width = 384;
    Index heads = 6;  ///< must divide the width
    Index layers = 6;
    Index segments = 3;  ///< must divide the layers; a slot at the end of each
    Index block = 256;   ///< positions of the longest sequence
    double dropout = 0.1;
    Gelu gelu = Gelu::exact;
    bool checkpointing = false;  ///< compute what is inside of a block again on the way back
};

/// What such a host asks of a backend.
template <class B>
concept TransformerBackend = CompleteBackend<B> && RearrangeBackend<B> && AttentionBackend<B>;

/// Token and position embeddings, dropout, blocks, a final norm, and a head that is the token
/// embedding once more: ids (batch, time) to logits (batch, time, vocabulary). `Head` says how the
/// logits come (token_logits.hpp): as one variable, or made in chunks by whoever asks for a loss.
///
/// Slots: r0c{i} at the end of segment i. Parameters are 0 (norms: identity) until `initialise`.
/// Dropout acts on the sum of the embeddings and on what each branch adds.
template <TransformerBackend B, class Head = WholeLogits>
class Transformer : public nn::Visitable<Transformer<B, Head>> {
public:
    using Backend = B;
    using Context = typename B::Context;
    using Input = TokenIds<B>;
    using Output = typename Head::template Output<B>;
    static constexpr Topology topology = Topology::transformer;
    /// What it makes of a position reads earlier ones from a pass's key-value cache.
    static constexpr bool one_position_at_a_time = true;

    /// Errors: OptionError for sizes out of range, heads that do not divide the width, or segments
    /// that do not divide the layers.
    KASMINA_RARE explicit Transformer(Context& context, const TransformerOptions& options = {});

    Transformer(Context& context, const TransformerOptions& options, Generator& generator)
        : Transformer(context, options) {
        initialise(context, generator);
    }

    /// Draws the parameters as GPT-2 does (transformer_block.hpp).
    KASMINA_RARE void initialise(Context& context, Generator& generator);

    [[nodiscard]] const TransformerOptions& options() const noexcept { return options_; }
    /// How many ids there are.
    [[nodiscard]] Index vocabulary() const noexcept { return options_.vocabulary; }
    /// Positions of the longest sequence.
    [[nodiscard]] Index block() const noexcept { return options_.block; }

    [[nodiscard]] std::span<const InjectionPoint> injection_points() const noexcept {
        return points_;
    }

    /// The embeddings of ids (batch, time); behind the positions that the pass's cache holds.
    /// Errors: ShapeError for ids that are no (batch, time), of no position or more than the block
    /// has; for ids of a larger vocabulary.
    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const TokenIds<B>& ids) const;

    /// The state at boundary `from` taken to boundary `to` (see host.hpp). Errors: UnknownNameError
    /// and OptionError from check_route.
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const;

    /// The last block's state to logits.
    [[nodiscard]] Output head(Pass<B>& pass, const Variable<B>& state) const {
        return Head::of(norm_.forward(pass, state), pass.parameter(tokens_.weight));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"tokens", &Transformer::tokens_},
                           nn::Member{"positions", &Transformer::positions_},
                           nn::Member{"blocks", &Transformer::blocks_},
                           nn::Member{"norm", &Transformer::norm_});
    }

private:
    using Block = TransformerBlock<B>;

    KASMINA_RARE static const TransformerOptions& checked(const TransformerOptions& options);

    KASMINA_COLD [[noreturn]] void throw_unfit(const Shape& ids, Index first) const {
        throw ShapeError(
            "the host cannot take these ids", "hosts::Transformer",
            "(batch, time) with a time of 1 ... " + std::to_string(options_.block - first),
            to_string(ids),
            first == 0 ? "cut the sequence, or make a host with a larger block"
                       : "begin anew with the end of the sequence: " + std::to_string(first) +
                             " positions are in the cache");
    }

    TransformerOptions options_;
    nn::Embedding<B> tokens_;
    nn::Embedding<B> positions_;
    std::vector<std::shared_ptr<Block>> blocks_;  ///< shared with tapes that compute them again
    nn::LayerNorm<B> norm_;
    std::vector<InjectionPoint> points_;
};

template <TransformerBackend B, class Head>
Transformer<B, Head>::Transformer(Context& context, const TransformerOptions& options)
    : options_(checked(options)),
      tokens_(context, options.vocabulary, options.width),
      positions_(context, options.block, options.width),
      norm_(context, options.width) {
    for (Index layer = 0; layer < options.layers; ++layer) {
        blocks_.push_back(std::make_shared<Block>(context, options.width, options.heads,
                                                  options.gelu, options.dropout));
    }
    const Index each = options.layers / options.segments;
    for (Index segment = 0; segment < options.segments; ++segment) {
        points_.push_back({"r0c" + std::to_string(segment), options.width, segment,
                           LayerRange{segment * each, (segment + 1) * each}, Surface::segment_end});
    }
}

template <TransformerBackend B, class Head>
void Transformer<B, Head>::initialise(Context& context, Generator& generator) {
    const double bound = std::sqrt(3.0) * transformer_deviation;
    nn::fill_uniform_within(context, tokens_.weight, bound, generator);
    nn::fill_uniform_within(context, positions_.weight, bound, generator);
    for (const auto& block : blocks_) block->initialise(context, generator, 2 * options_.layers);
}

template <TransformerBackend B, class Head>
Variable<B> Transformer<B, Head>::stem(Pass<B>& pass, const TokenIds<B>& ids) const {
    const Shape& shape = ids.shape();
    const Index first = pass.cache() == nullptr ? 0 : pass.cache()->filled();
    const bool fits = shape.rank() == 2 && shape[1] >= 1 && shape[1] <= options_.block - first;
    if (!fits) throw_unfit(shape, first);
    const Index batch = shape[0];
    const Index each = shape[1] * options_.width;
    const Variable<B> words = ops::reshape(tokens_.forward(pass, ids), {batch, each});
    const Variable<B> places =
        ops::slice(pass.parameter(positions_.weight), 0, first, first + shape[1]);
    // The same places for each sequence: one row for all of the batch.
    const Variable<B> sum = ops::add(words, ops::reshape(places, {each}));
    return ops::dropout(pass, ops::reshape(sum, {batch, shape[1], options_.width}),
                        options_.dropout);
}

template <TransformerBackend B, class Head>
Variable<B> Transformer<B, Head>::forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                          std::size_t to) const {
    check_route(points_, from, to);
    const std::size_t each = blocks_.size() / points_.size();
    Variable<B> current = state;
    for (std::size_t layer = from * each; layer < to * each; ++layer) {
        const std::shared_ptr<const Block> block = blocks_[layer];
        if (options_.checkpointing) {
            const auto scope = [block](Pass<B>& inner, const Variable<B>& x) {
                return block->forward(inner, x);
            };
            current = ops::recompute(pass, scope, current);
        } else {
            current = block->forward(pass, current);
        }
        if (pass.taps() != nullptr) pass.tap("blocks." + std::to_string(layer), current);
    }
    return current;
}

template <TransformerBackend B, class Head>
const TransformerOptions& Transformer<B, Head>::checked(const TransformerOptions& options) {
    constexpr const char* where = "hosts::Transformer";
    const auto check = [](const char* name, Index size, Index most) {
        static_cast<void>(checked_size(where, name, size, 1, most));
    };
    constexpr Index most = Index{1} << 30;
    check("vocabulary", options.vocabulary, most);
    check("width", options.width, Index{1} << 20);
    check("layers", options.layers, Index{1} << 16);
    check("block", options.block, most);
    nn::require_heads(where, options.width, options.heads);
    check("segments", options.segments, options.layers);
    if (options.layers % options.segments != 0) {
        throw OptionError("the segments do not divide the layers", where,
                          "segments that divide " + std::to_string(options.layers) + " layers",
                          std::to_string(options.segments),
                          "choose another number of segments or layers");
    }
    check_option(where, "dropout", options.dropout, OptionRange::at_least(0.0).below(1.0),
                 "use 0.1, or 0 for none");
    reflect::check_enumerator(options.gelu, "gelu", where);
    return options;
}

}  // namespace kasmina::hosts
