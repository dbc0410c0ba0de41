// The last lines of a run: accuracies on the test part, and what the seeds bring.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "network_row.hpp"
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

/// Points between two accuracies, where both are known.
[[nodiscard]] inline std::optional<double> gained(const Summary& summary) {
    if (!summary.grown_accuracy || !summary.host_only_accuracy) return std::nullopt;
    return *summary.grown_accuracy - *summary.host_only_accuracy;
}

/// What became of the seeds. `samples` are the held-out ones that they were judged on, in words.
inline void write_seeds(std::ostream& out, const Summary& summary, const char* samples) {
    out << "seeds: " << summary.germinated << " germinated, " << summary.fossilized
        << " fossilized, " << summary.pruned << " pruned\n";
    for (const auto& path : summary.stages) out << "  " << joined(path, " -> ") << '\n';
    if (summary.contributions.empty()) return;
    out << "the seeds that stayed, in points on validation " << samples << ":\n";
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

/// Seconds that an epoch of each network took.
struct EpochSeconds {
    double host = 0.0;
    double grown = 0.0;
    std::optional<double> from_start{};
    std::optional<double> equal_work{};
};

inline void write_conclusion(std::ostream& out, const Summary& summary, const EpochSeconds& seconds,
                             std::size_t test_images) {
    const auto network = [&out](const char* name, std::optional<double> accuracy,
                                std::int64_t parameters, std::optional<double> multiplications,
                                std::optional<double> of_an_epoch) {
        out << network_row(name, fixed(accuracy, 2) + " %", parameters, multiplications) << "  "
            << fixed(of_an_epoch, 2) << " s an epoch\n";
    };
    out << "\non " << test_images << " test images, looked at once, now:\n";
    network("host alone", summary.host_only_accuracy, summary.host_parameters,
            summary.host_multiplications, seconds.host);
    network("grown", summary.grown_accuracy, summary.grown_parameters,
            summary.grown_multiplications, seconds.grown);
    if (seconds.from_start) {
        network("from start", summary.from_start_accuracy, summary.grown_parameters,
                summary.from_start_multiplications, seconds.from_start);
    }
    out << "  difference  " << right_aligned(with_sign(gained(summary), 2), 6) << " points\n";
    write_seeds(out, summary, "images");
}

}  // namespace kasmina::examples
