// The last lines of a run: accuracies on the test part, and what the seeds bring.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "summary.hpp"
#include "table.hpp"

namespace kasmina::examples {

[[nodiscard]] inline std::string joined(const std::vector<std::string>& words,
                                        std::string_view between) {
    std::string text;
    for (const std::string& word : words) {
        if (!text.empty()) text += between;
        text += word;
    }
    return text;
}

[[nodiscard]] inline std::string right_aligned(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

/// Points between two accuracies, where both are known.
[[nodiscard]] inline std::optional<double> gained(const Summary& summary) {
    if (!summary.grown_accuracy || !summary.host_only_accuracy) return std::nullopt;
    return *summary.grown_accuracy - *summary.host_only_accuracy;
}

/// Seconds are of an epoch.
inline void write_conclusion(std::ostream& out, const Summary& summary, double host_seconds,
                             double grown_seconds, std::size_t test_images) {
    const auto network = [&out](const char* name, std::optional<double> accuracy,
                                std::int64_t parameters, double seconds) {
        out << "  " << name << right_aligned(fixed(accuracy, 2), 6) << " %  "
            << right_aligned(std::to_string(parameters), 8) << " parameters  " << fixed(seconds, 2)
            << " s an epoch\n";
    };
    out << "\non " << test_images << " test images, looked at once, now:\n";
    network("host alone  ", summary.host_only_accuracy, summary.host_parameters, host_seconds);
    network("grown       ", summary.grown_accuracy, summary.grown_parameters, grown_seconds);
    out << "  difference  " << right_aligned(with_sign(gained(summary), 2), 6) << " points\n"
        << "seeds: " << summary.germinated << " germinated, " << summary.fossilized
        << " fossilized, " << summary.pruned << " pruned\n";
    for (const auto& path : summary.stages) out << "  " << joined(path, " -> ") << '\n';
    if (summary.contributions.empty()) return;
    out << "the seeds that stayed, in points on validation images:\n";
    const auto row = [&out](const std::string& slot, const std::array<std::string, 5>& cells,
                            const char* between) {
        out << "  " << slot << std::string(slot.size() < 6 ? 6 - slot.size() : 0, ' ') << ' '
            << right_aligned(cells[0], 22) << ' ' << right_aligned(cells[1], 12) << between
            << right_aligned(cells[2], 12) << ' ' << right_aligned(cells[3], 8) << ' '
            << right_aligned(cells[4], 8) << '\n';
    };
    row("slot", {"contribution (by)", "dependence", "dependence", "alone", "Shapley"},
        "   at the end: ");
    for (const SlotContribution& each : summary.contributions) {
        row(each.slot,
            {with_sign(each.contribution, 2) + " +- " + fixed(each.contribution_error, 2) + " (" +
                 each.measure + ")",
             with_sign(each.dependence, 2), with_sign(each.leave_one_out, 2),
             with_sign(each.alone, 2), with_sign(each.shapley, 2)},
            "               ");
    }
}

}  // namespace kasmina::examples
