// SeedRecord: who a seed is, what was measured of it and the way it came; outlives its module.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/slot/seed_metrics.hpp>

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
    bool told_frozen = false;  ///< that it cannot learn in training was reported (I-2)
    using Fields = reflect::List<&SeedRecord::seed_id, &SeedRecord::blueprint, &SeedRecord::metrics,
                                 &SeedRecord::history, &SeedRecord::told_frozen>;

    friend bool operator==(const SeedRecord&, const SeedRecord&) = default;

    /// Notes a transition and starts the new stage's baseline and epoch count.
    void enter(Stage from, Stage to) {
        if (history.size() == max_history) history.erase(history.begin());
        history.push_back({from, to, metrics.epochs_in_stage, std::chrono::system_clock::now()});
        metrics.enter_stage();
    }
};

}  // namespace kasmina
