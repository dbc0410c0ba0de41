// Batches of a set on a backend: what they are, and how they get there from the host's memory.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include <kasmina/autodiff/class_labels.hpp>
#include <kasmina/autodiff/token_ids.hpp>
#include <kasmina/data/samples.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::data {

/// Samples of a data set, with the target values of each: (count, target shape).
template <class B, class Input = Tensor<B>>
struct TargetBatch {
    Input input;
    Tensor<B> targets;
};

/// A set whose values are token ids, in 0 ... vocabulary() - 1.
template <class S>
concept TokenSet =
    SampleSet<S> && std::same_as<typename S::Value, std::int32_t> && requires(const S& set) {
        { set.vocabulary() } -> std::convertible_to<Index>;
    };

/// What a host reads of a set: token ids, else a tensor.
template <class B, class Set>
using InputOf = std::conditional_t<TokenSet<Set>, TokenIds<B>, Tensor<B>>;

/// LabelledBatch of a labelled set, else TargetBatch.
template <class B, class Set>
using BatchOf = std::conditional_t<LabelledSet<Set>, LabelledBatch<B, InputOf<B, Set>>,
                                   TargetBatch<B, InputOf<B, Set>>>;

/// Says in one line what a set must be; a macro, so that it stands where the compiler comes by
/// first.
#define KASMINA_REQUIRE_SET(SET, BACKEND)                                                          \
    static_assert(::kasmina::data::LabelledSet<SET> || ::kasmina::data::TargetSet<SET>,            \
                  "SampleSet: give the set `Value`, `count()`, `sample_shape()` and `read(place, " \
                  "to)`, and `label(place)` with `class_count()`, or `read_target(place, to)` "    \
                  "with `target_shape()`");                                                        \
    static_assert(::kasmina::data::TokenSet<SET> ||                                                \
                      std::same_as<typename SET::Value, typename BACKEND::Scalar>,                 \
                  "SampleSet: let the set's `Value` be the backend's Scalar, or std::int32_t "     \
                  "with `vocabulary()` for token ids");

/// A batch on a backend, in memory that is used again while batches have one size.
template <class B, class Set>
class BatchOnBackend {
public:
    using Value = typename Set::Value;
    using Batch = BatchOf<B, Set>;

    /// Puts `count` samples in it, as they lie in the host's memory one after the other. Errors:
    /// NumericError for a label that is no class or a token outside the vocabulary.
    Batch& fill(typename B::Context& context, const Set& set, std::size_t count,
                std::span<const Value> values, std::span<const std::int32_t> labels,
                std::span<const Value> targets) {
        const Shape shape = batch_shape(count, set.sample_shape());
        values = values.first(static_cast<std::size_t>(shape.elements()));
        if constexpr (LabelledSet<Set>) {
            ClassLabels<B> classes(context, labels.first(count), set.class_count());
            if constexpr (TokenSet<Set>) {
                batch_.emplace(TokenIds<B>(context, shape, values, set.vocabulary()),
                               std::move(classes));
            } else if (!batch_ || batch_->input.shape() != shape) {
                batch_.emplace(Tensor<B>::from_host(context, shape, values), std::move(classes));
            } else {
                batch_->labels = std::move(classes);
                batch_->input.assign(context, values);
            }
        } else {
            const Shape target = batch_shape(count, set.target_shape());
            targets = targets.first(static_cast<std::size_t>(target.elements()));
            if (!batch_ || batch_->input.shape() != shape || batch_->targets.shape() != target) {
                batch_.emplace(Tensor<B>::from_host(context, shape, values),
                               Tensor<B>::from_host(context, target, targets));
            } else {
                batch_->input.assign(context, values);
                batch_->targets.assign(context, targets);
            }
        }
        return *batch_;
    }

    /// The batch, for somebody else to keep.
    [[nodiscard]] Batch take() {
        Batch batch = std::move(*batch_);
        batch_.reset();
        return batch;
    }

private:
    std::optional<Batch> batch_{};
};

}  // namespace kasmina::data
