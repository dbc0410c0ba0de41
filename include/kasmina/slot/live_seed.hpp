// LiveSeed: a seed with its module: identity, way of blending, gate network, and what it owns.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <kasmina/blueprints/seed_module.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/gate_network.hpp>
#include <kasmina/slot/options.hpp>
#include <kasmina/slot/recorded_amplitude.hpp>
#include <kasmina/slot/seed_record.hpp>

namespace kasmina::slot_detail {

/// It stays where it is, and so does all that `contents()` points to until its gate network
/// changes.
template <class B>
class LiveSeed {
public:
    SeedRecord record{};
    bool isolated = false;
    [[no_unique_address]] RecordedAmplitude<B> recorded_amplitude{};

    /// With the gate algorithm it has a gate network, drawn from `generator`, and only then.
    /// Its random stream is split off `generator`.
    KASMINA_RARE LiveSeed(typename B::Context& context, std::unique_ptr<SeedModule<B>> module,
                          GerminationOptions blend, Generator& generator)
        : module_(std::move(module)), blend_(std::move(blend)) {
        record.blueprint = module_->blueprint();
        random_ = std::make_shared<Generator>(generator.split());
        if (blend_.algorithm == BlendAlgorithm::gate) make_gate(context, generator);
        list();
    }

    LiveSeed(const LiveSeed&) = delete;
    LiveSeed& operator=(const LiveSeed&) = delete;
    KASMINA_RARE ~LiveSeed() {}

    [[nodiscard]] SeedModule<B>& module() const noexcept { return *module_; }
    [[nodiscard]] const GerminationOptions& blend() const noexcept { return blend_; }
    /// What the seed's random operations draw from: a stream of its own, so that no number is drawn
    /// otherwise in the host for there being a seed. Passes move it, also of a const seed.
    [[nodiscard]] Generator& random() const noexcept { return *random_; }
    /// The same, for those who hold it weakly.
    [[nodiscard]] const std::shared_ptr<Generator>& random_stream() const noexcept {
        return random_;
    }

    /// Whether it learns in passes of its own behind the host's (I-9).
    [[nodiscard]] bool is_taught() const noexcept {
        return blend_.incubation == Incubation::feedback;
    }

    /// Null unless the algorithm is gate.
    [[nodiscard]] const nn::GateNetwork<B>* gate() const noexcept {
        return gate_ ? &*gate_ : nullptr;
    }

    /// Changes the blend: to gate makes a gate network, away from it drops it (S-6).
    KASMINA_RARE void set_algorithm(typename B::Context& context, BlendAlgorithm algorithm,
                                    Generator& generator) {
        if (algorithm == BlendAlgorithm::gate) {
            if (!gate_) make_gate(context, generator);
        } else {
            gate_.reset();
        }
        blend_.algorithm = algorithm;
        list();
    }

    /// Parameters and states of the module, "seed/...", and of the gate network, "gate/...".
    /// Listed when the seed is made, and not for each look.
    [[nodiscard]] const nn::Contents<B>& contents() const noexcept { return contents_; }

    /// The module's parameters alone.
    [[nodiscard]] std::span<const nn::NamedParameter<B>> module_parameters() const noexcept {
        return std::span(contents_.parameters).first(module_->contents().parameters.size());
    }

    /// Those that a backward pass can reach in a stage: behind the host a straight-through does not
    /// run the gate network.
    [[nodiscard]] std::span<const nn::NamedParameter<B>> learning_parameters(
        Stage stage) const noexcept {
        if (stage == Stage::training && !is_taught()) return module_parameters();
        return contents_.parameters;
    }

    /// What the user should know of a seed that is active in `slot`, once each: that in training it
    /// cannot learn (I-2) or is not taught, that no optimiser steps it or gradients are zeroed too
    /// early (E-5), or that its branch has died.
    [[nodiscard]] KASMINA_RARE std::string take_notice(const std::string& slot, Stage stage) {
        if (stage == Stage::training && is_all_frozen()) {
            if (std::exchange(record.told_frozen, true)) return {};
            return "all " + std::to_string(contents_.parameters.size()) + " parameter tensors of " +
                   record.blueprint + " in " + slot +
                   " are frozen, so the seed learns nothing in training: thaw them, or advance it";
        }
        if (record.gradients_zeroed) {
            if (std::exchange(record.told_zeroed, true)) return {};
            return "there were no gradients to measure at the end of an epoch, neither the host's "
                   "nor those of " +
                   record.blueprint + " in " + slot +
                   ": end the epoch after its last step and before gradients are zeroed";
        }
        if (!record.in_optimiser && !std::exchange(record.told_outside, true)) {
            return "the parameters of " + record.blueprint + " in " + slot +
                   " are in no optimiser's group, so the seed never learns: synchronise a group "
                   "with model.parameters() after each end of an epoch, or step with a "
                   "train::Learner";
        }
        if (stage == Stage::training && is_taught() && !record.gradients_measured) {
            if (std::exchange(record.told_untaught, true)) return {};
            return "no gradient reaches " + record.blueprint + " in " + slot +
                   ", so it learns nothing in training: incubated by feedback it needs lessons, "
                   "which train::learn and train::Learner give (or germinate it with "
                   "Incubation::straight_through), and a forward of its module that is computed "
                   "from its parameters";
        }
        if (record.is_dead() && !std::exchange(record.told_dead, true)) {
            return "the branch of " + record.blueprint + " in " + slot +
                   " has died: its gradient has vanished for an epoch; prune it, or germinate it "
                   "with a lower rate";
        }
        return {};
    }

private:
    [[nodiscard]] bool is_all_frozen() const noexcept {
        const auto& parameters = contents_.parameters;
        const auto learns = [](const auto& named) { return named.parameter->trainable(); };
        return !parameters.empty() && std::ranges::none_of(parameters, learns);
    }

    KASMINA_RARE void make_gate(typename B::Context& context, Generator& generator) {
        gate_.emplace(context, module_->topology(), module_->width(), generator);
    }

    KASMINA_RARE void list() {
        contents_ = {};
        contents_.append("seed/", module_->contents());
        if (gate_) contents_.append("gate/", nn::contents<B>(*gate_));
        record.metrics.seed_parameters = nn::parameter_count(contents_);
    }

    std::unique_ptr<SeedModule<B>> module_;
    GerminationOptions blend_;
    std::optional<nn::GateNetwork<B>> gate_{};
    std::shared_ptr<Generator> random_;
    nn::Contents<B> contents_{};
};

}  // namespace kasmina::slot_detail
