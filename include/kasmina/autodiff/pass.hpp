// Pass: the one way in for all that a module needs of a step: tape, mode, random stream, context.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <kasmina/autodiff/mode.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/autodiff/taps.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/check_enumerator.hpp>

namespace kasmina::nn {

template <class B>
class KeyValueCache;

}  // namespace kasmina::nn

namespace kasmina {

/// What modules, hosts, blueprints and slots are run with (P-1). It refers to a tape, and to the
/// generator that random ops draw from where there is one, and owns neither; one serves a whole
/// training loop. Evaluation with gradients is a pass in evaluation on a tape that records.
template <class B>
class Pass {
public:
    using Backend = B;
    using Context = typename B::Context;

    /// Without a random stream: a random op is an error. Errors: OptionError for a mode that does
    /// not exist.
    Pass(Tape<B>& tape, Mode mode) : tape_(&tape), mode_(checked(mode)) {}

    /// Random ops draw from `generator`, which must outlive the pass.
    Pass(Tape<B>& tape, Mode mode, Generator& generator)
        : tape_(&tape), generator_(&generator), mode_(checked(mode)) {}
    Pass(Tape<B>& tape, Mode mode, Generator&& generator) = delete;

    [[nodiscard]] Tape<B>& tape() const noexcept { return *tape_; }
    [[nodiscard]] Context& context() const { return tape_->context(); }
    [[nodiscard]] Mode mode() const noexcept { return mode_; }
    [[nodiscard]] bool recording() const noexcept { return tape_->recording(); }

    /// Whether random ops act.
    [[nodiscard]] bool training() const noexcept { return mode_ != Mode::evaluation; }
    /// Whether norms over a batch use its own statistics, and not the running ones.
    [[nodiscard]] bool batch_statistics() const noexcept { return mode_ == Mode::training; }
    /// Whether they move the running ones: once per batch, so not in a recomputation.
    [[nodiscard]] bool moves_statistics() const noexcept {
        return mode_ == Mode::training && !recomputes_;
    }

    /// The stream's next `words` words, for an op to compute where it likes and to keep for its way
    /// back. Errors: OptionError when the pass has no random stream.
    [[nodiscard]] RandomRange draw(std::uint64_t words) const {
        if (generator_ == nullptr) {
            throw OptionError("a random operation ran in a pass without a random stream", "Pass",
                              "a pass that was given a generator", "a pass without one",
                              "make it as Pass(tape, Mode::training, generator)");
        }
        return generator_->reserve(words);
    }

    /// Null without a random stream.
    [[nodiscard]] Generator* generator() const noexcept { return generator_; }

    /// The same pass on another tape.
    [[nodiscard]] Pass on(Tape<B>& tape) const noexcept {
        Pass other = listening_to(nullptr);
        other.tape_ = &tape;
        return other;
    }

    /// The same pass once more on another tape, with the random stream where it was.
    [[nodiscard]] Pass again_on(Tape<B>& tape, Generator* generator) const noexcept {
        Pass other = on(tape);
        other.generator_ = generator;
        other.recomputes_ = true;
        return other;
    }

    /// The same pass with parameters that get no gradient and running statistics that stay as they
    /// are: a module run with it only hands the gradient on.
    [[nodiscard]] Pass frozen() const noexcept {
        Pass other(*this);
        other.mode_ = Mode::evaluation;
        other.frozen_ = true;
        return other;
    }

    /// The same pass with norms on their running statistics, which stay as they are; parameters
    /// learn and random ops act as before.
    [[nodiscard]] Pass with_still_statistics() const noexcept {
        Pass other(*this);
        if (mode_ == Mode::training) other.mode_ = Mode::training_frozen_statistics;
        return other;
    }

    /// The same pass with another random stream; null for none.
    [[nodiscard]] Pass drawing_from(Generator* generator) const noexcept {
        Pass other(*this);
        other.generator_ = generator;
        return other;
    }

    /// The same pass over the positions of a sequence behind those that `cache` holds
    /// (nn/key_value_cache.hpp), which must outlive it. Errors: TapeError on a tape that records:
    /// there is no way back through a cache.
    [[nodiscard]] Pass going_on(nn::KeyValueCache<B>& cache) const {
        if (recording()) {
            throw TapeError("a pass that records cannot go on behind a cache", "Pass::going_on",
                            "a tape that does not record", "one that does",
                            "make the tape as Tape(context, Recording::none)");
        }
        Pass other(*this);
        other.cache_ = &cache;
        return other;
    }

    /// Null where the sequence begins in this pass and ends in it.
    [[nodiscard]] nn::KeyValueCache<B>* cache() const noexcept { return cache_; }

    // ---- what layers made (taps.hpp) ----------------------------------------------------------

    /// The same pass with `taps` receiving what layers make; they must outlive it.
    [[nodiscard]] Pass listening(Taps<B>& taps) const noexcept { return listening_to(&taps); }
    /// The same pass with taps, or null for none.
    [[nodiscard]] Pass listening_to(Taps<B>* taps) const noexcept {
        Pass other(*this);
        other.taps_ = taps;
        return other;
    }
    /// The same pass with a prefix for the names of what is inside, which must outlive it.
    [[nodiscard]] Pass inside(std::string_view prefix) const noexcept {
        Pass other(*this);
        other.prefix_ = prefix;
        return other;
    }
    /// Null where nobody listens.
    [[nodiscard]] Taps<B>* taps() const noexcept { return taps_; }

    /// Hands over what a layer made, if anybody listens.
    void tap(std::string_view name, const Variable<B>& value) const {
        if (taps_ != nullptr) taps_->offer(prefix_, name, value);
    }

    // ---- the tape's own, as modules use them --------------------------------------------------

    [[nodiscard]] Variable<B> parameter(const Parameter<B>& parameter) const {
        return frozen_ ? tape_->constant(parameter) : tape_->parameter(parameter);
    }
    [[nodiscard]] Variable<B> constant(const Tensor<B>& tensor) const {
        return tape_->constant(tensor);
    }
    [[nodiscard]] Variable<B> constant(const Shape& shape,
                                       std::span<const typename B::Scalar> values) const {
        return tape_->constant(shape, values);
    }
    [[nodiscard]] Variable<B> detach(const Variable<B>& source) const {
        return tape_->detach(source);
    }

private:
    [[nodiscard]] static Mode checked(Mode mode) {
        reflect::check_enumerator(mode, "mode", "Pass");
        return mode;
    }

    Tape<B>* tape_;
    Generator* generator_ = nullptr;
    nn::KeyValueCache<B>* cache_ = nullptr;
    Mode mode_;
    bool recomputes_ = false;
    bool frozen_ = false;
    Taps<B>* taps_ = nullptr;
    std::string_view prefix_{};
};

}  // namespace kasmina
