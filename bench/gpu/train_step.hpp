// The training steps that are timed on a GPU: the reference host, alone and with a seed.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/kasmina.hpp>

namespace kasmina::bench {

/// A network and what is done with it. The peer (bench/peers/gpu_train_step.py) reads the same
/// words.
struct Case {
    std::string seed{};  ///< of that blueprint in r0c1 (64 channels at 16x16); none where empty
    Stage stage = Stage::training;
    Index batch = 32;
    Precision precision = Precision::full;
    std::string optimiser = "sgd";  ///< or "adamw"

    [[nodiscard]] std::string name() const {
        std::string text = "host";
        if (!seed.empty()) {
            text += '+' + seed + ':' + (stage == Stage::training ? "training" : "blending");
        }
        return text + "/batch:" + std::to_string(batch) + '/' +
               (precision == Precision::fast ? "tf32" : "full") + '/' + optimiser;
    }
};

/// What was measured of a case.
struct Timing {
    double milliseconds = 0.0;  ///< a step, in the median of the rounds
    double least = 0.0;         ///< in the quickest round
    int steps = 0;              ///< in all rounds together
    double waits = 0.0;         ///< a step
    double launches = 0.0;      ///< a step: kernels, library calls, fills and copies
    double allocations = 0.0;   ///< after the first steps, in all
    double peak_mib = 0.0;      ///< in use at most, of the context's memory
    double held_mib = 0.0;      ///< taken from the driver
};

/// Forward, cross-entropy, backward, the lesson of a seed in training, clipping, optimiser: base
/// 32, images of 32x32, ten classes. Blending is at alpha 0.5, isolated. What a trainer does at
/// each batch, without the judge's shadow.
template <class B, class Rule>
class Step {
public:
    using Model = MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints>;
    using Learner = train::Learner<Model, Rule, judge::Ablation>;
    using Batch = LabelledBatch<B>;
    static constexpr Index side = 32;
    static constexpr Index classes = 10;

    Step(typename B::Context& context, const Case& what)
        : model_(context, hosts::Cnn<B>{context, {.classes = classes}}, CnnBlueprints{}, random_),
          batch_{Tensor<B>::from_host(context, {what.batch, side, side, 3}, noise(what.batch)),
                 ClassLabels<B>(context, targets(what.batch), classes)} {
        if (!what.seed.empty()) grow(what);
        learner_.emplace(model_, rates(), Generator(), judge::Ablation{});
    }

    void operator()() {
        static_cast<void>(learner_->step(
            model_, batch_.input, train::LossOnBatch<train::CrossEntropy, Batch>{loss_, batch_}));
    }

private:
    std::vector<typename B::Scalar> noise(Index batch) {
        std::vector<typename B::Scalar> pixels(static_cast<std::size_t>(batch * side * side * 3));
        for (auto& pixel : pixels) pixel = static_cast<typename B::Scalar>(random_.normal());
        return pixels;
    }
    std::vector<std::int32_t> targets(Index batch) {
        std::vector<std::int32_t> labels(static_cast<std::size_t>(batch));
        for (auto& label : labels) label = static_cast<std::int32_t>(random_.below(classes));
        return labels;
    }

    void grow(const Case& what) {
        auto& slot = model_.slot("r0c1");
        GerminationOptions options;
        options.alpha_target = 0.5;
        options.tempo_epochs = 1;
        slot.germinate(what.seed, options);
        slot.advance();
        if (what.stage == Stage::training) return;
        model_.gates().thresholds = GateThresholds{.min_training_improvement = -100.0,
                                                   .min_blending_epochs = 0,
                                                   .min_seed_gradient_ratio = 0.0};
        slot.record_gradients({1.0, 1, true}, {1.0, 1, true}, {}, true);
        slot.record_readiness(0.0);
        if (!slot.advance().advanced) throw Error("the seed did not blend", "bench", "", "", "");
        slot.step_epoch();
    }

    static train::LearnerOptions<Rule> rates() {
        // The peer gives a lesson with each step, too.
        train::LearnerOptions<Rule> options{.host = {.learning_rate = 1e-3},
                                            .seeds = {.learning_rate = 1e-3},
                                            .lesson_every = 1,
                                            .max_gradient_norm = 1.0};
        if constexpr (std::same_as<Rule, optim::SgdRule>) {
            options.host.momentum = options.seeds.momentum = 0.9;
        }
        return options;
    }

    Generator random_{1};
    Model model_;
    Batch batch_;
    train::CrossEntropy loss_{};
    std::optional<Learner> learner_{};
};

/// Times rounds of steps, each round behind one wait, until `seconds` have gone by.
template <class B, class Rule>
[[nodiscard]] Timing time_steps(typename B::Context& context, const Case& what, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point start) {
        return std::chrono::duration<double>(Clock::now() - start).count();
    };
    context.set_precision(what.precision);
    Step<B, Rule> step(context, what);
    for (int i = 0; i < 5; ++i) step();
    B::synchronise(context);
    const auto probe = Clock::now();
    for (int i = 0; i < 10; ++i) step();
    B::synchronise(context);
    constexpr int rounds = 7;
    const int each = std::max(5, static_cast<int>(10.0 * seconds / rounds / since(probe)));
    const auto allocations = context.pool().statistics().allocations;
    const auto waits = context.waits();
    const auto launches = context.launches();
    std::vector<double> times;
    for (int round = 0; round < rounds; ++round) {
        const auto start = Clock::now();
        for (int i = 0; i < each; ++i) step();
        B::synchronise(context);
        times.push_back(since(start) * 1e3 / each);
    }
    const auto per_step = [&](auto after, auto before) {
        return static_cast<double>(after - before) / (rounds * each);
    };
    Timing timing;
    timing.waits = per_step(context.waits() - rounds, waits);  // without those of the rounds' ends
    timing.launches = per_step(context.launches(), launches);
    const auto memory = context.pool().statistics();
    timing.allocations = static_cast<double>(memory.allocations - allocations);
    timing.peak_mib = static_cast<double>(memory.peak_bytes) / (1024.0 * 1024.0);
    timing.held_mib = static_cast<double>(memory.bytes_held) / (1024.0 * 1024.0);
    std::ranges::sort(times);
    timing.milliseconds = times[times.size() / 2];
    timing.least = times.front();
    timing.steps = rounds * each;
    return timing;
}

/// All cases: the host, and each blueprint's seed in training and in blending.
[[nodiscard]] inline std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const Precision precision : {Precision::fast, Precision::full}) {
        for (const Index batch : {Index{32}, Index{128}, Index{512}}) {
            for (const char* optimiser : {"sgd", "adamw"}) {
                cases.push_back({{}, Stage::training, batch, precision, optimiser});
            }
            for (const auto seed : CnnBlueprints::names()) {
                for (const Stage stage : {Stage::training, Stage::blending}) {
                    cases.push_back({std::string(seed), stage, batch, precision, "sgd"});
                }
            }
        }
    }
    return cases;
}

}  // namespace kasmina::bench
