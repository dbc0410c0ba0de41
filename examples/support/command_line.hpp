// The options of grow_cnn and grow_resnet.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

#include "run_options.hpp"

namespace kasmina::examples {

/// What the user asked for; the values here are the defaults that --help shows.
struct CommandLine {
    std::optional<std::string> data;
    std::optional<std::string> mnist;
    int epochs = 60;
    std::uint64_t seed = 1;
    int threads = 1;
    std::string blueprint = "conv_heavy";
    std::vector<std::string> slots{"r1c2"};
    double seed_rate = 0.05;
    std::string judge = "shadow";
    std::string incubation = "feedback";
    bool from_start = false;
    std::optional<std::string> summary;
    std::optional<std::string> telemetry;
    std::optional<std::string> tensorboard;
    std::optional<std::string> report;
    std::optional<std::string> checkpoint;
    bool resume = false;
};

/// Reads the arguments over `defaults`. Help goes to `out`; a mistake is one line on `err`.
inline std::variant<CommandLine, Exit> parse_command_line(int argument_count,
                                                          const char* const* arguments,
                                                          CommandLine defaults,
                                                          const Choices& choices, std::ostream& out,
                                                          std::ostream& err) {
    CommandLine line = std::move(defaults);
    CLI::App app{"Trains " + choices.network +
                     " on images, alone and with seeds that grow into it, and compares.",
                 choices.program};
    auto* data =
        app.add_option("--data", line.data,
                       "Folder of CIFAR-10's binary files: data_batch_1.bin to data_batch_5.bin "
                       "and test_batch.bin.")
            ->type_name("DIR");
    app.add_option("--mnist", line.mnist,
                   "Folder of MNIST's IDX files, plain or gzip. The t10k files alone will do.")
        ->type_name("DIR")
        ->excludes(data);
    app.add_option("--epochs", line.epochs, "Epochs of training, for either network.")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    add_seed(app, line.seed);
    add_threads(app, line.threads, choices);
    add_blueprint(app, line.blueprint, choices);
    app.add_option("--slots", line.slots,
                   "Where to grow, in order of preference, as r0c0,r1c0. As many seeds may live at "
                   "once as there are slots.")
        ->delimiter(',')
        ->type_name("NAMES")
        ->capture_default_str();
    app.add_option("--seed-rate", line.seed_rate,
                   "Learning rate of seeds at the start. With 1e-12 they are useless, as a check.")
        ->check(CLI::Range(1e-30, 1e3))
        ->capture_default_str();
    app.add_option("--judge", line.judge,
                   "What seeds are judged by: a shadow (a copy that trains without the seed) or "
                   "ablation (how much the network depends on it, which is not help).")
        ->check(CLI::IsMember({"shadow", "ablation"}))
        ->capture_default_str();
    add_run_options(app, line, " The outcome is that of a run that never stopped, bit for bit.");
    app.footer(
        "Without --data and --mnist it draws a task of its own. Data and outputs are checked "
        "before training begins.\n"
        "It ends with 0, with 2 when it was refused or stopped (files of other runs are as they "
        "were), with 3 when training is over and something could not be written, or with 4 when a "
        "signal stopped it and all was saved.");
    if (const auto exit = parse_or_exit(app, argument_count, arguments, out, err)) return *exit;
    return line;
}

}  // namespace kasmina::examples
