// What the programs that grow a network have in common: where, when and how seeds are tried.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <kasmina/kasmina.hpp>
#include <kasmina/telemetry/fan_out.hpp>
#include <kasmina/telemetry/json_lines.hpp>
#include <kasmina/telemetry/tensorboard.hpp>

namespace kasmina::examples {

struct GrowPolicies : DefaultPolicies {
    using Sink = telemetry::FanOutSink;
};

/// Where the user wants to have events. Errors: those of opening it.
template <class Line>
[[nodiscard]] GrowPolicies::Sink sink_of(const Line& line) {
    GrowPolicies::Sink sink;
    if (line.telemetry) sink.add(telemetry::JsonLinesSink(*line.telemetry));
    if (line.tensorboard) sink.add(telemetry::TensorBoardSink(*line.tensorboard));
    return sink;
}

/// Errors: UnknownNameError that lists the slots; OptionError for one named twice, and for one that
/// the blueprint does not fit.
template <class Model>
void require_slots(const Model& model, const std::vector<std::string>& names,
                   const std::string& blueprint) {
    for (const std::string& name : names) {
        Model::Registry::check(Model::Host::topology, blueprint, model.slot(name).width());
        if (std::ranges::count(names, name) == 1) continue;
        throw OptionError("a slot is named twice", "--slots", "each slot once", name,
                          "name each slot once");
    }
}

/// A seed that does not help leaves no trace, so these programs do not wait for a plateau: the
/// earlier a seed grows, the longer the network has of it. On the few hundred images of a
/// validation split the accuracy of the host alone moves by three to four points from one epoch
/// to the next while the rate is high, so a drop is one of 8. Whether a seed does good is for
/// the judge to say, who sees what the network would be without it.
template <class Line>
[[nodiscard]] HeuristicOptions controller_options(const Line& line) {
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

}  // namespace kasmina::examples
