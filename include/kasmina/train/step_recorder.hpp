// StepRecorder: a training step up to the optimiser, recorded once per state of the network.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/autodiff/token_ids.hpp>
#include <kasmina/backend/precision.hpp>
#include <kasmina/backend/recording.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::train {

/// A loss that says by `reads()` all that it depends on but the output: addresses and numbers. With
/// equal ones it orders equal work.
template <class L>
concept RepeatableLoss = requires(const L& loss) {
    { std::span<const std::uintptr_t>(loss.reads()) };
};

/// An input by which one step can be told from another.
template <class Input, class B>
concept NotedInput = std::same_as<Input, Tensor<B>> || std::same_as<Input, TokenIds<B>>;

/// What a recorded step depends on, as numbers: with equal ones it is the same work on the same
/// memory.
class StepKey {
public:
    void clear() noexcept { numbers_.clear(); }
    void add(std::uintptr_t number) { numbers_.push_back(number); }
    void add(const void* address) { add(std::bit_cast<std::uintptr_t>(address)); }
    void add(double number) { add(std::bit_cast<std::uint64_t>(number)); }
    template <class B, class T>
    void add(const Tensor<B, T>& tensor) {
        add(static_cast<const void*>(tensor.data()));
        for (Index axis = 0; axis < tensor.shape().rank(); ++axis) {
            add(static_cast<std::uintptr_t>(tensor.shape()[axis]));
        }
    }

    template <class B>
    void add(const TokenIds<B>& ids) {
        add(ids.tensor());
    }
    /// The stream: where a generator stands in it is said with each replay.
    void add(const Generator& random) {
        add(static_cast<std::uintptr_t>(random.state().key));
        add(static_cast<std::uintptr_t>(random.state().stream));
    }

    friend bool operator==(const StepKey&, const StepKey&) = default;

private:
    std::vector<std::uintptr_t> numbers_;
};

/// Keeps recordings, a few at a time, and says when a step is one of them. A step is recorded when
/// it has been taken twice as it is, and ordered nothing then that cannot be done again: nothing to
/// or from the host, and random words that the step's own generator set aside for kernels alone;
/// they are drawn anew when it is replayed. Germination, a change of stage, freezing and pruning
/// make another key, and so another recording; amplitudes of a ramp are read from memory, as rates
/// are.
template <class B>
    requires RecordingBackend<B>
class StepRecorder {
public:
    using Context = typename B::Context;

    /// What a step leaves in a parameter.
    struct Left {
        std::weak_ptr<ParameterState<B>> parameter;
        bool has_gradient;
        typename Gradient<B>::Form form;
    };

    /// A step as it was recorded, and where its loss and its output are afterwards.
    struct Step {
        StepKey key{};
        Tensor<B> loss{};
        Tensor<B> output{};  ///< empty when nobody wants to see it
        typename B::Recording recording{};
        std::vector<Left> gradients{};
        bool under_way = false;    ///< what is ordered now is recorded and not done
        int taken = 0;             ///< as it is, by the host
        bool repeats = true;       ///< so far as is known
        Generator::State drawn{};  ///< where the generator stood when it was recorded
        std::uint64_t words = 0;   ///< that it draws
        std::uint64_t last = 0;    ///< when it was used
    };

    /// Takes the step: `body(step)`, or what was recorded of it. `body` gives back all memory that
    /// it acquires, and writes loss and output into the step's. Errors: those of `body`.
    template <class Optimiser, class Body>
    Step& take(Context& context, const Optimiser& optimiser, Generator& random, const StepKey& key,
               Body&& body) {
        Step& step = find(context, key);
        B::draw_from(context, random.state());
        if (!step.recording && step.repeats && step.taken >= settled && pays()) {
            record(context, optimiser, random, step, body);
        }
        if (step.recording && same_stream(step.drawn, random.state())) {
            B::replay(context, step.recording, words_between(step.drawn, random.state()));
            static_cast<void>(random.reserve(step.words));
            claim_gradients(step);
            ++replays_;
            return step;
        }
        const std::uint64_t before = B::unrepeatable(context);
        const Generator::State drawn = random.state();
        const std::uint64_t set_aside = random.set_aside();
        body(step);
        step.repeats = B::unrepeatable(context) == before && same_stream(drawn, random.state()) &&
                       words_between(drawn, random.state()) == random.set_aside() - set_aside;
        ++step.taken;
        return step;
    }

    /// How many steps were taken from recordings.
    [[nodiscard]] std::uint64_t replays() const noexcept { return replays_; }
    /// How many recordings were made.
    [[nodiscard]] std::uint64_t recordings() const noexcept { return recordings_; }

private:
    static constexpr int settled = 2;
    static constexpr std::size_t most_kept = 8;

    [[nodiscard]] static bool same_stream(const Generator::State& a, const Generator::State& b) {
        return a.key == b.key && a.stream == b.stream;
    }
    [[nodiscard]] static std::uint64_t words_between(const Generator::State& from,
                                                     const Generator::State& to) {
        return 4 * (to.counter - from.counter) + to.word - from.word;
    }

    /// Steps that are never the same twice are not worth recording.
    [[nodiscard]] bool pays() const noexcept {
        return recordings_ < 2 * most_kept || replays_ >= 4 * recordings_;
    }

    [[nodiscard]] Step& find(Context& context, const StepKey& key) {
        auto found = std::ranges::find(steps_, key, [](const auto& step) { return step->key; });
        if (found == steps_.end()) {
            if (steps_.size() == most_kept) {
                const auto oldest = std::ranges::min_element(
                    steps_, {}, [](const auto& step) { return step->last; });
                steps_.erase(oldest);
            }
            steps_.push_back(std::make_unique<Step>());
            steps_.back()->key = key;
            steps_.back()->loss = Tensor<B>::persistent(context, {1});
            found = steps_.end() - 1;
        }
        (*found)->last = ++clock_;
        return **found;
    }

    template <class Optimiser, class Body>
    void record(Context& context, const Optimiser& optimiser, Generator& random, Step& step,
                Body& body) {
        step.drawn = random.state();
        B::begin_recording(context);
        step.under_way = true;
        try {
            body(step);
        } catch (...) {
            step.under_way = false;
            static_cast<void>(B::end_recording(context));
            random = Generator::from_state(step.drawn);
            throw;
        }
        step.under_way = false;
        step.recording = B::end_recording(context);
        // Nothing is done yet: what was drawn is drawn when it is replayed.
        step.words = words_between(step.drawn, random.state());
        random = Generator::from_state(step.drawn);
        if (!step.recording) {
            step.repeats = false;
            return;
        }
        ++recordings_;
        step.gradients.clear();
        for (std::size_t group = 0; group < optimiser.groups(); ++group) {
            for (const auto& tracked : optimiser.tracked(group)) {
                const auto parameter = tracked.parameter.lock();
                if (!parameter) continue;
                step.gradients.push_back(
                    {parameter, parameter->has_gradient, parameter->gradient.form()});
            }
        }
    }

    /// The bookkeeping of a backward pass, which the recording did not do.
    static void claim_gradients(Step& step) {
        for (const Left& left : step.gradients) {
            const auto parameter = left.parameter.lock();
            if (!parameter) continue;
            parameter->warm = parameter->warm || left.has_gradient;
            parameter->has_gradient = left.has_gradient;
            if (left.has_gradient) parameter->gradient.take_form(left.form);
        }
    }

    std::vector<std::unique_ptr<Step>> steps_;
    std::uint64_t clock_ = 0;
    std::uint64_t replays_ = 0;
    std::uint64_t recordings_ = 0;
};

namespace detail {

/// Of a backend that cannot record.
struct NoRecorder {};

template <class B>
struct RecorderOf {
    using Type = NoRecorder;
};
template <class B>
    requires RecordingBackend<B>
struct RecorderOf<B> {
    using Type = StepRecorder<B>;
};

}  // namespace detail

}  // namespace kasmina::train
