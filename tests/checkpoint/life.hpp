// A short life of a growing network with all that a checkpoint must hold in it.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/trainer.hpp>

#include "slot/open_gates.hpp"
#include "train/noisy_seed.hpp"
#include "train/small_run.hpp"

namespace kasmina::test {

/// The epochs of what happens; a life of 24 has been through all of it.
struct LifePlan {
    static constexpr int epochs = 24;
    static constexpr int scheduled = 14;  ///< a prune with a ramp begins
    static constexpr int broken = 20;     ///< a batch with a value that is no number

    [[nodiscard]] static std::vector<Decision> decide(int epoch) {
        using enum Decision::Action;
        GerminationOptions slow;
        slow.tempo_epochs = 3;
        GerminationOptions gated = slow;
        gated.algorithm = BlendAlgorithm::gate;
        GerminationOptions again = slow;
        again.seed_id = "again";
        again.incubation = Incubation::straight_through;
        switch (epoch) {
            case 1: return {{"late", germinate, "noisy", {}, slow}};
            case 2:
            case 3: return {{"late", advance}};
            case 6: return {{"early", germinate, "conv_light", {}, gated}, {"late", advance}};
            case 7: return {{"late", advance}};
            case 8:
            case 9: return {{"early", advance}};
            case 13: return {{"early", advance}};
            case 22: return {{"early", germinate, "norm", {}, again}};
            case 23: return {{"early", advance}};
            default: return {};
        }
    }
};

/// Decides by the plan, and remembers something of its own.
struct LifeController {
    struct State {
        std::vector<double> accuracies{};
        using Fields = reflect::List<&State::accuracies>;
        static constexpr int schema = 1;
    };

    [[nodiscard]] std::vector<Decision> decide(const EpochObservation& seen) {
        accuracies.push_back(seen.score);
        return LifePlan::decide(seen.epoch);
    }

    [[nodiscard]] State state() const { return {accuracies}; }
    void restore(const State& state) {
        if (state.accuracies.size() > 1000) {
            throw StateError("a controller cannot have this state", "LifeController",
                             "at most 1000 accuracies", "more", "restore what state() returned");
        }
        accuracies = state.accuracies;
    }

    std::vector<double> accuracies{};
};

/// Noise, four batches an epoch; in one epoch a value that is no number.
template <class B>
class LifeStream {
public:
    LifeStream(typename B::Context& context, std::uint64_t seed)
        : context_(&context), batches_(seed) {}

    struct State {
        Generator::State random{};
        int epoch = 0;
        int left = 0;
        using Fields = reflect::List<&State::random, &State::epoch, &State::left>;
        static constexpr int schema = 1;
    };

    void start_epoch() {
        ++epoch_;
        left_ = 4;
    }

    [[nodiscard]] std::optional<typename NoiseBatches<B>::Batch> next() {
        if (left_ == 0) return std::nullopt;
        --left_;
        auto batch = batches_.next(*context_);
        if (epoch_ == LifePlan::broken && left_ == 1) {
            batch.input.fill(*context_, std::numeric_limits<typename B::Scalar>::quiet_NaN());
        }
        return batch;
    }

    [[nodiscard]] State state() const { return {batches_.state(), epoch_, left_}; }
    void restore(const State& state) {
        batches_.restore(state.random);
        epoch_ = state.epoch;
        left_ = state.left;
    }

private:
    typename B::Context* context_;
    NoiseBatches<B> batches_;
    int epoch_ = 0;
    int left_ = 0;
};

/// What a user keeps beside.
struct Diary {
    std::vector<double> losses{};
    std::string last{};
    using Fields = reflect::List<&Diary::losses, &Diary::last>;
    static constexpr std::string_view part_name = "diary";
    static constexpr int schema = 1;
    friend bool operator==(const Diary&, const Diary&) = default;
};

template <class B, class Rule>
struct Life {
    using Model = MorphogeneticModel<DropoutCnn<B>, CnnBlueprints::with<Noisy>, OpenPolicies>;
    using Trainer =
        train::Trainer<Model, Rule, LifeStream<B>, std::vector<LabelledBatch<B>>, LifeController>;

    explicit Life(typename B::Context& on, std::uint64_t seed = 1)
        : context(on),
          model(make_model(on, seed)),
          trainer(
              model, LifeStream<B>(on, seed + 10), held_out<B>(on), options(), LifeController{},
              {.epochs = LifePlan::epochs, .random_guess_loss = 1.1, .random = Generator(seed)}) {}

    static Model make_model(typename B::Context& context, std::uint64_t seed) {
        Generator generator(seed);
        ModelOptions<OpenPolicies> options;
        options.slots.embargo_ticks = 2;
        return Model(context, DropoutCnn<B>(context), {}, generator, std::move(options));
    }

    static train::LearnerOptions<Rule> options() {
        train::LearnerOptions<Rule> options{.host = {.learning_rate = 0.01},
                                            .seeds = {.learning_rate = 0.02}};
        if constexpr (std::same_as<Rule, optim::SgdRule>) {
            options.host.momentum = 0.9;
        }
        return options;
    }

    void epoch() { end(trainer.epoch(model)); }

    /// Epochs until so many have ended.
    void grow(int epochs = LifePlan::epochs) {
        while (trainer.epochs_done() < epochs) epoch();
    }

    /// What the program does after an epoch.
    void end(const train::EpochResult& result) {
        diary.losses.push_back(std::isfinite(result.loss) ? result.loss : -1.0);
        diary.last = result.report.changes.empty() ? "" : result.report.changes[0].slot;
        if (trainer.epochs_done() == LifePlan::scheduled) {
            model.slot("early").schedule_prune(3, AlphaCurve::sigmoid, 10.0, "asked", "user");
        }
    }

    typename B::Context& context;
    Model model;
    Trainer trainer;
    Diary diary{};
};

}  // namespace kasmina::test
