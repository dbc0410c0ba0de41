// Sources of training batches: streams that make them on the way, and ranges that are there.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/model/mean_scores.hpp>

namespace kasmina::train {

/// Makes batches one by one: `start_epoch()`, and then `next()` until that is false, which points
/// to a batch otherwise (a pointer, or an std::optional). A batch has a member `input`, which is
/// what the host takes, and whatever the loss wants beside it.
template <class S, class Input>
concept BatchStream = requires(S& source) {
    source.start_epoch();
    static_cast<bool>(source.next());
    { (*source.next()).input } -> std::convertible_to<const Input&>;
};

/// Where an epoch's batches come from: a stream, or a range that is walked once an epoch.
template <class S, class Input>
concept BatchSource = BatchStream<S, Input> || BatchRange<S&, Input>;

namespace detail {

template <class S, class Input>
struct BatchOf {
    using Type = std::remove_reference_t<BatchReference<S&>>;
};
template <class S, class Input>
    requires BatchStream<S, Input>
struct BatchOf<S, Input> {
    using Type = std::remove_reference_t<decltype(*std::declval<S&>().next())>;
};

}  // namespace detail

/// What a source hands out.
template <class S, class Input>
using BatchOf = typename detail::BatchOf<S, Input>::Type;

/// A source that goes on where it stood, in mid-epoch too: it gives its state and takes it back,
/// all or nothing.
template <class S>
concept RestorableSource = requires(S& source, const S& constant) {
    { constant.state() } -> std::copyable;
    source.restore(constant.state());
};

/// Calls `f(batch)` with each batch of one epoch, from its start, or where `done` batches of it
/// have been handed out already; before each `stop()` is asked. False when that said yes: the epoch
/// has at least one batch left then (but where a stream that cannot be restored does not tell), and
/// the source stands before it.
template <class Input, BatchSource<Input> S, std::predicate Stop, class F>
bool for_each_batch(S& source, std::optional<int> done, Stop&& stop, F&& f) {
    if constexpr (BatchStream<S, Input>) {
        if (!done) source.start_epoch();
        while (true) {
            if (stop()) {
                if constexpr (RestorableSource<S>) {
                    const auto before = source.state();
                    if (!static_cast<bool>(source.next())) return true;
                    source.restore(before);
                }
                return false;
            }
            auto batch = source.next();
            if (!static_cast<bool>(batch)) return true;
            f(*batch);
        }
    } else {
        int left = done.value_or(0);
        for (auto&& batch : source) {
            if (left > 0) {
                --left;
                continue;
            }
            if (stop()) return false;
            f(batch);
        }
        return true;
    }
}

/// For a walk that nobody interrupts.
struct NeverStop {
    [[nodiscard]] constexpr bool operator()() const noexcept { return false; }
};

/// The same for a whole epoch.
template <class Input, BatchSource<Input> S, class F>
void for_each_batch(S& source, F&& f) {
    static_cast<void>(for_each_batch<Input>(source, std::nullopt, NeverStop{}, f));
}

/// `loss(output, batch)`: the mean loss of a batch, as one value.
template <class L, class Output, class Batch, class B>
concept LossOfBatch = requires(L& loss, const Output& output, Batch& batch) {
    { loss(output, batch) } -> std::same_as<Variable<B>>;
};

namespace detail {

using ops::cross_entropy;

/// `cross_entropy(output, labels)`: one of ops, or one of the output's own namespace.
template <class Output, class Labels>
concept HasCrossEntropy =
    requires(const Output& output, const Labels& labels) { cross_entropy(output, labels); };

template <class Output, class Labels>
[[nodiscard]] auto cross_entropy_of(const Output& output, const Labels& labels) {
    return cross_entropy(output, labels);
}

}  // namespace detail

/// Mean cross-entropy of logits and `batch.labels`.
struct CrossEntropy {
    template <class Output, class Batch>
        requires requires(const Batch& batch) {
            requires detail::HasCrossEntropy<Output, decltype(batch.labels)>;
        }
    [[nodiscard]] auto operator()(const Output& logits, const Batch& batch) const {
        return detail::cross_entropy_of(logits, batch.labels);
    }

    /// All that it depends on but the logits (step_recorder.hpp).
    template <class Batch>
        requires requires(const Batch& batch) {
            { batch.labels.counted() } -> std::same_as<Index>;
            batch.labels.data();
        }
    [[nodiscard]] std::array<std::uintptr_t, 3> reads(const Batch& batch) const {
        return {std::bit_cast<std::uintptr_t>(batch.labels.data()),
                static_cast<std::uintptr_t>(batch.labels.counted()),
                static_cast<std::uintptr_t>(batch.labels.ignore_index())};
    }
};

/// A loss of one batch, which is a loss of the output alone.
template <class Loss, class Batch>
struct LossOnBatch {
    const Loss& loss;
    const Batch& batch;

    template <class Output>
    [[nodiscard]] auto operator()(const Output& output) const {
        return loss(output, batch);
    }
    [[nodiscard]] auto reads() const
        requires requires(const Loss& of, const Batch& one) { of.reads(one); }
    {
        return loss.reads(batch);
    }
};

}  // namespace kasmina::train
