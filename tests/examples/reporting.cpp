// What the example says: bar, table, sentences, summary file and command line.
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "conclusion.hpp"
#include "progress.hpp"
#include "summary.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "table.hpp"

namespace kasmina::examples::reporting_test {
namespace {

using test::mentions;

struct Outcome {
    std::variant<CommandLine, Exit> result;
    std::string out;
    std::string err;
};

Outcome parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "grow_cnn");
    std::ostringstream out;
    std::ostringstream err;
    auto result =
        parse_command_line(static_cast<int>(arguments.size()), arguments.data(), {},
                           {.blueprints = {"norm", "conv_heavy"}, .most_threads = 64}, out, err);
    return {std::move(result), out.str(), err.str()};
}

Summary sample() {
    return {.host_only_accuracy = 51.5,
            .grown_accuracy = 54.25,
            .host_parameters = 6418,
            .grown_parameters = 25042,
            .host_multiplications = 12.5e9,
            .grown_multiplications = 1234.567e9,
            .germinated = 2,
            .fossilized = 1,
            .pruned = 1,
            .judge = "shadow",
            .incubation = "feedback",
            .stages = {{"germinated", "training", "pruned"}, {"germinated"}},
            .contribution = 2.5,
            .contributions = {{.slot = "r0c1",
                               .measure = "shadow",
                               .contribution = 2.5,
                               .contribution_error = 0.5,
                               .dependence = 12.0,
                               .leave_one_out = 3.0,
                               .alone = 1.0,
                               .shapley = 2.0}},
            .epochs = 40,
            .seconds = 12.5};
}

}  // namespace

TEST_CASE("output that is no terminal holds lines and no carriage return", "[examples]") {
    std::ostringstream out;
    {
        Progress progress(out, {.interactive = false, .width = 80});
        progress.update(0.1, 1.0, "host alone");
        progress.line("first");
        progress.update(0.2, 2.0, "host alone");
        progress.line("second");
    }
    CHECK(out.str() == "first\nsecond\n");
}

TEST_CASE("on a terminal the bar shows the time left and keeps to the width", "[examples]") {
    for (const std::size_t width : {1U, 10U, 30U, 60U, 200U}) {
        std::ostringstream out;
        Progress progress(out, {.interactive = true, .width = width});
        for (const double done : {0.0, 0.25, 1.0}) progress.update(done, 30.0, "growing");
        std::string last;
        std::istringstream drawn(out.str());
        const std::size_t room = std::max<std::size_t>(width, 2);
        while (std::getline(drawn, last, '\r')) REQUIRE(last.size() < room);
        if (width >= 60) CHECK(mentions(out.str(), "growing  25% [=="));
        if (width >= 60) CHECK(mentions(out.str(), "] 1m30s left"));
    }
}

TEST_CASE("a line takes the bar's place and the bar is gone at the end", "[examples]") {
    std::ostringstream out;
    {
        Progress progress(out, {.interactive = true, .width = 40});
        progress.update(0.5, 1.0, "a");
        progress.line("text");
        progress.update(0.5, 1.0, "a");
    }
    CHECK(mentions(out.str(), " \rtext\n\r"));
    CHECK(out.str().back() == '\r');
}

TEST_CASE("numbers are written with a point and their sign, and what is not measured as a dash",
          "[examples]") {
    CHECK(fixed(1234.5678, 2) == "1234.57");
    CHECK(fixed(-0.001, 2) == "-0.00");
    CHECK(with_sign(0.5, 2) == "+0.50");
    CHECK(with_sign(-0.5, 2) == "-0.50");
    CHECK(fixed(std::nullopt, 2) == "-");
    CHECK(with_sign(std::nullopt, 2) == "-");
    CHECK(fixed(1e300, 4).size() == 306);
}

TEST_CASE("the conclusion says what was measured, and a dash for what was not", "[examples]") {
    std::ostringstream out;
    Summary summary = sample();
    write_conclusion(out, summary, {.host = 0.5, .grown = 1.25}, 1200);
    CHECK(out.str() ==
          "\non 1200 test images, looked at once, now:\n"
          "  host alone   51.50 %      6418 parameters     12.50 G multiplications  0.50 s an "
          "epoch\n"
          "  grown        54.25 %     25042 parameters   1234.57 G multiplications  1.25 s an "
          "epoch\n"
          "  difference   +2.75 points\n"
          "seeds: 2 germinated, 1 fossilized, 1 pruned\n"
          "  germinated -> training -> pruned\n"
          "  germinated\n"
          "the seeds that stayed, in points on validation images:\n"
          "  slot        contribution (by)   dependence   at the end:   dependence    alone  "
          "Shapley\n"
          "  r0c1   +2.50 +- 0.50 (shadow)       +12.00                      +3.00    +1.00    "
          "+2.00\n");
    summary.grown_accuracy.reset();
    out.str("");
    write_conclusion(out, summary, {.host = 0.5, .grown = 1.25}, 1200);
    CHECK(mentions(out.str(), "grown            - %"));
    CHECK(mentions(out.str(), "difference       - points"));
    CHECK_FALSE(mentions(out.str(), "from start"));
    out.str("");
    summary.from_start_accuracy = 53.75;
    write_conclusion(out, summary, {.host = 0.5, .grown = 1.25, .from_start = 1.0}, 1200);
    CHECK(mentions(out.str(),
                   "\n  from start   53.75 %     25042 parameters         - G "
                   "multiplications  1.00 s an epoch\n"));
}

TEST_CASE("durations read as people say them", "[examples]") {
    CHECK(duration(7.6) == "8s");
    CHECK(duration(125) == "2m05s");
    CHECK(duration(3780) == "1h03m");
    CHECK(duration(-1) == "0s");
}

TEST_CASE("table rows line up with the header and dash what was not measured", "[examples]") {
    const Table table;
    const std::vector<std::string> host = table.rows({.epoch = 3, .loss = 1.5});
    const SlotRow seed{.slot = "r0c1",
                       .stage = "fossilized",
                       .alpha = 1.0,
                       .gradient_ratio = 0.5,
                       .readiness = 0.25,
                       .readiness_error = 0.125,
                       .dependence = 12.5,
                       .contribution = -2.25,
                       .contribution_error = 0.75};
    const std::vector<std::string> grown = table.rows({.epoch = 120,
                                                       .loss = 0.123456,
                                                       .training_accuracy = 99.5,
                                                       .validation_accuracy = 100,
                                                       .seconds = 12.5,
                                                       .slots = {seed}});
    REQUIRE(host.size() == 1);
    REQUIRE(grown.size() == 1);
    CHECK(host[0].size() == table.header().size());
    CHECK(grown[0].size() == table.header().size());
    CHECK(mentions(
        grown[0],
        "0.1235    99.50   100.00  12.50  fossilized  1.00   0.500   +0.25  0.12  +12.50    -2.25"
        "  0.75"));
    CHECK(std::ranges::count(host[0], '-') == 8);
    CHECK_FALSE(mentions(table.header(), "slot"));
}

TEST_CASE("several slots have a line each, and columns that tell them apart", "[examples]") {
    const Table table(true);
    const SlotRow blending{.slot = "r0c0", .stage = "blending", .alpha = 0.25, .interaction = 1.5};
    const SlotRow training{.slot = "r1c2", .stage = "training"};
    const std::vector<std::string> lines =
        table.rows({.epoch = 7, .loss = 2.5, .slots = {blending, training}});
    REQUIRE(lines.size() == 2);
    for (const std::string& line : lines) CHECK(line.size() == table.header().size());
    CHECK(mentions(lines[0], "2.5000"));
    CHECK(mentions(lines[0], "r0c0  blending"));
    CHECK(lines[0].ends_with("+1.50"));
    CHECK(mentions(lines[1], "r1c2  training"));
    CHECK_FALSE(mentions(lines[1], "2.5000"));
    CHECK(mentions(table.header(), "interact"));
}

TEST_CASE("a stage change is told in words", "[examples]") {
    const std::string told = sentence({.epoch = 7,
                                       .slot = "r0c1",
                                       .blueprint = "conv_heavy",
                                       .from = "holding",
                                       .to = "fossilized",
                                       .reason = "contribution +2.1"});
    CHECK(told ==
          "epoch 7: conv_heavy in r0c1 has fossilized; it is now a permanent part of the network "
          "(holding -> fossilized: contribution +2.1)");
}

TEST_CASE("the summary file holds the agreed keys and values", "[examples]") {
    const auto json = nlohmann::ordered_json::parse(summary_text(sample()));
    std::vector<std::string> keys;
    for (const auto& item : json.items()) keys.push_back(item.key());
    CHECK(keys == std::vector<std::string>{
                      "host_only_accuracy", "grown_accuracy", "from_start_accuracy",
                      "host_parameters", "grown_parameters", "host_multiplications",
                      "grown_multiplications", "from_start_multiplications", "germinated",
                      "fossilized", "pruned", "stages", "judge", "incubation", "contribution",
                      "contributions", "epochs", "seconds"});
    CHECK(json["grown_multiplications"] == 1234.567e9);
    CHECK(json["from_start_multiplications"].is_null());
    CHECK(json["grown_accuracy"] == 54.25);
    CHECK(json["grown_parameters"] == 25042);
    CHECK(json["stages"][0][2] == "pruned");
    CHECK(json["stages"].size() == 2);
    CHECK(json["judge"] == "shadow");
    CHECK(json["incubation"] == "feedback");
    REQUIRE(json["contributions"].size() == 1);
    CHECK(json["contributions"][0] == nlohmann::ordered_json{{"slot", "r0c1"},
                                                             {"measure", "shadow"},
                                                             {"contribution", 2.5},
                                                             {"contribution_error", 0.5},
                                                             {"dependence", 12.0},
                                                             {"leave_one_out", 3.0},
                                                             {"alone", 1.0},
                                                             {"shapley", 2.0}});

    Summary unmeasured = sample();
    unmeasured.contribution.reset();
    unmeasured.grown_accuracy.reset();
    unmeasured.stages.clear();
    unmeasured.contributions[0].contribution_error.reset();
    CHECK(to_json(unmeasured)["contributions"][0]["contribution_error"].is_null());
    CHECK(to_json(unmeasured)["contribution"].is_null());
    CHECK(to_json(unmeasured)["grown_accuracy"].is_null());
    unmeasured.judge = "\xFF";
    CHECK(mentions(summary_text(unmeasured), "\xEF\xBF\xBD"));
    CHECK(to_json(unmeasured)["stages"].is_array());
}

TEST_CASE("arguments reach the options and the rest keeps its default", "[examples]") {
    const Outcome outcome = parse({"--data",
                                   "d",
                                   "--epochs",
                                   "7",
                                   "--seed",
                                   "18446744073709551615",
                                   "--threads=2",
                                   "--blueprint",
                                   "norm",
                                   "--summary",
                                   "s.json",
                                   "--telemetry",
                                   "t.jsonl",
                                   "--tensorboard",
                                   "runs",
                                   "--slots",
                                   "r0c1,r1c2",
                                   "--seed-rate",
                                   "1e-12",
                                   "--judge",
                                   "ablation",
                                   "--incubation",
                                   "straight_through"});
    const auto& line = std::get<CommandLine>(outcome.result);
    CHECK(line.data == "d");
    CHECK_FALSE(line.mnist.has_value());
    CHECK(line.epochs == 7);
    CHECK(line.seed == 18446744073709551615U);
    CHECK(line.threads == 2);
    CHECK(line.blueprint == "norm");
    CHECK(line.summary == "s.json");
    CHECK(line.telemetry == "t.jsonl");
    CHECK(line.tensorboard == "runs");
    CHECK(line.seed_rate == 1e-12);
    CHECK(line.judge == "ablation");
    CHECK(line.incubation == "straight_through");
    CHECK(line.slots == std::vector<std::string>{"r0c1", "r1c2"});
    const Outcome bare = parse({});
    CHECK(std::get<CommandLine>(bare.result).epochs == CommandLine{}.epochs);
    CHECK_FALSE(std::get<CommandLine>(bare.result).data.has_value());
    CHECK(std::get<CommandLine>(bare.result).judge == "shadow");
    CHECK(std::get<CommandLine>(bare.result).incubation == "feedback");
}

TEST_CASE("a wrong argument is one line and code 2", "[examples][E-2]") {
    const std::vector<std::vector<const char*>> wrong{{"--epochs", "0"},
                                                      {"--epochs", "many"},
                                                      {"--threads", "-1"},
                                                      {"--threads", "65"},
                                                      {"--seed", "-1"},
                                                      {"--seed", "1.5"},
                                                      {"--seed-rate", "0"},
                                                      {"--seed-rate", "fast"},
                                                      {"--judge", "jury"},
                                                      {"--incubation", "none"},
                                                      {"--blueprint", "conv_huge"},
                                                      {"--data"},
                                                      {"--slots"},
                                                      {"--bogus"},
                                                      {"stray"},
                                                      {"--seed", "18446744073709551616"},
                                                      {"--data", "a", "--mnist", "b"},
                                                      {"--mnist", "b", "--data", "a"}};
    for (const auto& arguments : wrong) {
        CAPTURE(arguments.front());
        const Outcome outcome = parse(arguments);
        REQUIRE(std::holds_alternative<Exit>(outcome.result));
        CHECK(std::get<Exit>(outcome.result).code == 2);
        CHECK(outcome.out.empty());
        CHECK(std::ranges::count(outcome.err, '\n') == 1);
        CHECK(outcome.err.starts_with("grow_cnn: "));
    }
    CHECK(mentions(parse({"--blueprint", "conv_huge"}).err, "conv_huge"));
    CHECK(mentions(parse({"--data", "a", "--mnist", "b"}).err, "--data"));
}

TEST_CASE("--help lists every option and ends with code 0", "[examples]") {
    const Outcome outcome = parse({"--help"});
    REQUIRE(std::holds_alternative<Exit>(outcome.result));
    CHECK(std::get<Exit>(outcome.result).code == 0);
    CHECK(outcome.err.empty());
    for (const char* option :
         {"--data", "--mnist", "--epochs", "--seed", "--threads", "--blueprint", "--slots",
          "--summary", "--telemetry", "--tensorboard", "--report", "--seed-rate", "--judge",
          "--incubation"}) {
        CHECK(mentions(outcome.out, option));
    }
}

}  // namespace kasmina::examples::reporting_test
