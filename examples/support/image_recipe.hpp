// What grow_cnn and grow_resnet train on and with: data and rates.
#pragma once

#include <cstddef>

#include <kasmina/kasmina.hpp>

#include "cifar10.hpp"
#include "command_line.hpp"
#include "dataset.hpp"
#include "mnist.hpp"
#include "procedural.hpp"

namespace kasmina::examples {

/// Rates at the start, which fall to 0 along half a cosine. Seeds have one of their own.
inline train::LearnerOptions<optim::SgdRule> rates(double host, double seeds) {
    const auto rule = [](double rate) {
        return optim::SgdOptions{
            .learning_rate = rate, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true};
    };
    return {.host = rule(host), .seeds = rule(seeds)};
}

/// The default configuration, chosen on validation data alone.
inline constexpr std::size_t batch_size = 64;
inline constexpr double host_rate = 0.05;

inline Splits load(const CommandLine& line) {
    if (line.data) return cifar10::load(*line.data, line.seed);
    if (line.mnist) return mnist::load(*line.mnist, line.seed);
    return procedural::load(line.seed);
}

}  // namespace kasmina::examples
