// What grow_cnn and grow_resnet train on and with: data, rates and when seeds are tried.
#pragma once

#include <cstddef>
#include <string>

#include <kasmina/kasmina.hpp>
#include <kasmina/telemetry/fan_out.hpp>

#include "cifar10.hpp"
#include "command_line.hpp"
#include "dataset.hpp"
#include "mnist.hpp"
#include "procedural.hpp"

namespace kasmina::examples {

struct ImagePolicies : DefaultPolicies {
    using Sink = telemetry::FanOutSink;
};

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

/// A seed that does not help leaves no trace, so this program does not wait for a plateau: the
/// earlier a seed grows, the longer the network has of it. On the few hundred images of a
/// validation split the accuracy of the host alone moves by three to four points from one epoch
/// to the next while the rate is high, so a drop is one of 8. Whether a seed does good is for
/// the judge to say, who sees what the network would be without it.
inline HeuristicOptions controller_options(const CommandLine& line) {
    HeuristicOptions options;
    options.slots = line.slots;
    options.blueprints = {line.blueprint};
    options.seeds_on_trial = static_cast<int>(line.slots.size());
    options.plateau_epochs = 1;
    options.plateau_improvement = 100.0;
    options.first_epoch = 3;
    options.drop_limit = 8.0;
    options.germination.incubation =
        line.incubation == "feedback" ? Incubation::feedback : Incubation::straight_through;
    return options;
}

inline Splits load(const CommandLine& line) {
    if (line.data) return cifar10::load(*line.data, line.seed);
    if (line.mnist) return mnist::load(*line.mnist, line.seed);
    return procedural::load(line.seed);
}

}  // namespace kasmina::examples
