// What a stored record of a seed may be: numbers in their ranges, and a way that the table has.
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/lifecycle/check_transition.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/slot/seed_record.hpp>

namespace kasmina::slot_detail {

/// Errors: StateError, always.
[[noreturn]] KASMINA_COLD inline void refuse_state(const std::string& where, std::string_view field,
                                                   std::string expected, std::string got) {
    throw StateError("the field " + std::string(field) + " cannot be", where, std::move(expected),
                     std::move(got), "store what Slot::state gave");
}

/// Errors: StateError for a count below 0, or for one that could not go on.
template <class Count>
void check_count(const std::string& where, std::string_view field, Count count) {
    constexpr Count most = std::numeric_limits<Count>::max() / 2;
    if (count >= 0 && count <= most) return;
    refuse_state(where, field, "a count of 0 to " + std::to_string(most), std::to_string(count));
}

/// Errors: StateError for a number that is not finite.
inline void check_number(const std::string& where, std::string_view field,
                         std::optional<double> number) {
    if (!number || is_finite(*number)) return;
    refuse_state(where, field, "a finite number", number_text(*number));
}

/// Errors: StateError naming the field. A gradient ratio alone may be not a number (I-4).
inline void check_metrics(const SeedMetrics& metrics, bool pruned, const std::string& where) {
    reflect::for_each_field(
        metrics, [&where]<class Field>(std::string_view name, const Field& field) {
            if constexpr (std::same_as<Field, int> || std::same_as<Field, Index>) {
                check_count(where, name, field);
            } else if constexpr (std::convertible_to<Field, std::optional<double>> &&
                                 !std::same_as<Field, bool>) {
                if (name != reflect::name_of_field<&SeedMetrics::gradient_ratio>) {
                    check_number(where, name, field);
                }
            }
        });
    const std::optional<double> ratio = metrics.gradient_ratio;
    if (ratio && !is_nan(*ratio) && (*ratio < 0.0 || *ratio > maximum_gradient_ratio)) {
        refuse_state(where, "gradient_ratio", "at most 10, not below 0, or not a number",
                     number_text(*ratio));
    }
    if (metrics.gradient_norm_average < 0.0) {
        refuse_state(where, "gradient_norm_average", "0 or more",
                     number_text(metrics.gradient_norm_average));
    }
    if (const auto& health = metrics.parameter_health) {
        if (!is_within(health->health, 0.0, 1.0)) {
            refuse_state(where, "parameter_health.health", "a number in [0, 1]",
                         number_text(health->health));
        }
    }
    const bool measured = metrics.current_score.has_value();
    if (metrics.initial_score.has_value() != measured ||
        metrics.best_score.has_value() != measured) {
        refuse_state(where, "current_score", "initial, current and best score, or none",
                     "some of them");
    }
    for (const auto& [name, estimate] : {std::pair("readiness", &metrics.readiness),
                                         std::pair("contribution", &metrics.contribution)}) {
        if (!*estimate) continue;
        check_number(where, std::string(name) + ".value", (*estimate)->value);
        check_count(where, std::string(name) + ".count", (*estimate)->count);
        if (is_nan((*estimate)->standard_error) || (*estimate)->standard_error < 0.0) {
            refuse_state(where, std::string(name) + ".standard_error", "0 or more",
                         number_text((*estimate)->standard_error));
        }
    }
    const bool measured_by = metrics.contribution_by != judge::MeasureKind::none;
    if (!reflect::is_enumerator(metrics.contribution_by) ||
        metrics.contribution.has_value() != measured_by) {
        refuse_state(where, "contribution_by", "a measure with a contribution, and only then",
                     std::to_string(static_cast<int>(metrics.contribution_by)));
    }
    if (metrics.previous_contribution && !metrics.contribution) {
        refuse_state(where, "previous_contribution", "a contribution after it", "none");
    }
    if (!pruned && !metrics.prune_reason.empty()) {
        refuse_state(where, "prune_reason", "none, for the seed lives", metrics.prune_reason);
    }
    if (metrics.auto_pruned != SeedMetrics::is_automatic(metrics.prune_reason)) {
        refuse_state(where, "auto_pruned", "true exactly for reasons that start with governor_",
                     std::string(metrics.auto_pruned ? "true" : "false") + " for \"" +
                         metrics.prune_reason + "\"");
    }
}

/// Errors: StateError for a seed whose scores are better when they are less, where the model's are
/// not, or the other way round: what was measured of it would be read upside down.
inline void check_direction(const std::string& where, const SeedMetrics& metrics,
                            const ScoreKind& score) {
    if (!metrics.current_score || metrics.score_falls == score.falls) return;
    const auto way = [](bool falls) { return falls ? "a score that falls" : "a score that rises"; };
    throw StateError("the seed was scored the other way round: score_falls", where,
                     std::string(way(score.falls)) + ", as the model's, which is " +
                         std::string(score.name.view()),
                     way(metrics.score_falls),
                     "make the model with the seed's ModelOptions::score");
}

/// Errors: StateError naming the field, for a way that does not lead to `stage` by steps of the
/// table.
inline void check_history(const SeedRecord& record, Stage stage, const std::string& where) {
    const auto& history = record.history;
    if (history.empty() || history.size() > SeedRecord::max_history) {
        refuse_state(where, "history", "1 to " + std::to_string(SeedRecord::max_history) + " steps",
                     std::to_string(history.size()));
    }
    for (std::size_t i = 0; i < history.size(); ++i) {
        const StageEntry& step = history[i];
        const std::string field = "history[" + std::to_string(i) + "]";
        check_count(where, field + ".epochs_in_from", step.epochs_in_from);
        if (!is_allowed(step.from, step.to)) {
            refuse_state(where, field, allowed_steps(step.from),
                         std::string(name_of(step.from)) + " to " + std::string(name_of(step.to)));
        }
        if (i > 0 && history[i - 1].to != step.from) {
            refuse_state(where, field + ".from", std::string(name_of(history[i - 1].to)),
                         std::string(name_of(step.from)));
        }
    }
    if (history.size() < SeedRecord::max_history && history.front().from != Stage::dormant) {
        refuse_state(where, "history[0].from", "dormant", std::string(name_of(history[0].from)));
    }
    if (history.back().to != stage) {
        refuse_state(where, "history", "a way to " + std::string(name_of(stage)),
                     "one to " + std::string(name_of(history.back().to)));
    }
}

/// Errors: StateError naming the field, for a record that no seed in that stage has.
inline void check_record(const SeedRecord& record, Stage stage, const std::string& where) {
    if (record.seed_id.empty()) refuse_state(where, "seed_id", "a name", "nothing");
    if (record.blueprint.empty()) refuse_state(where, "blueprint", "a name", "nothing");
    check_metrics(record.metrics, is_failure(stage), where);
    for (const double lead : record.leads) check_number(where, "leads", lead);
    for (const double difference : record.readiness) check_number(where, "readiness", difference);
    if (record.readiness.size() > SeedRecord::readiness_epochs) {
        refuse_state(where, "readiness",
                     "at most " + std::to_string(SeedRecord::readiness_epochs) + " numbers",
                     std::to_string(record.readiness.size()));
    }
    check_history(record, stage, where);
}

}  // namespace kasmina::slot_detail
