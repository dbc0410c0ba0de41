// A run as one HTML page that needs no network: accuracies, stages, alpha, contributions, verdicts.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/reflect/fields.hpp>

#include "report_page.hpp"

namespace kasmina::examples {

/// What is drawn of one slot in one epoch; what does not apply or was not measured is empty.
struct SlotEpoch {
    std::string stage{};
    std::optional<double> alpha = {};
    std::optional<double> gradient_ratio = {};
    std::optional<double> readiness = {};        ///< percentage points, like all below
    std::optional<double> readiness_error = {};  ///< its standard error
    std::optional<double> dependence = {};
    std::optional<double> dependence_error = {};
    std::optional<double> contribution = {};
    std::optional<double> contribution_error = {};  ///< its standard error, in points
    std::optional<double> interaction = {};         ///< with all other blended seeds, in points
    std::string verdict{};                          ///< of the gate on the forward step, in words

    using Fields =
        reflect::List<&SlotEpoch::stage, &SlotEpoch::alpha, &SlotEpoch::gradient_ratio,
                      &SlotEpoch::readiness, &SlotEpoch::readiness_error, &SlotEpoch::dependence,
                      &SlotEpoch::dependence_error, &SlotEpoch::contribution,
                      &SlotEpoch::contribution_error, &SlotEpoch::interaction, &SlotEpoch::verdict>;
    using MayBeNotFinite =
        reflect::List<&SlotEpoch::gradient_ratio, &SlotEpoch::contribution_error>;
};

/// A slot, with one entry per epoch.
struct SlotHistory {
    std::string name;
    std::vector<SlotEpoch> epochs;

    using Fields = reflect::List<&SlotHistory::name, &SlotHistory::epochs>;
};

struct ReportEvent {
    int epoch = 0;
    std::string slot;
    std::string text;

    using Fields = reflect::List<&ReportEvent::epoch, &ReportEvent::slot, &ReportEvent::text>;
};

/// One run. Accuracies are in per cent, on validation data, one per epoch; the networks need not
/// have as many.
struct RunReport {
    std::string title;
    std::string subtitle;
    std::vector<std::pair<std::string, std::string>> tiles;  ///< a figure and what it is
    std::vector<double> host_accuracy;
    std::vector<double> grown_accuracy;
    std::vector<SlotHistory> slots;
    std::vector<ReportEvent> events;
};

/// Standard error in points of the difference between two accuracies (per cent) on the same
/// `images`. The images that both networks get right are not known here, so the two are taken for
/// independent, which errs on the wide side.
[[nodiscard]] inline double difference_error(double with, double without, std::size_t images) {
    const auto variance = [images](double accuracy) {
        const double share = accuracy / 100.0;
        return share * (1.0 - share) / static_cast<double>(images);
    };
    return 100.0 * std::sqrt(variance(with) + variance(without));
}

inline nlohmann::ordered_json to_json(const SlotEpoch& epoch) {
    const auto value = [](const std::optional<double>& number) {
        return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json(nullptr);
    };
    return {{"stage", epoch.stage},
            {"alpha", value(epoch.alpha)},
            {"gradient_ratio", value(epoch.gradient_ratio)},
            {"readiness", value(epoch.readiness)},
            {"readiness_error", value(epoch.readiness_error)},
            {"dependence", value(epoch.dependence)},
            {"dependence_error", value(epoch.dependence_error)},
            {"contribution", value(epoch.contribution)},
            {"contribution_error", value(epoch.contribution_error)},
            {"interaction", value(epoch.interaction)},
            {"verdict", epoch.verdict}};
}

inline nlohmann::ordered_json to_json(const RunReport& report) {
    nlohmann::ordered_json slots = nlohmann::ordered_json::array();
    for (const SlotHistory& slot : report.slots) {
        nlohmann::ordered_json epochs = nlohmann::ordered_json::array();
        for (const SlotEpoch& epoch : slot.epochs) epochs.push_back(to_json(epoch));
        slots.push_back({{"name", slot.name}, {"epochs", std::move(epochs)}});
    }
    nlohmann::ordered_json events = nlohmann::ordered_json::array();
    for (const ReportEvent& event : report.events) {
        events.push_back({{"epoch", event.epoch}, {"slot", event.slot}, {"text", event.text}});
    }
    return {{"title", report.title},          {"subtitle", report.subtitle},
            {"tiles", report.tiles},          {"host", report.host_accuracy},
            {"grown", report.grown_accuracy}, {"slots", std::move(slots)},
            {"events", std::move(events)}};
}

/// The page. No tag of HTML is in the data, so nothing of it can end the script that holds it.
/// Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] inline std::string report_html(const RunReport& report) {
    constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
    std::string page(report_page_head);
    for (const char character : to_json(report).dump(-1, ' ', false, replace)) {
        if (character == '<') {
            page += "\\u003c";
        } else {
            page += character;
        }
    }
    return page.append(report_page_tail);
}

}  // namespace kasmina::examples
