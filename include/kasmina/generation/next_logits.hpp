// NextLogits: what a network of sequences says comes next, one token after the other.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/alpha/blend_algorithm.hpp>
#include <kasmina/autodiff/ops/slice.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/autodiff/token_ids.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/hosts/token_logits.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/nn/key_value_cache.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/tensor/pending.hpp>

namespace kasmina::generation {

/// A model whose host reads token ids and says how many there are and how long a sequence may be:
/// `vocabulary()` and `block()`.
template <class Model>
concept ModelOfSequences = requires(const Model& model) {
    requires std::same_as<typename Model::Input, TokenIds<typename Model::Backend>>;
    { model.host().vocabulary() } -> std::convertible_to<Index>;
    { model.host().block() } -> std::convertible_to<Index>;
};

/// Whether a pass of that model can go on behind a key-value cache: its host says so, and so does
/// each seed that is heard. A gate does not: it looks at the mean of the whole sequence.
template <class Model>
[[nodiscard]] bool goes_on_behind_a_cache(const Model& model, const AlphaOverrides& overrides) {
    bool all = requires { requires Model::Host::one_position_at_a_time; };
    for (const auto& slot : model.slots()) {
        const AlphaOverride* chosen = overrides.find(slot.name());
        all = all && (!slot.runs(false, chosen) || slot.one_position_at_a_time());
    }
    return all;
}

struct NextLogitsOptions {
    AlphaOverrides overrides{};
    bool cached = true;  ///< false: the whole sequence again for each token
};

/// Evaluates a model on a sequence that grows. Where it can, a pass runs the new token alone and
/// finds the earlier ones in a key-value cache; then a token allocates nothing after the first. A
/// sequence that is longer than the host's block is seen through its last `block` tokens, which a
/// cache does not help with: all of them stand at other positions. Where a slot has changed its
/// stage, amplitude, blend or seed since the token before, the cache is of another network: the
/// whole sequence runs once more. The values of the model's parameters, to which it refers, may not
/// change between `start` and the last `next`.
template <ModelOfSequences Model>
class NextLogits {
public:
    using B = typename Model::Backend;
    using Scalar = typename B::Scalar;
    using Context = typename Model::Context;

    NextLogits(const Model& model, Context& context, NextLogitsOptions options = {})
        : model_(model),
          context_(context),
          options_(std::move(options)),
          tape_(context, Recording::none),
          cache_(1, model.host().block()),
          one_(context, Shape{1, 1}, std::span<const std::int32_t>(first_), vocabulary()) {
        tokens_.reserve(static_cast<std::size_t>(model.host().block()));
    }
    NextLogits(const Model&&, Context&, NextLogitsOptions = {}) = delete;

    /// The logits behind `prompt`, one for each token of the vocabulary; they live until the next
    /// call. Of a prompt longer than the block the end is read. Errors: OptionError for an empty
    /// prompt; NumericError for ids outside the vocabulary, also where they are not read.
    /// A sequence whose pass fails is over.
    [[nodiscard]] std::span<const Scalar> start(std::span<const std::int32_t> prompt) {
        begun_ = false;
        if (prompt.empty()) throw_empty();
        static_cast<void>(TokenIds<B>::checked(prompt, vocabulary()));
        const auto block = static_cast<std::size_t>(model_.host().block());
        const auto seen = prompt.last(std::min(prompt.size(), block));
        tokens_.assign(seen.begin(), seen.end());
        forget();
        return run_whole();
    }

    /// The logits behind one more token. Errors: StateError where no sequence was begun;
    /// NumericError for an id outside the vocabulary, and the sequence is as it was.
    [[nodiscard]] std::span<const Scalar> next(std::int32_t token) {
        if (!begun_) throw_not_begun();
        one_.assign(context_, std::span(&token, 1));  // checks it
        const Index block = model_.host().block();
        if (static_cast<Index>(tokens_.size()) < block) {
            tokens_.push_back(token);
        } else {
            std::rotate(tokens_.begin(), tokens_.begin() + 1, tokens_.end());
            tokens_.back() = token;
            caches_ = false;
        }
        if (!caches_) return run_whole();
        if (!is_another_network()) return run(one_);
        forget();
        return run_whole();
    }

    /// Whether tokens are run by themselves, with the earlier ones in a cache.
    [[nodiscard]] bool cached() const noexcept { return caches_; }

private:
    /// What of a slot decides which of its layers are in a pass.
    struct Heard {
        Stage stage = Stage::dormant;
        double alpha = 0.0;
        BlendAlgorithm algorithm = BlendAlgorithm::add;
        std::weak_ptr<const Generator> seed{};  ///< whose stream it is: each seed has its own

        bool operator==(const Heard& other) const noexcept {
            return stage == other.stage && alpha == other.alpha && algorithm == other.algorithm &&
                   !seed.owner_before(other.seed) && !other.seed.owner_before(seed);
        }
    };

    [[nodiscard]] Index vocabulary() const { return model_.host().vocabulary(); }

    [[nodiscard]] static Heard heard(const typename Model::SlotType& slot) noexcept {
        return {slot.stage(), slot.alpha(), slot.algorithm(), slot.random_stream()};
    }

    [[nodiscard]] bool is_another_network() const {
        return !std::ranges::equal(model_.slots(), heard_, {}, heard);
    }

    /// The next pass fills the cache anew, if it can go on behind one.
    void forget() {
        cache_.forget();
        caches_ = options_.cached && goes_on_behind_a_cache(model_, options_.overrides);
        heard_.clear();
        std::ranges::transform(model_.slots(), std::back_inserter(heard_), heard);
    }

    [[nodiscard]] std::span<const Scalar> run_whole() {
        const Shape shape{1, static_cast<Index>(tokens_.size())};
        if (!whole_ || whole_->shape() != shape) {
            whole_.emplace(context_, shape, tokens_, vocabulary());
        } else {
            whole_->assign(context_, tokens_);
        }
        return run(*whole_);
    }

    [[nodiscard]] std::span<const Scalar> run(const TokenIds<B>& ids) {
        begun_ = false;
        tape_.clear();
        const Pass<B> plain(tape_, Mode::evaluation);
        Pass<B> pass = caches_ ? plain.going_on(cache_) : plain;
        {
            const Variable<B> logits = last(model_.forward(pass, ids, options_.overrides));
            static_cast<void>(reading_.emplace(context_, logits.data(), vocabulary()));
        }
        if (caches_) cache_.advance(ids.shape()[1]);
        const std::span<const Scalar> logits = reading_->values();
        begun_ = true;
        return logits;
    }

    /// Those of the last position.
    [[nodiscard]] static Variable<B> last(const Variable<B>& logits) {
        const Index time = logits.shape()[1];
        return time == 1 ? logits : ops::slice(logits, 1, time - 1, time);
    }
    [[nodiscard]] static Variable<B> last(const hosts::TiedLogits<B>& output) {
        return hosts::TiedLogits<B>{last(output.hidden), output.weight}.logits();
    }

    KASMINA_COLD [[noreturn]] static void throw_empty() {
        throw OptionError("there is nothing to go on from", "generation::NextLogits",
                          "a prompt of one token or more", "none",
                          "begin with a token that texts begin with, say a line break");
    }

    KASMINA_COLD [[noreturn]] static void throw_not_begun() {
        throw StateError("there is no sequence to go on with", "generation::NextLogits",
                         "a start that succeeded, and no failed pass since", "none",
                         "call start with a prompt");
    }

    const Model& model_;
    Context& context_;
    NextLogitsOptions options_;
    Tape<B> tape_;
    nn::KeyValueCache<B> cache_;
    std::array<std::int32_t, 1> first_{};
    TokenIds<B> one_;
    std::optional<TokenIds<B>> whole_{};
    std::vector<std::int32_t> tokens_{};
    std::vector<Heard> heard_{};  ///< of each slot, in the passes that filled the cache
    std::optional<Pending<B>> reading_{};
    bool caches_ = false;
    bool begun_ = false;
};

}  // namespace kasmina::generation
