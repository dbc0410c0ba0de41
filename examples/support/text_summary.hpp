// The outcome of a run of grow_transformer: as JSON, and as the last lines on the screen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "conclusion.hpp"
#include "growth.hpp"
#include "outputs.hpp"
#include "run_folder.hpp"
#include "summary.hpp"
#include "table.hpp"
#include "text_command_line.hpp"

namespace kasmina::examples {

/// Of a network on the test part.
struct TextOutcome {
    double loss = 0.0;      ///< in nats per character
    double accuracy = 0.0;  ///< share of the characters that it saw coming, in per cent
    std::int64_t parameters = 0;
};

struct TextSummary {
    std::optional<TextOutcome> host{};
    std::optional<TextOutcome> grown{};
    std::optional<TextOutcome> from_start{};
    std::optional<double> host_multiplications{};
    std::optional<double> grown_multiplications{};
    std::optional<double> from_start_multiplications{};
    int germinated = 0;
    int fossilized = 0;
    int pruned = 0;
    std::vector<std::vector<std::string>> stages{};
    std::vector<SlotContribution> contributions{};
    std::string incubation{};
    int epochs = 0;
    double seconds = 0.0;
};

[[nodiscard]] inline TextSummary text_summary_of(const TextCommandLine& line,
                                                 const Growth& growth) {
    return {.germinated = growth.germinated,
            .fossilized = growth.fossilized,
            .pruned = growth.pruned,
            .stages = growth.paths,
            .contributions = growth.contributions,
            .incubation = line.incubation,
            .epochs = line.epochs};
}

/// The keys of grow_cnn's, and the losses.
[[nodiscard]] inline std::string summary_text(const TextSummary& of) {
    Summary common{.host_multiplications = of.host_multiplications,
                   .grown_multiplications = of.grown_multiplications,
                   .from_start_multiplications = of.from_start_multiplications,
                   .germinated = of.germinated,
                   .fossilized = of.fossilized,
                   .pruned = of.pruned,
                   .judge = "shadow",
                   .incubation = of.incubation,
                   .stages = of.stages,
                   .contributions = of.contributions,
                   .epochs = of.epochs,
                   .seconds = of.seconds};
    if (!of.contributions.empty()) common.contribution = of.contributions.back().contribution;
    const auto loss = [](const std::optional<TextOutcome>& network) {
        return or_null(network ? std::optional(network->loss) : std::nullopt);
    };
    const auto accuracy = [](const std::optional<TextOutcome>& network) {
        return network ? std::optional(network->accuracy) : std::nullopt;
    };
    common.host_only_accuracy = accuracy(of.host);
    common.grown_accuracy = accuracy(of.grown);
    common.from_start_accuracy = accuracy(of.from_start);
    if (of.host) common.host_parameters = of.host->parameters;
    if (of.grown) common.grown_parameters = of.grown->parameters;
    nlohmann::ordered_json json{{"host_only_loss", loss(of.host)},
                                {"grown_loss", loss(of.grown)},
                                {"from_start_loss", loss(of.from_start)}};
    json.update(to_json(common));
    return json.dump(2) + '\n';
}

inline void write_text_conclusion(std::ostream& out, const TextSummary& summary) {
    const auto network = [&out](const char* name, const std::optional<TextOutcome>& of,
                                std::optional<double> multiplications) {
        if (!of) return;
        out << network_row(name, fixed(of->loss, 4), of->parameters, multiplications) << "  "
            << fixed(of->accuracy, 2) << " % seen coming\n";
    };
    out << "\nloss on the test part, looked at once, now:\n";
    network("host alone", summary.host, summary.host_multiplications);
    network("grown", summary.grown, summary.grown_multiplications);
    network("from start", summary.from_start, summary.from_start_multiplications);
    out << "seeds: " << summary.germinated << " germinated, " << summary.fossilized
        << " fossilized, " << summary.pruned << " pruned\n";
    for (const auto& path : summary.stages) out << "  " << joined(path, " -> ") << '\n';
}

/// What decides the outcome of a run (run_folder.hpp).
[[nodiscard]] inline RunSettings text_settings(const TextCommandLine& line, const std::string& name,
                                               std::size_t characters) {
    return {.data = name + ", " + std::to_string(line.layers) + " layers of " +
                    std::to_string(line.width) + " in " + std::to_string(line.segments) +
                    " segments, " + std::to_string(line.heads) + " heads, windows of " +
                    std::to_string(line.time) + ", " + std::to_string(line.batches) +
                    " batches of " + std::to_string(line.batch) + ", rate " +
                    std::to_string(line.rate),
            .training_images = characters,
            .validation_images = 0,
            .epochs = line.epochs,
            .seed = line.seed,
            .blueprint = line.blueprint,
            .slots = line.slots,
            .seed_rate = line.seed_rate,
            .judge = "shadow",
            .incubation = line.incubation};
}

/// Errors: DataError and OptionError for outputs that could not be written, or not all of them.
inline void require_text_outputs(const TextCommandLine& line) {
    std::vector<NamedPath> outputs;
    const auto add = [&outputs](const char* option, const std::optional<std::string>& path) {
        if (path) outputs.push_back({option, *path});
    };
    add("--summary", line.summary);
    add("--telemetry", line.telemetry);
    add("--checkpoint", line.checkpoint);
    for (const NamedPath& output : outputs) {
        if (output.option == "--checkpoint") {
            require_folder_writable(output.path);
        } else {
            require_writable(output.path);
        }
    }
    std::vector<std::filesystem::path> inputs(line.texts.begin(), line.texts.end());
    if (line.data) inputs.emplace_back(*line.data + "/input.txt");
    require_apart(outputs, inputs);
}

}  // namespace kasmina::examples
