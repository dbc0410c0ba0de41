// The outcome of a run as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/reflect/fields.hpp>

namespace kasmina::examples {

/// What a fossilized seed brings to the grown network, in percentage points on validation data.
struct SlotContribution {
    std::string slot;
    std::string measure{};                 ///< of the contribution: shadow, ablation, none
    std::optional<double> contribution{};  ///< when it fossilized
    std::optional<double> contribution_error{};
    std::optional<double> dependence{};     ///< when it fossilized
    std::optional<double> leave_one_out{};  ///< dependence at the end
    std::optional<double> alone{};          ///< at the end, with no other seed running
    std::optional<double> shapley{};        ///< its fair share of what all of them bring at the end

    using Fields =
        reflect::List<&SlotContribution::slot, &SlotContribution::measure,
                      &SlotContribution::contribution, &SlotContribution::contribution_error,
                      &SlotContribution::dependence, &SlotContribution::leave_one_out,
                      &SlotContribution::alone, &SlotContribution::shapley>;
};

/// Accuracies on the test part, in per cent, where they could be taken; the contribution in
/// percentage points.
struct Summary {
    std::optional<double> host_only_accuracy{};
    std::optional<double> grown_accuracy{};
    /// Of the grown architecture, trained so from the beginning, where that was asked for.
    std::optional<double> from_start_accuracy{};
    std::int64_t host_parameters = 0;
    std::int64_t grown_parameters = 0;
    std::optional<double> host_multiplications{};  ///< of all its training (work.hpp)
    std::optional<double> grown_multiplications{};
    std::optional<double> from_start_multiplications{};
    int germinated = 0;
    int fossilized = 0;
    int pruned = 0;
    std::string judge{};
    std::string incubation{};
    std::vector<std::vector<std::string>> stages;  ///< the path of each seed, by stage names
    std::optional<double> contribution{};  ///< of the seed that fossilized last; null in the file
                                           ///< when none did
    std::vector<SlotContribution> contributions;  ///< of each seed that fossilized
    int epochs = 0;
    double seconds = 0;
};

template <class Number>
[[nodiscard]] nlohmann::ordered_json or_null(const std::optional<Number>& value) {
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
                                 {"leave_one_out", or_null(each.leave_one_out)},
                                 {"alone", or_null(each.alone)},
                                 {"shapley", or_null(each.shapley)}});
    }
    return {{"host_only_accuracy", or_null(summary.host_only_accuracy)},
            {"grown_accuracy", or_null(summary.grown_accuracy)},
            {"from_start_accuracy", or_null(summary.from_start_accuracy)},
            {"host_parameters", summary.host_parameters},
            {"grown_parameters", summary.grown_parameters},
            {"host_multiplications", or_null(summary.host_multiplications)},
            {"grown_multiplications", or_null(summary.grown_multiplications)},
            {"from_start_multiplications", or_null(summary.from_start_multiplications)},
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

/// As a file holds it. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] inline std::string summary_text(const Summary& summary) {
    constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
    return to_json(summary).dump(2, ' ', false, replace) + '\n';
}

}  // namespace kasmina::examples
