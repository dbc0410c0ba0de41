// The yardstick of growth: the host alone, what it grew into, and that network from the start.
#pragma once

#include <cstdio>
#include <utility>

#include <kasmina/policy/idle_controller.hpp>
#include <kasmina/statistics/score_kind.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/train/epoch_result.hpp>

#include "comparison.hpp"
#include "from_start.hpp"
#include "work.hpp"

namespace kasmina::examples {

/// How networks are compared.
struct Yardstick {
    HostWork host;            ///< what the host multiplies for a sample
    Index samples;            ///< that an epoch has
    bool from_start = false;  ///< also train what was grown from the beginning
    int digits = 0;           ///< of a score, behind the point
    ScoreKind score = ScoreKind::accuracy();
};

/// The rows of all networks, and the one that grew.
template <class Model>
struct Grown {
    Comparison table;
    Model model;
};

/// Trains the network that `make()` returns alone, with `grower`, and from the start as it was
/// grown, each for as many epochs with the trainer that `trainer_of(model, controller)` returns.
/// `tell(epoch)` hears of the one that grows.
template <class Make, class Controller, class MakeTrainer, class Tell>
[[nodiscard]] auto compare_growth(const Yardstick& by, Make&& make, Controller grower,
                                  MakeTrainer&& trainer_of, Tell&& tell) {
    Comparison table(by.score, by.digits);
    const auto add = [&](const char* name, auto& model, auto controller, const auto& hears) {
        auto trainer = trainer_of(model, std::move(controller));
        RunWork work(by.host, model, trainer.learner().judge().kind);
        trainer.run(model, [&](const train::EpochResult& epoch) {
            work.epoch(by.samples, model);
            hears(epoch);
        });
        table.add(name, trainer.score(model), model.total_parameters(), work.total());
    };
    const auto silent = [](const train::EpochResult&) {};
    auto host = make();
    add("host alone", host, IdleController{}, silent);
    auto grown = make();
    add("grown", grown, std::move(grower), tell);
    if (by.from_start) {
        auto start = make();
        plant_fossils(start, grown);
        add("from start", start, IdleController{}, silent);
    }
    return Grown<decltype(grown)>{std::move(table), std::move(grown)};
}

/// Says what became of seeds in an epoch.
inline void tell_changes(const train::EpochResult& epoch) {
    for (const kasmina::StageChange& change : epoch.report.changes) {
        std::printf("epoch %2d: %.0f %%; %s goes from %s to %s\n", epoch.report.epoch,
                    epoch.report.score, change.blueprint.c_str(), name_of(change.from).data(),
                    name_of(change.to).data());
    }
}

}  // namespace kasmina::examples
