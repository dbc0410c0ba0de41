// The outcome of a run as a JSON file, written whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <nlohmann/json.hpp>

namespace kasmina::examples {

/// What a fossilized seed brings to the grown network, in percentage points on validation data.
struct SlotContribution {
    std::string slot;
    std::string measure{};                 ///< of the contribution: shadow, ablation, none
    std::optional<double> contribution{};  ///< when it fossilized
    std::optional<double> contribution_error{};
    std::optional<double> dependence{};  ///< when it fossilized
    double leave_one_out = 0;            ///< dependence at the end
    double alone = 0;                    ///< at the end, with no other seed running
    double shapley = 0;                  ///< its fair share of what all of them bring at the end
};

/// Accuracies on the test part, in per cent; the contribution in percentage points.
struct Summary {
    double host_only_accuracy = 0;
    double grown_accuracy = 0;
    std::int64_t host_parameters = 0;
    std::int64_t grown_parameters = 0;
    int germinated = 0;
    int fossilized = 0;
    int pruned = 0;
    std::string judge{};
    std::string incubation{};
    std::vector<std::vector<std::string>> stages;  ///< the path of each seed, by stage names
    std::optional<double> contribution;  ///< of the seed that fossilized last; null in the file
                                         ///< when none did
    std::vector<SlotContribution> contributions;  ///< of each seed that fossilized
    int epochs = 0;
    double seconds = 0;
};

inline nlohmann::ordered_json or_null(const std::optional<double>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

inline nlohmann::ordered_json to_json(const Summary& summary) {
    nlohmann::ordered_json contributions = nlohmann::ordered_json::array();
    for (const SlotContribution& each : summary.contributions) {
        contributions.push_back({{"slot", each.slot},
                                 {"measure", each.measure},
                                 {"contribution", or_null(each.contribution)},
                                 {"contribution_error", or_null(each.contribution_error)},
                                 {"dependence", or_null(each.dependence)},
                                 {"leave_one_out", each.leave_one_out},
                                 {"alone", each.alone},
                                 {"shapley", each.shapley}});
    }
    return {{"host_only_accuracy", summary.host_only_accuracy},
            {"grown_accuracy", summary.grown_accuracy},
            {"host_parameters", summary.host_parameters},
            {"grown_parameters", summary.grown_parameters},
            {"germinated", summary.germinated},
            {"fossilized", summary.fossilized},
            {"pruned", summary.pruned},
            {"stages", summary.stages},
            {"judge", summary.judge},
            {"incubation", summary.incubation},
            {"contribution", or_null(summary.contribution)},
            {"contributions", std::move(contributions)},
            {"epochs", summary.epochs},
            {"seconds", summary.seconds}};
}

/// Writes `text` to a file beside `file` and renames it, so that readers see the old or the new.
/// Errors: DataError when the place cannot be written; nothing is left behind.
inline void write_atomically(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::path temporary = file;
    temporary += ".tmp";
    std::error_code failure;
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (out) {
        std::filesystem::rename(temporary, file, failure);
        if (!failure) return;
    }
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw DataError("a file cannot be written", file.string(), "a writable place",
                    failure ? failure.message() : "a refusal",
                    "create the folder, or choose another place");
}

/// Errors: DataError as write_atomically.
inline void write_summary(const std::filesystem::path& file, const Summary& summary) {
    write_atomically(file, to_json(summary).dump(2) + '\n');
}

/// Finds out before an hour of training whether write_summary will be able to write `file`.
/// Errors: DataError when not. An existing file is left as it is.
inline void require_writable(const std::filesystem::path& file) {
    std::error_code ignored;
    std::filesystem::path probe = file;
    probe += ".probe";
    const bool opens = !std::filesystem::is_directory(file, ignored) && std::ofstream(probe).good();
    std::filesystem::remove(probe, ignored);
    if (!opens) {
        throw DataError("a file cannot be written", file.string(), "a writable place",
                        std::filesystem::is_directory(file, ignored) ? "a folder" : "a refusal",
                        "create the folder, or choose another place");
    }
}

}  // namespace kasmina::examples
