// The options of grow_transformer.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

#include "run_options.hpp"

namespace kasmina::examples {

/// What the user asked for; the values here are the defaults that --help shows.
struct TextCommandLine {
    std::vector<std::string> texts{};
    std::optional<std::string> data{};
    int layers = 4;
    int segments = 2;
    int width = 128;
    int heads = 4;
    int time = 64;
    int batch = 12;
    int epochs = 40;
    int batches = 50;
    int sample = 300;
    std::uint64_t seed = 1;
    int threads = 1;
    std::string blueprint = "mlp";
    std::vector<std::string> slots{"r0c1"};
    double rate = 1e-3;
    double seed_rate = 3e-3;
    int tempo = 5;
    int settling = 3;
    std::string judge = "shadow";
    std::string incubation = "feedback";
    bool from_start = false;
    bool equal_work = false;
    std::optional<std::string> summary{};
    std::optional<std::string> telemetry{};
    std::optional<std::string> tensorboard{};
    std::optional<std::string> report{};
    std::optional<std::string> checkpoint{};
    bool resume = false;
};

/// Reads the arguments over the defaults. Help goes to `out`; a mistake is one line on `err`.
inline std::variant<TextCommandLine, Exit> parse_text_command_line(int argument_count,
                                                                   const char* const* arguments,
                                                                   const Choices& choices,
                                                                   std::ostream& out,
                                                                   std::ostream& err) {
    TextCommandLine line;
    CLI::App app{
        "Trains a small transformer on the characters of a text, alone and with seeds that grow "
        "into it, and compares.",
        "grow_transformer"};
    auto* texts = app.add_option("--text", line.texts,
                                 "A file of text in UTF-8; may be given more than once. Without it "
                                 "and --data: the project's own headers and pages.")
                      ->type_name("FILE");
    app.add_option("--data", line.data, "Folder of tiny Shakespeare: input.txt.")
        ->type_name("DIR")
        ->excludes(texts);
    const auto count = [&app](const char* name, int& value, int least, int most, const char* what) {
        app.add_option(name, value, what)->check(CLI::Range(least, most))->capture_default_str();
    };
    count("--layers", line.layers, 1, 1000, "Blocks of the transformer.");
    count("--segments", line.segments, 1, 1000, "Its segments, with a slot at the end of each.");
    count("--width", line.width, 1, 1 << 16, "Its width.");
    count("--heads", line.heads, 1, 1 << 16, "Its heads.");
    count("--time", line.time, 1, 1 << 20, "Characters that it sees at a time.");
    count("--batch", line.batch, 1, 1 << 20, "Windows of text in a step.");
    count("--epochs", line.epochs, 1, 100000, "Epochs of training, for either network.");
    count("--batches", line.batches, 1, 1000000, "Steps of an epoch.");
    count("--sample", line.sample, 0, 1000000, "Characters of text to write before and after.");
    add_threads(app, line.threads, choices);
    add_seed(app, line.seed);
    add_blueprint(app, line.blueprint, choices);
    add_slots(app, line.slots, "r0c0,r0c1");
    app.add_option("--rate", line.rate, "Learning rate of the host at its highest.")
        ->check(learning_rate)
        ->capture_default_str();
    add_seed_rate(app, line.seed_rate);
    count("--tempo", line.tempo, 1, 100000, "Epochs in which a seed is blended in.");
    count("--settling", line.settling, 0, 100000,
          "Epochs at full amplitude that the judge leaves out.");
    add_run_options(app, line);
    app.add_flag("--equal-work", line.equal_work,
                 "With --from-start, train that once more, for as many multiplications as growing "
                 "took.")
        ->needs("--from-start");
    add_footer(app, "Without --text and --data it reads the project's own headers and pages.");
    if (const auto exit = parse_or_exit(app, argument_count, arguments, out, err)) return *exit;
    return line;
}

}  // namespace kasmina::examples
