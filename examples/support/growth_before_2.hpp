// The growth of a run as checkpoints of the first schema have it: without errors of readiness.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/reflect/fields.hpp>

#include "report.hpp"
#include "summary.hpp"

namespace kasmina::examples {

/// As it was in schema 1 of GrowthState.
struct SlotEpochBefore2 {
    std::string stage{};
    std::optional<double> alpha{};
    std::optional<double> gradient_ratio{};
    std::optional<double> readiness{};
    std::optional<double> dependence{};
    std::optional<double> dependence_error{};
    std::optional<double> contribution{};
    std::optional<double> contribution_error{};
    std::optional<double> interaction{};
    std::string verdict{};

    using Fields =
        reflect::List<&SlotEpochBefore2::stage, &SlotEpochBefore2::alpha,
                      &SlotEpochBefore2::gradient_ratio, &SlotEpochBefore2::readiness,
                      &SlotEpochBefore2::dependence, &SlotEpochBefore2::dependence_error,
                      &SlotEpochBefore2::contribution, &SlotEpochBefore2::contribution_error,
                      &SlotEpochBefore2::interaction, &SlotEpochBefore2::verdict>;
    using MayBeNotFinite =
        reflect::List<&SlotEpochBefore2::gradient_ratio, &SlotEpochBefore2::contribution_error>;

    [[nodiscard]] SlotEpoch migrated() && {
        return {.stage = std::move(stage),
                .alpha = alpha,
                .gradient_ratio = gradient_ratio,
                .readiness = readiness,
                .dependence = dependence,
                .dependence_error = dependence_error,
                .contribution = contribution,
                .contribution_error = contribution_error,
                .interaction = interaction,
                .verdict = std::move(verdict)};
    }
};

/// As it was in schema 1 of GrowthState.
struct SlotHistoryBefore2 {
    std::string name{};
    std::vector<SlotEpochBefore2> epochs{};

    using Fields = reflect::List<&SlotHistoryBefore2::name, &SlotHistoryBefore2::epochs>;
};

/// As it was in schema 1, when a readiness was kept without its error.
struct GrowthStateBefore2 {
    int germinated = 0;
    int fossilized = 0;
    int pruned = 0;
    std::vector<std::vector<std::string>> paths{};
    std::vector<SlotContribution> contributions{};
    std::vector<double> accuracies{};
    std::vector<SlotHistoryBefore2> histories{};
    std::vector<ReportEvent> events{};
    std::map<std::string, std::size_t> path_of{};

    using Fields = reflect::List<&GrowthStateBefore2::germinated, &GrowthStateBefore2::fossilized,
                                 &GrowthStateBefore2::pruned, &GrowthStateBefore2::paths,
                                 &GrowthStateBefore2::contributions,
                                 &GrowthStateBefore2::accuracies, &GrowthStateBefore2::histories,
                                 &GrowthStateBefore2::events, &GrowthStateBefore2::path_of>;
    static constexpr int schema = 1;
};

}  // namespace kasmina::examples
