// summary_of: the outcome of a run, but for what is measured at its end.
#pragma once

#include "growth.hpp"
#include "summary.hpp"

namespace kasmina::examples {

template <class Line, class Model>
[[nodiscard]] Summary summary_of(const Line& line, const Model& host, const Model& grown,
                                 const Growth& growth) {
    Summary summary;
    summary.host_parameters = host.total_parameters();
    summary.grown_parameters = grown.total_parameters();
    summary.germinated = growth.germinated;
    summary.fossilized = growth.fossilized;
    summary.pruned = growth.pruned;
    summary.stages = growth.paths;
    summary.contributions = growth.contributions;
    if (!growth.contributions.empty()) {
        summary.contribution = growth.contributions.back().contribution;
    }
    summary.judge = line.judge;
    summary.incubation = line.incubation;
    summary.epochs = line.epochs;
    return summary;
}

}  // namespace kasmina::examples
