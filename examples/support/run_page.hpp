// page_of: the page of a run on images, of what its parts remember.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "conclusion.hpp"
#include "dataset.hpp"
#include "growth.hpp"
#include "report.hpp"
#include "summary.hpp"
#include "table.hpp"

namespace kasmina::examples {

[[nodiscard]] inline RunReport page_of(const Splits& data, const CommandLine& line,
                                       const Summary& summary, std::vector<double> host_accuracies,
                                       const Growth& growth) {
    RunReport page;
    page.title = data.name + ": a network that grew";
    page.subtitle = line.blueprint + " at " + joined(line.slots, ", ") + "; " +
                    std::to_string(data.training.count()) + " images to train, " +
                    std::to_string(data.validation.count()) + " to validate; seed " +
                    std::to_string(line.seed);
    page.tiles = {{fixed(summary.grown_accuracy, 2) + " %",
                   "grown, on " + std::to_string(data.sealed_test.count()) + " test images"},
                  {fixed(summary.host_only_accuracy, 2) + " %", "host alone, on the same"},
                  {with_sign(gained(summary), 2), "points between them"},
                  {std::to_string(summary.grown_parameters),
                   "parameters, from " + std::to_string(summary.host_parameters)}};
    draw_growth(page, std::move(host_accuracies), growth);
    return page;
}

}  // namespace kasmina::examples
