// The epoch table and the sentences between its rows.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kasmina::examples {

/// A slot in an epoch; what does not apply or was not measured is empty.
struct SlotRow {
    std::string slot{};
    std::string stage{};
    std::optional<double> alpha = {};
    std::optional<double> gradient_ratio = {};
    std::optional<double> readiness = {};  ///< percentage points, like those below
    std::optional<double> readiness_error = {};
    std::optional<double> dependence = {};
    std::optional<double> contribution = {};
    std::optional<double> contribution_error = {};
    std::optional<double> interaction = {};  ///< with all other blended seeds, in points
};

/// One epoch. Accuracies are in per cent.
struct EpochRow {
    int epoch = 0;
    double loss = 0;
    double training_accuracy = 0;
    double validation_accuracy = 0;
    double seconds = 0;
    std::vector<SlotRow> slots{};  ///< none for the host alone
};

/// With so many digits after the point, whatever the locale is; or a dash.
inline std::string fixed(std::optional<double> value, int digits) {
    if (!value) return "-";
    char text[400];
    return {text,
            std::to_chars(text, text + sizeof text, *value, std::chars_format::fixed, digits).ptr};
}

/// The same with its sign.
inline std::string with_sign(std::optional<double> value, int digits) {
    return (value && !std::signbit(*value) ? "+" : "") + fixed(value, digits);
}

/// Rows of epochs under one header, a line per slot. The columns that tell slots apart are there
/// only where there are several.
class Table {
public:
    explicit Table(bool several_slots = false) : several_slots_(several_slots) {}

    [[nodiscard]] std::string header() const {
        return line({"epoch", "loss", "train %", "val %", "s"},
                    {"slot", "stage", "alpha", "grad", "ready", "+-", "depend", "contrib", "+-",
                     "interact"});
    }

    [[nodiscard]] std::vector<std::string> rows(const EpochRow& row) const {
        const EpochCells cells{std::to_string(row.epoch), fixed(row.loss, 4),
                               fixed(row.training_accuracy, 2), fixed(row.validation_accuracy, 2),
                               fixed(row.seconds, 2)};
        if (row.slots.empty())
            return {line(cells, {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-"})};
        std::vector<std::string> lines;
        for (const SlotRow& slot : row.slots) {
            lines.push_back(
                line(lines.empty() ? cells : EpochCells{},
                     {slot.slot, slot.stage, fixed(slot.alpha, 2), fixed(slot.gradient_ratio, 3),
                      with_sign(slot.readiness, 2), fixed(slot.readiness_error, 2),
                      with_sign(slot.dependence, 2), with_sign(slot.contribution, 2),
                      fixed(slot.contribution_error, 2), with_sign(slot.interaction, 2)}));
        }
        return lines;
    }

private:
    struct EpochCells {
        std::string epoch, loss, training, validation, seconds;
    };
    struct SlotCells {
        std::string slot, stage, alpha, ratio, readiness, readiness_error, dependence, contribution,
            contribution_error, interaction;
    };

    /// The columns side by side, so that header and rows cannot drift apart.
    [[nodiscard]] std::string line(const EpochCells& epoch, const SlotCells& slot) const {
        std::string text;
        const auto right = [&text](const std::string& cell, std::size_t width) {
            if (cell.size() < width) text.append(width - cell.size(), ' ');
            text += cell;
        };
        const auto left = [&text](const std::string& cell, std::size_t width) {
            text += "  ";
            text += cell;
            if (cell.size() < width) text.append(width - cell.size(), ' ');
        };
        right(epoch.epoch, 5);
        right(epoch.loss, 9);
        right(epoch.training, 9);
        right(epoch.validation, 9);
        right(epoch.seconds, 7);
        if (several_slots_) left(slot.slot, 4);
        left(slot.stage, 10);
        right(slot.alpha, 6);
        right(slot.ratio, 8);
        right(slot.readiness, 8);
        right(slot.readiness_error, 6);
        right(slot.dependence, 8);
        right(slot.contribution, 9);
        right(slot.contribution_error, 6);
        if (several_slots_) right(slot.interaction, 10);
        return text;
    }

    bool several_slots_;
};

/// A change of stage to be told. Stages go by their names.
struct StageChange {
    int epoch = 0;
    std::string slot;
    std::string blueprint;
    std::string from;
    std::string to;
    std::string reason{};  ///< why, in a few words; may be empty
};

/// What entering a stage means, as the end of a sentence about the seed or the slot.
inline std::string_view meaning_of(std::string_view stage) {
    if (stage == "germinated") return "has germinated; it does not touch the network yet";
    if (stage == "training") return "now learns behind the host; the output is still the host's";
    if (stage == "blending") return "is being blended in; its alpha begins to move";
    if (stage == "holding") return "has reached full amplitude and is held for judgement";
    if (stage == "fossilized") return "has fossilized; it is now a permanent part of the network";
    if (stage == "pruned") return "was pruned; the host goes on without it";
    if (stage == "embargoed") return "is gone; the slot rests before it may grow again";
    if (stage == "resetting") return "is gone; the slot is being cleaned up";
    if (stage == "dormant") return "is gone; the slot is empty and may grow again";
    return "has changed its stage";
}

/// "epoch 7: conv_heavy in r0c1 has germinated; ... (dormant -> germinated: reason)"
inline std::string sentence(const StageChange& change) {
    std::string text = "epoch " + std::to_string(change.epoch) + ": " +
                       (change.blueprint.empty() ? "the seed" : change.blueprint) + " in " +
                       change.slot + ' ';
    text += meaning_of(change.to);
    text += " (" + change.from + " -> " + change.to;
    if (!change.reason.empty()) text += ": " + change.reason;
    return text + ')';
}

}  // namespace kasmina::examples
