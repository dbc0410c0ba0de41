// The outputs that a user of a program which grows a network asked for, and whether all of them can
// be written.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <kasmina/error.hpp>

#include "outputs.hpp"

namespace kasmina::examples {

/// The outputs that the user asked for, each with its option.
template <class Line>
[[nodiscard]] std::vector<NamedPath> outputs_of(const Line& line) {
    std::vector<NamedPath> outputs;
    const auto add = [&outputs](const char* option, const std::optional<std::string>& path) {
        if (path) outputs.push_back({option, *path});
    };
    add("--summary", line.summary);
    add("--report", line.report);
    add("--telemetry", line.telemetry);
    add("--tensorboard", line.tensorboard);
    add("--checkpoint", line.checkpoint);
    return outputs;
}

/// Errors: DataError and OptionError for outputs that could not be written, or not all of them.
template <class Line>
void require_outputs(const Line& line, const std::vector<std::filesystem::path>& inputs) {
    for (const NamedPath& output : outputs_of(line)) {
        if (output.option == "--tensorboard" || output.option == "--checkpoint") {
            require_folder_writable(output.path);
        } else {
            require_writable(output.path);
        }
    }
    require_apart(outputs_of(line), inputs);
    if (line.resume && line.telemetry && what_is_at(*line.telemetry) &&
        is_replaced(*line.telemetry)) {
        throw OptionError("events of the run's beginning would be replaced", "--telemetry",
                          "a file of another name for the rest of the run", *line.telemetry,
                          "choose another name");
    }
}

}  // namespace kasmina::examples
