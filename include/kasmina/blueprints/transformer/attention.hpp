// Attention and FlexAttention: one more layer of attention beside the host.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/self_attention.hpp>

namespace kasmina::transformer {

struct AttentionOptions {
    Index heads = 4;                    ///< must divide the width
    bool zero_init_final_layer = true;  ///< `proj` starts at 0 (quiet birth)

    using Fields =
        reflect::List<&AttentionOptions::heads, &AttentionOptions::zero_init_final_layer>;
};

/// Whether no query sees a key behind it: masks that say so, or are of these kinds.
template <class Mask>
inline constexpr bool only_looks_back =
    std::derived_from<Mask, masks::Causal> || std::derived_from<Mask, masks::Sliding> ||
    requires { requires Mask::only_looks_back; };

/// What `Kind` does to a score before the softmax: its `Score`, or nothing.
template <class Kind>
struct ScoreOf : std::type_identity<scores::None> {};
template <class Kind>
    requires requires { typename Kind::Score; }
struct ScoreOf<Kind> : std::type_identity<typename Kind::Score> {};

/// y = x + proj(attention(qkv(x))). `Kind` has the `name` and the `Mask` of a blueprint that is
/// made of this: who sees whom, by (batch, head, query, key), the same for all of its seeds. It may
/// have a `Score`; one with a member `heads`, as ALiBi's, is told those of the seed.
template <class Kind>
struct MaskedAttention {
    static constexpr std::string_view name = Kind::name;
    static constexpr Topology topology = Topology::transformer;
    static constexpr QuietBirth quiet_birth = QuietBirth::zero_init_final_layer;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Matrix, capability::Attention,
                                 capability::Rearrange>;

    using Options = AttentionOptions;

    static constexpr void check(Index width, const Options& options = {}) {
        require_width(name, width);
        nn::require_heads(Kind::where, width, options.heads);
    }

    static constexpr Index parameter_count(Index width, const Options& options = {}) {
        check(width, options);
        return 4 * width * width + 4 * width;
    }

    template <class B>
        requires Provides<B, Needs>
    struct Module : nn::SelfAttention<B, typename Kind::Mask, typename ScoreOf<Kind>::type> {
        using Layer = nn::SelfAttention<B, typename Kind::Mask, typename ScoreOf<Kind>::type>;
        /// A mask that looks ahead is of no use to a cache.
        static constexpr bool one_position_at_a_time = only_looks_back<typename Kind::Mask>;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : Layer(context, width, options.heads, {}, score_for(options.heads)) {
            this->qkv.initialise(context, generator);
            if (!options.zero_init_final_layer) this->proj.initialise(context, generator);
        }

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            return ops::add(input, Layer::forward(pass, input));
        }

    private:
        [[nodiscard]] static constexpr auto score_for([[maybe_unused]] Index heads) {
            typename ScoreOf<Kind>::type score{};
            if constexpr (requires { score.heads = heads; }) score.heads = heads;
            return score;
        }
    };
};

struct CausalKind {
    static constexpr std::string_view name = "attention";
    static constexpr std::string_view where = "blueprint attention";
    using Mask = masks::Causal;
};

template <class ChosenMask, class ChosenScore>
struct FlexKind {
    static constexpr std::string_view name = "flex_attention";
    static constexpr std::string_view where = "blueprint flex_attention";
    using Mask = ChosenMask;
    using Score = ChosenScore;
};

/// Each position sees itself and those before it.
using Attention = MaskedAttention<CausalKind>;

/// Each position sees what the mask lets it see: any predicate of (batch, head, query, key), which
/// costs in proportion to what it keeps (attention/masks.hpp), by scores to which any callable may
/// do something first (attention/scores.hpp). Two of these in one list need two names: derive from
/// this and give it another `name`.
template <class Mask = masks::Causal, class Score = scores::None>
using FlexAttention = MaskedAttention<FlexKind<Mask, Score>>;

}  // namespace kasmina::transformer
