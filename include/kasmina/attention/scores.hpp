// Attention scores: what is done to a query's score for a key before the softmax.
#pragma once

#include <string>
#include <type_traits>

#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/pointwise/math.hpp>
#include <kasmina/tensor/index.hpp>

/// \file
/// A score policy is a trivially copyable callable on numbers of any kind (pointwise/math.hpp),
///
///     template <class V>
///     constexpr V operator()(const V& score, Index batch, Index head, const V& query,
///                            const V& key) const
///
/// It gets the product of query and key, scaled, and gives the score that the softmax takes. The
/// positions are numbers too, because a kernel asks for several keys at once; they count as a
/// mask's do. The gradient of the score comes from running the callable on dual numbers. One that
/// has a `void check(Index heads) const` is asked, with the attention's heads, before it runs: it
/// throws where it does not fit.
namespace kasmina::scores {

/// The scaled product as it is.
struct None {
    template <class V>
    constexpr V operator()(const V& score, Index, Index, const V&, const V&) const {
        return score;
    }
};

/// A penalty that grows with the distance, at a slope of its own for each head: 2^(-8 / heads), its
/// square, and so on (Press, Smith and Lewis, "Train short, test long: attention with linear biases
/// enables input length extrapolation", 2022). Their slopes for a number of heads that is no power
/// of 2 differ: these are the same formula for any number.
struct Alibi {
    Index heads = 1;  ///< those of the attention

    /// Errors: OptionError for another number of heads than the attention has.
    KASMINA_RARE void check(Index of_attention) const {
        if (heads == of_attention) return;
        throw OptionError("the slopes are for another number of heads", "scores::Alibi",
                          "heads = " + std::to_string(of_attention) + ", as the attention has",
                          std::to_string(heads), "give Alibi::heads the attention's number");
    }

    template <class V>
    constexpr V operator()(const V& score, Index, Index head, const V& query, const V& key) const {
        constexpr double ln_256 = 5.545177444479562;
        return score - (query - key) * math::exp(V(-ln_256 * static_cast<double>(head + 1) /
                                                   static_cast<double>(heads)));
    }
};

/// Scores held between -cap and cap, smoothly: cap * tanh(score / cap).
struct SoftCap {
    double cap = 50.0;

    /// Errors: OptionError for a cap that is not above 0 and finite, as a float too.
    KASMINA_RARE void check(Index) const {
        check_option("scores::SoftCap", "cap", cap, OptionRange::above(0.0).as<float>(),
                     "use 50, or scores::None for scores as they are");
    }

    template <class V>
    constexpr V operator()(const V& score, Index, Index, const V&, const V&) const {
        return math::tanh(score * V(1.0 / cap)) * V(cap);
    }
};

}  // namespace kasmina::scores
