// The smallest network that can be misused: the CPU's CNN host with a slot or four, and its batch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

namespace kasmina::test {

/// As a user's program has them: the compiled host, blueprints and policies.
using Cpu = backends::Eigen<float>;
using Network = MorphogeneticModel<hosts::Cnn<Cpu>, CnnBlueprints>;

inline constexpr hosts::CnnOptions small_host{
    .classes = 2, .in_channels = 1, .base = 4, .blocks = 2, .height = 4, .width = 4};
inline constexpr std::array<std::int32_t, 2> labels{0, 1};

[[nodiscard]] inline Network network(Cpu::Context& context) {
    Generator random(1);
    return {context, hosts::Cnn<Cpu>(context, small_host), {}, random};
}

[[nodiscard]] inline Tensor<Cpu> images(Cpu::Context& context) {
    std::vector<float> pixels(2 * 4 * 4);
    Generator random(2);
    for (float& pixel : pixels) pixel = static_cast<float>(random.normal());
    return Tensor<Cpu>::from_host(context, {2, 4, 4, 1}, pixels);
}

[[nodiscard]] inline auto loss_of_labels() {
    return [](const Variable<Cpu>& logits) {
        return ops::cross_entropy(logits, std::span<const std::int32_t>(labels));
    };
}

/// Gradients by name, of what has one.
template <class Model>
[[nodiscard]] std::map<std::string, std::vector<float>> gradients(Model& model) {
    std::map<std::string, std::vector<float>> found;
    for (const auto& named : model.parameters()) {
        if (!named.parameter->has_gradient()) continue;
        found[named.name] = named.parameter->gradient().to_host(model.context());
    }
    return found;
}

/// Values by name.
template <class Model>
[[nodiscard]] std::map<std::string, std::vector<float>> values(Model& model) {
    std::map<std::string, std::vector<float>> found;
    for (const auto& named : model.parameters()) {
        found[named.name] = named.parameter->value().to_host(model.context());
    }
    return found;
}

/// Takes a seed to a stage with measurements that every gate likes.
template <class SlotType>
void grow(SlotType& slot, Stage goal, const std::string& blueprint = "norm",
          const GerminationOptions& options = {.tempo_epochs = 1}) {
    slot.germinate(blueprint, options);
    if (goal == Stage::germinated) return;
    slot.advance();
    if (goal == Stage::training) return;
    for (int epoch = 0; epoch < 3; ++epoch) {
        slot.record_gradients({1.0, 10, true}, {1.0, 10, true}, std::array{1.0, 1.0}, true);
        slot.record_readiness(1.0);
        slot.step_epoch();
    }
    slot.advance();
    if (goal == Stage::blending) return;
    for (int epoch = 0; epoch < 3; ++epoch) slot.step_epoch();
    slot.advance();
    if (goal == Stage::holding) return;
    for (int epoch = 0; epoch < 5; ++epoch) {
        slot.record_lead(5.0);
        slot.step_epoch();
    }
    slot.advance();
}

/// Decides what it is told to, once.
struct Once {
    std::vector<Decision> decisions{};

    std::vector<Decision> decide(const EpochObservation&) { return std::exchange(decisions, {}); }
};

[[nodiscard]] inline std::vector<double> fifty_percent(
    std::span<const AlphaOverrides> configurations) {
    return std::vector<double>(configurations.size(), 50.0);
}

}  // namespace kasmina::test
