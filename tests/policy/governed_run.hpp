// A small network that is trained, grown and governed, epoch by epoch, as examples do it.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/policy/grower.hpp>
#include <kasmina/testing/gradient_check.hpp>
#include <kasmina/train/learn.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"

namespace kasmina::test {

/// Does what the test wrote down for this epoch.
struct Script {
    std::vector<Decision> next;

    std::vector<Decision> decide(const EpochObservation&) { return std::exchange(next, {}); }
};

/// Twelve images of three classes, learned by heart.
template <class B, Controller C = Script>
class GovernedRun {
public:
    using Blueprints = BlueprintList<cnn::ConvLight>;
    using Model = MorphogeneticModel<hosts::Cnn<B>, Blueprints, OpenPolicies>;
    using Values = std::map<std::string, std::vector<double>>;

    static constexpr Index images = 12;
    static constexpr std::int32_t classes = 3;

    explicit GovernedRun(typename B::Context& on, std::uint64_t seed = 4)
        : context(on),
          model(make_model(on, seed)),
          pixels_(Tensor<B>::from_host(
              on, {images, 8, 8, 3},
              testing::normal_values<typename B::Scalar>(images * 8 * 8 * 3, 2))),
          labels_(on, targets(), classes),
          tape_(on) {
        for (int group = 0; group < 2; ++group) {
            sgd.add_group({.learning_rate = 0.1, .momentum = 0.9});
        }
        synchronise();
    }

    void grow_to(const std::string& name, Stage goal) {
        auto& slot = model.slot(name);
        slot.germinate("conv_light");
        while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
        synchronise();
    }

    /// Starts the governed part: the first snapshot is of now.
    void govern(C controller = {}) {
        grower.emplace(model, std::move(controller), std::log(static_cast<double>(classes)));
    }

    /// Four steps, and the end of the epoch. The loss is the last step's unless one is given.
    EpochReport epoch(std::optional<double> told = std::nullopt) {
        for (int step = 0; step < 4; ++step) {
            tape_.clear();
            Pass<B> pass(tape_, Mode::training);
            sgd.zero_gradients();
            const Variable<B> batch_loss = train::learn(
                model, pass, pixels_,
                [this](const Variable<B>& logits) { return ops::cross_entropy(logits, labels_); });
            sgd.step(context);
            loss = static_cast<double>(batch_loss.item());
        }
        const EpochReport report = grower->end_epoch(
            model, told.value_or(loss), [this](std::span<const AlphaOverrides> configurations) {
                return mean_scores(model, context, configurations,
                                   std::array{Batch{pixels_, labels_}}, AccuracyScore{});
            });
        synchronise();
        if (report.panic) sgd.clear_state();
        return report;
    }

    /// Parameters and states of the network, by names that begin with `prefix`.
    [[nodiscard]] Values values(const std::string& prefix = "") {
        Values found;
        const nn::Contents<B> all = model.contents();
        for (const auto& [name, parameter] : all.parameters) {
            if (name.starts_with(prefix)) found[name] = numbers(parameter->value());
        }
        for (const auto& [name, state] : all.states) {
            if (!name.starts_with(prefix)) continue;
            found[name] = state.visit([this](const auto& value) { return this->numbers(value); });
        }
        return found;
    }

    [[nodiscard]] Values host_values() { return values("host/"); }
    [[nodiscard]] Values seed_values(const std::string& slot) {
        return values("slots/" + slot + "/");
    }

    /// Puts one value that is no number into the host.
    void break_host() {
        auto& weight = model.host_parameters()[0].parameter->value();
        auto values = weight.to_host(context);
        values[5] = std::numeric_limits<typename B::Scalar>::quiet_NaN();
        weight.assign(context, values);
    }

    void synchronise() {
        sgd.synchronise(0, model.host_parameters());
        sgd.synchronise(1, model.seed_parameters());
    }

    typename B::Context& context;
    Model model;
    optim::Sgd<B> sgd;
    std::optional<Grower<Model, C>> grower;
    double loss = 0.0;

private:
    struct Batch {
        const Tensor<B>& input;
        const ClassLabels<B>& labels;
    };

    static Model make_model(typename B::Context& context, std::uint64_t seed) {
        Generator generator(seed);
        return Model(
            context,
            hosts::Cnn<B>(context, {.classes = classes, .base = 4, .height = 8, .width = 8}),
            Blueprints{}, generator);
    }

    static std::vector<std::int32_t> targets() {
        std::vector<std::int32_t> all;
        for (std::int32_t i = 0; i < images; ++i) all.push_back(i % classes);
        return all;
    }

    template <class T>
    [[nodiscard]] std::vector<double> numbers(const Tensor<B, T>& tensor) {
        const std::vector<T> values = tensor.to_host(context);
        return {values.begin(), values.end()};
    }

    Tensor<B> pixels_;
    ClassLabels<B> labels_;
    Tape<B> tape_;
};

}  // namespace kasmina::test
