// SeedRecord: who a seed is, what was measured of it and the way it came; outlives its module.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/slot/seed_metrics.hpp>
#include <kasmina/statistics/serial_mean.hpp>

namespace kasmina {

/// One transition of a seed (L-8).
struct StageEntry {
    Stage from = Stage::unknown;
    Stage to = Stage::unknown;
    int epochs_in_from = 0;
    std::chrono::system_clock::time_point entered_at{};  ///< UTC
    using Fields = reflect::List<&StageEntry::from, &StageEntry::to, &StageEntry::epochs_in_from,
                                 &StageEntry::entered_at>;

    friend bool operator==(const StageEntry&, const StageEntry&) = default;
};

/// Identity, metrics and history of one seed.
struct SeedRecord {
    /// Older transitions are forgotten beyond this many (L-8).
    static constexpr std::size_t max_history = 100;

    std::string seed_id{};
    std::string blueprint{};
    SeedMetrics metrics{};
    std::vector<StageEntry> history{};
    bool told_frozen = false;    ///< that it cannot learn in training was reported (I-2)
    bool told_untaught = false;  ///< that it gets no lessons was reported (E-5)
    bool told_dead = false;      ///< that its branch has died was reported (E-5)
    bool told_zeroed = false;    ///< that there are no gradients to measure was reported (E-5)
    bool told_outside = false;   ///< that no optimiser steps it was reported (E-5)
    /// By the last measurement: a seed that the host learned without has none (I-4).
    bool gradients_measured = true;
    bool gradients_zeroed = false;  ///< by the last measurement: nor had the host any
    bool host_frozen = false;       ///< by the last measurement: there is no ratio to it
    bool in_optimiser = true;       ///< false when others were stepped in an epoch and it was not
    /// Measurements in a row, one an epoch, in which the gradient of all its tensors had vanished.
    int epochs_dead = 0;
    /// Epoch by epoch since it holds: the network's lead over one without it, in the score's unit.
    std::vector<double> leads{};
    /// The last of the differences that its readiness is the mean of.
    std::vector<double> readiness{};
    using Fields =
        reflect::List<&SeedRecord::seed_id, &SeedRecord::blueprint, &SeedRecord::metrics,
                      &SeedRecord::history, &SeedRecord::told_frozen, &SeedRecord::told_untaught,
                      &SeedRecord::told_dead, &SeedRecord::told_zeroed, &SeedRecord::told_outside,
                      &SeedRecord::gradients_measured, &SeedRecord::gradients_zeroed,
                      &SeedRecord::host_frozen, &SeedRecord::in_optimiser, &SeedRecord::epochs_dead,
                      &SeedRecord::leads, &SeedRecord::readiness>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;

    /// One measurement may fall on a batch that says nothing; two have an epoch between them.
    [[nodiscard]] bool is_dead() const noexcept { return epochs_dead >= 2; }

    friend bool operator==(const SeedRecord&, const SeedRecord&) = default;

    /// Epochs that a readiness is measured over: the seed changes while it learns.
    static constexpr std::size_t readiness_epochs = 5;

    /// One more epoch's difference that the seed would make at its target amplitude (G-10).
    void record_readiness(double difference) {
        if (readiness.size() == readiness_epochs) readiness.erase(readiness.begin());
        readiness.push_back(difference);
        metrics.readiness = judge::serial_mean(readiness);
    }

    /// One more epoch's lead over the network without it (J-1).
    void record_lead(double lead, judge::MeasureKind by) {
        leads.push_back(lead);
        metrics.record_contribution(judge::serial_mean(leads), by);
    }

    /// At full amplitude everything is measured anew.
    void begin_judgement() noexcept {
        leads.clear();
        metrics.contribution.reset();
        metrics.contribution_by = judge::MeasureKind::none;
        metrics.previous_contribution.reset();
    }

    /// Notes a transition and starts the new stage's baseline and epoch count.
    void enter(Stage from, Stage to) {
        if (history.size() == max_history) history.erase(history.begin());
        history.push_back({from, to, metrics.epochs_in_stage, std::chrono::system_clock::now()});
        metrics.enter_stage();
    }
};

}  // namespace kasmina
