// The options of grow_cnn and grow_resnet.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

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

/// The program is to end now with this code: 0 after --help, 2 after a mistake.
struct Exit {
    int code = 0;
};

/// What is wrong with `text` as an unsigned 64-bit number, or nothing. CLI11's own conversion
/// wraps negative numbers round and clamps those that are too large.
inline std::string whole_number(const std::string& text) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc{} && stopped == end) return {};
    return text + " is not a whole number from 0 to 18446744073709551615";
}

/// What the library offers.
struct Choices {
    std::vector<std::string> blueprints;
    int most_threads = 1;
    std::string program = "grow_cnn";
    std::string network = "a CNN";  ///< that it trains, in words
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
    app.add_option("--seed", line.seed,
                   "Seed of all random numbers. The same seed gives the same run, bit for bit.")
        ->check(whole_number)
        ->capture_default_str();
    app.add_option("--threads", line.threads,
                   "Threads that compute. Results are the same, bit for bit, with any number.")
        ->check(CLI::Range(1, choices.most_threads))
        ->capture_default_str();
    app.add_option("--blueprint", line.blueprint, "What to grow.")
        ->check(CLI::IsMember(choices.blueprints))
        ->capture_default_str();
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
    app.add_option("--incubation", line.incubation, "How seeds learn behind the host.")
        ->check(CLI::IsMember({"feedback", "straight_through"}))
        ->capture_default_str();
    app.add_flag("--from-start", line.from_start,
                 "Also train the network that was grown from the beginning, seeds and all, for as "
                 "many epochs, and compare.");
    app.add_option("--summary", line.summary,
                   "Write the outcome as JSON to this file when the run is over.")
        ->type_name("FILE");
    app.add_option("--report", line.report,
                   "Write the run as an HTML page to this file when it is over.")
        ->type_name("FILE");
    app.add_option("--telemetry", line.telemetry,
                   "Write events as JSON Lines to this file while the network grows.")
        ->type_name("FILE");
    app.add_option("--tensorboard", line.tensorboard,
                   "Write events for TensorBoard into this folder while the network grows.")
        ->type_name("DIR");
    auto* checkpoint =
        app.add_option(
               "--checkpoint", line.checkpoint,
               "Save the run into this folder after each epoch, and where Ctrl-C or SIGTERM "
               "stops it.")
            ->type_name("DIR");
    app.add_flag("--resume", line.resume,
                 "Go on with the run in the folder of --checkpoint, with the same options. The "
                 "outcome is that of a run that never stopped, bit for bit.")
        ->needs(checkpoint);
    app.footer(
        "Without --data and --mnist it draws a task of its own. Data and outputs are checked "
        "before training begins.\n"
        "It ends with 0, with 2 when it was refused or stopped (files of other runs are as they "
        "were), with 3 when training is over and something could not be written, or with 4 when a "
        "signal stopped it and all was saved.");
    try {
        app.parse(argument_count, arguments);
    } catch (const CLI::CallForHelp&) {
        out << app.help() << '\n';
        return Exit{0};
    } catch (const CLI::ParseError& error) {
        std::string reason = error.what();
        for (char& character : reason) {
            if (character == '\n') character = ' ';
        }
        err << choices.program << ": " << reason << " (see --help)\n";
        return Exit{2};
    }
    return line;
}

}  // namespace kasmina::examples
