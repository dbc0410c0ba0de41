// The epoch table and the sentences between its rows.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace kasmina::examples {

/// One epoch. Accuracies are in per cent, the contribution in percentage points; what does not
/// apply or was not measured is empty.
struct EpochRow {
    int epoch = 0;
    double loss = 0;
    double training_accuracy = 0;
    double validation_accuracy = 0;
    std::string stage{};  ///< of the slot; empty for the host alone
    std::optional<double> alpha = {};
    std::optional<double> gradient_ratio = {};
    std::optional<double> contribution = {};
    double seconds = 0;
};

/// `format` applied to the value, or a dash.
inline std::string number(const char* format, std::optional<double> value) {
    if (!value) return "-";
    char text[64];
    std::snprintf(text, sizeof text, format, *value);
    return text;
}

/// The columns side by side, so that header and rows cannot drift apart.
inline std::string table_line(std::string_view epoch, std::string_view loss,
                              std::string_view training, std::string_view validation,
                              std::string_view stage, std::string_view alpha,
                              std::string_view ratio, std::string_view contribution,
                              std::string_view seconds) {
    std::string line;
    const auto right = [&line](std::string_view text, std::size_t width) {
        if (text.size() < width) line.append(width - text.size(), ' ');
        line += text;
    };
    right(epoch, 5);
    right(loss, 9);
    right(training, 9);
    right(validation, 9);
    line += "  ";
    line += stage;
    if (stage.size() < 11) line.append(11 - stage.size(), ' ');
    right(alpha, 6);
    right(ratio, 8);
    right(contribution, 9);
    right(seconds, 8);
    return line;
}

inline std::string table_header() {
    return table_line("epoch", "loss", "train %", "val %", "stage", "alpha", "grad", "contrib",
                      "s");
}

inline std::string table_row(const EpochRow& row) {
    return table_line(std::to_string(row.epoch), number("%.4f", row.loss),
                      number("%.2f", row.training_accuracy),
                      number("%.2f", row.validation_accuracy), row.stage.empty() ? "-" : row.stage,
                      number("%.2f", row.alpha), number("%.3f", row.gradient_ratio),
                      number("%+.2f", row.contribution), number("%.2f", row.seconds));
}

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
