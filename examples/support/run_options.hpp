// The options that the programs which grow a network have in common, and how they are read.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

namespace kasmina::examples {

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

/// What is wrong with `text` as a learning rate, or nothing. CLI11's range takes "nan" for one, and
/// says of 0 that it is not in the range from 0.000000.
inline std::string learning_rate(const std::string& text) {
    double value = 0.0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc{} && stopped == end && value >= 1e-30 && value <= 1e3) return {};
    return text + " is not a number from 1e-30 to 1000";
}

/// What the library offers.
struct Choices {
    std::vector<std::string> blueprints;
    int most_threads = 1;
    std::string program = "grow_cnn";
    std::string network = "a CNN";  ///< that it trains, in words
};

inline void add_seed(CLI::App& app, std::uint64_t& seed) {
    app.add_option("--seed", seed,
                   "Seed of all random numbers. The same seed gives the same run, bit for bit.")
        ->check(whole_number)
        ->capture_default_str();
}

inline void add_threads(CLI::App& app, int& threads, const Choices& choices) {
    app.add_option("--threads", threads,
                   "Threads that compute. Results are the same, bit for bit, with any number.")
        ->check(CLI::Range(1, choices.most_threads))
        ->capture_default_str();
}

inline void add_blueprint(CLI::App& app, std::string& blueprint, const Choices& choices) {
    app.add_option("--blueprint", blueprint, "What to grow.")
        ->check(CLI::IsMember(choices.blueprints))
        ->capture_default_str();
}

/// What seeds are judged by and how they learn, what is trained beside, and where the run and its
/// outcome are written.
template <class Line>
void add_run_options(CLI::App& app, Line& line) {
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
    app.add_flag(
           "--resume", line.resume,
           "Go on with the run in the folder of --checkpoint, with the same options. The outcome "
           "is that of a run that never stopped, bit for bit.")
        ->needs(checkpoint);
}

/// What --help ends with. `source` says where data come from when none are named.
inline void add_footer(CLI::App& app, const std::string& source) {
    app.footer(source +
               " Data and outputs are checked before training begins.\n"
               "It ends with 0, with 2 when it was refused or stopped (files of other runs are as "
               "they were), with 3 when training is over and something could not be written, or "
               "with 4 when a signal stopped it and all was saved.");
}

/// Where to grow.
inline void add_slots(CLI::App& app, std::vector<std::string>& slots, const std::string& example) {
    app.add_option("--slots", slots,
                   "Where to grow, in order of preference, as " + example +
                       ". As many seeds may live at once as there are slots.")
        ->delimiter(',')
        ->type_name("NAMES")
        ->capture_default_str();
}

inline void add_seed_rate(CLI::App& app, double& rate) {
    app.add_option("--seed-rate", rate,
                   "Learning rate of seeds at the start. With 1e-12 they are useless, as a check.")
        ->check(learning_rate)
        ->capture_default_str();
}

/// Reads the arguments into what was added to `app`. Help goes to `out`; a mistake is one line on
/// `err`. Nothing when the program is to go on.
inline std::optional<Exit> parse_or_exit(CLI::App& app, int argument_count,
                                         const char* const* arguments, std::ostream& out,
                                         std::ostream& err) {
    try {
        app.parse(argument_count, arguments);
    } catch (const CLI::CallForHelp&) {
        out << app.help() << '\n';
        return Exit{0};
    } catch (const CLI::ParseError& error) {
        std::string reason = error.what();
        std::ranges::replace(reason, '\n', ' ');
        err << app.get_name() << ": " << reason << " (see --help)\n";
        return Exit{2};
    }
    return std::nullopt;
}

}  // namespace kasmina::examples
