// The outcome of a run of grow_transformer: as JSON, as the last lines on the screen, as a page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/number_text.hpp>

#include "conclusion.hpp"
#include "growth.hpp"
#include "network_row.hpp"
#include "report.hpp"
#include "run_folder.hpp"
#include "summary.hpp"
#include "table.hpp"
#include "text_command_line.hpp"
#include "text_task.hpp"

namespace kasmina::examples {

/// Of a network at the end, on the test part but where it says otherwise.
struct TextOutcome {
    double loss = 0.0;             ///< in nats per character
    double accuracy = 0.0;         ///< share of the characters that it saw coming, in per cent
    double validation_loss = 0.0;  ///< on the whole validation part
};

struct TextSummary {
    std::optional<TextOutcome> host{};
    std::optional<TextOutcome> grown{};
    std::optional<TextOutcome> from_start{};
    /// Of that, trained for as many multiplications as growing took.
    std::optional<TextOutcome> equal_work{};
    std::optional<double> equal_work_multiplications{};
    std::optional<int> equal_work_epochs{};
    Summary common{};  ///< the rest, as of a run on images
};

/// The keys of grow_cnn's, and the losses.
[[nodiscard]] inline std::string summary_text(const TextSummary& of) {
    const auto loss = [](const std::optional<TextOutcome>& network, double TextOutcome::*which) {
        return or_null(network ? std::optional((*network).*which) : std::nullopt);
    };
    const auto accuracy = [](const std::optional<TextOutcome>& network) {
        return network ? std::optional(network->accuracy) : std::nullopt;
    };
    Summary common = of.common;
    common.host_only_accuracy = accuracy(of.host);
    common.grown_accuracy = accuracy(of.grown);
    common.from_start_accuracy = accuracy(of.from_start);
    constexpr auto test = &TextOutcome::loss;
    constexpr auto validation = &TextOutcome::validation_loss;
    nlohmann::ordered_json json{
        {"host_only_loss", loss(of.host, test)},
        {"grown_loss", loss(of.grown, test)},
        {"from_start_loss", loss(of.from_start, test)},
        {"equal_work_loss", loss(of.equal_work, test)},
        {"host_only_validation_loss", loss(of.host, validation)},
        {"grown_validation_loss", loss(of.grown, validation)},
        {"from_start_validation_loss", loss(of.from_start, validation)},
        {"equal_work_validation_loss", loss(of.equal_work, validation)},
        {"equal_work_accuracy", or_null(accuracy(of.equal_work))},
        {"equal_work_multiplications", or_null(of.equal_work_multiplications)},
        {"equal_work_epochs", or_null(of.equal_work_epochs)}};
    json.update(to_json(common));
    return json.dump(2) + '\n';
}

/// How much lower the loss of the grown network is than the host's, where both are known.
[[nodiscard]] inline std::optional<double> loss_saved(const TextSummary& summary) {
    if (!summary.host || !summary.grown) return std::nullopt;
    return summary.host->loss - summary.grown->loss;
}

/// With four digits, or a dash.
[[nodiscard]] inline std::string loss_text(const std::optional<TextOutcome>& network) {
    return network ? fixed(network->loss, 4) : fixed(std::nullopt, 4);
}

/// Losses on the test part, and what became of the seeds.
inline void write_text_conclusion(std::ostream& out, const TextSummary& summary,
                                  const EpochSeconds& seconds, std::size_t test_characters) {
    const auto network = [&out](const char* name, const std::optional<TextOutcome>& of,
                                std::int64_t parameters, std::optional<double> multiplications,
                                std::optional<double> of_an_epoch) {
        std::optional<double> accuracy;
        if (of) accuracy = of->accuracy;
        out << network_row(name, loss_text(of), parameters, multiplications) << "  "
            << fixed(accuracy, 2) << " % seen coming  " << fixed(of_an_epoch, 2) << " s an epoch\n";
    };
    const Summary& common = summary.common;
    out << "\nloss on " << test_characters
        << " characters of the test part, looked at once, now:\n";
    network("host alone", summary.host, common.host_parameters, common.host_multiplications,
            seconds.host);
    network("grown", summary.grown, common.grown_parameters, common.grown_multiplications,
            seconds.grown);
    if (seconds.from_start) {
        network("from start", summary.from_start, common.grown_parameters,
                common.from_start_multiplications, seconds.from_start);
    }
    if (seconds.equal_work) {
        network("equal work", summary.equal_work, common.grown_parameters,
                summary.equal_work_multiplications, seconds.equal_work);
    }
    out << "  saved       " << right_aligned(with_sign(loss_saved(summary), 4), 8) << '\n';
    write_seeds(out, common, "characters");
}

/// What decides the outcome of a run (run_folder.hpp).
[[nodiscard]] inline RunSettings settings_of(const TextCommandLine& line, const TextTask& task) {
    return {.data = task.name + " of checksum " + std::to_string(task.checksum) + ", " +
                    std::to_string(line.layers) + " layers of " + std::to_string(line.width) +
                    " in " + std::to_string(line.segments) + " segments, " +
                    std::to_string(line.heads) + " heads, windows of " + std::to_string(line.time) +
                    ", " + std::to_string(line.batches) + " batches of " +
                    std::to_string(line.batch) + ", rate " + number_text(line.rate) +
                    ", seeds blended in over " + std::to_string(line.tempo) +
                    " epochs and settled in " + std::to_string(line.settling),
            .training_images = task.training.size(),
            .validation_images = validated(task).size(),
            .epochs = line.epochs,
            .seed = line.seed,
            .blueprint = line.blueprint,
            .slots = line.slots,
            .seed_rate = line.seed_rate,
            .judge = line.judge,
            .incubation = line.incubation};
}

/// The page of a run, of what its parts remember.
[[nodiscard]] inline RunReport page_of(const TextTask& task, const TextCommandLine& line,
                                       const TextSummary& summary,
                                       std::vector<double> host_accuracies, const Growth& growth) {
    RunReport page;
    page.title = task.name + ": a network that grew";
    page.subtitle = line.blueprint + " at " + joined(line.slots, ", ") + "; " +
                    std::to_string(task.training.size()) + " characters to train, " +
                    std::to_string(validated(task).size()) + " to validate; seed " +
                    std::to_string(line.seed);
    page.tiles = {{loss_text(summary.grown),
                   "grown, loss on " + std::to_string(task.test.size()) + " test characters"},
                  {loss_text(summary.host), "host alone, on the same"},
                  {with_sign(loss_saved(summary), 4), "between them"},
                  {std::to_string(summary.common.grown_parameters),
                   "parameters, from " + std::to_string(summary.common.host_parameters)}};
    draw_growth(page, std::move(host_accuracies), growth);
    return page;
}

}  // namespace kasmina::examples
