// JSON of events: exact keys and values, null for what is absent, one line each in a file.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <kasmina/telemetry/json_lines.hpp>
#include <kasmina/telemetry/sink.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"
#include "telemetry/events.hpp"

namespace kasmina::json_test {
namespace {

using nlohmann::ordered_json;

const std::string seed_json =
    R"("slot":"r0c1","environment":3,"correlation_id":"run-7","seed_id":"r0c1-norm",)"
    R"("blueprint":"norm","stage":"blending","alpha":0.5,"curve":"sigmoid","epochs_total":9,)"
    R"("epochs_in_stage":2,"score_name":"loss","score_unit":"nats","score_falls":true,)"
    R"("improvement":1.5,"blending_delta":0.25,"readiness":0.375,"readiness_error":0.0625,)"
    R"("dependence":12.5,"contribution":-0.75,"contribution_error":0.5,"contribution_by":"shadow",)"
    R"("gradient_ratio":0.125,"vanishing":false,"exploding":true,"seed_parameters":129)";

/// What a reader of the file gets: not-a-number has become null on the way.
ordered_json through_text(const telemetry::Event& event) {
    return ordered_json::parse(telemetry::to_json(event).dump());
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

TEST_CASE("every event has its name, the seed's context and its own fields, in this order",
          "[T-1]") {
    const telemetry::SeedContext seed = test::measured_seed();
    const auto text = [](const telemetry::Event& event) {
        return telemetry::to_json(event).dump();
    };
    CHECK(text(telemetry::SeedGerminated{seed, 94'762}) ==
          R"({"event":"seed_germinated",)" + seed_json + R"(,"host_parameters":94762})");
    CHECK(text(telemetry::StageChanged{seed, "training", "blending", 4}) ==
          R"({"event":"stage_changed",)" + seed_json +
              R"(,"from":"training","to":"blending","epochs_in_from":4})");
    CHECK(
        text(telemetry::GateEvaluated{seed, "G2", false, 0.25, {"improvement", "epochs"}, "no"}) ==
        R"({"event":"gate_evaluated",)" + seed_json +
            R"(,"gate":"G2","passed":false,"score":0.25,)"
            R"("checks_failed":["improvement","epochs"],"message":"no"})");
    CHECK(text(telemetry::SeedFossilized{seed}) ==
          R"({"event":"seed_fossilized",)" + seed_json + "}");
    CHECK(text(telemetry::SeedPruned{seed, "holding", "governor_nan", "governor", true}) ==
          R"({"event":"seed_pruned",)" + seed_json +
              R"(,"from":"holding","reason":"governor_nan","initiator":"governor",)"
              R"("automatic":true})");
}

TEST_CASE("what was never measured is null, and the rest is there", "[T-1]") {
    const ordered_json json = through_text(telemetry::SeedFossilized{});
    const std::set<std::string> absent{"environment",        "correlation_id",  "readiness",
                                       "readiness_error",    "dependence",      "contribution",
                                       "contribution_error", "contribution_by", "gradient_ratio",
                                       "vanishing",          "exploding"};
    for (const auto& [key, value] : json.items()) {
        INFO(key);
        CHECK(value.is_null() == absent.contains(key));
    }
    CHECK(json.size() == 1 + reflect::field_names<telemetry::SeedContext>.size());
}

TEST_CASE("zero and false are values, not absence", "[T-1]") {
    telemetry::SeedContext seed;
    seed.environment = 0;
    seed.contribution = 0.0;
    seed.vanishing = false;
    const ordered_json json = through_text(telemetry::SeedFossilized{seed});
    CHECK(json.at("environment") == 0);
    CHECK(json.at("contribution") == 0.0);
    CHECK(json.at("vanishing") == false);
}

TEST_CASE("numbers that are not finite are null in the text", "[T-1]") {
    telemetry::SeedContext seed = test::measured_seed();
    seed.improvement = std::nan("");
    seed.contribution = std::numeric_limits<double>::infinity();
    const ordered_json json = through_text(telemetry::SeedFossilized{seed});
    CHECK(json.at("improvement").is_null());
    CHECK(json.at("contribution").is_null());
    CHECK(json.at("gradient_ratio") == 0.125);
}

TEST_CASE("a JSON Lines file has one object a line, readable while it is being written", "[T-2]") {
    const test::TemporaryFolder folder;
    const auto path = folder / "events.jsonl";
    telemetry::JsonLinesSink sink(path);
    CHECK(lines_of(path).empty());
    sink.emit(telemetry::SeedGerminated{test::measured_seed(), 10});
    CHECK(lines_of(path).size() == 1);
    telemetry::SeedPruned awkward{test::measured_seed(), "holding", "line\nbreak \"quoted\"",
                                  "user", false};
    sink.emit(awkward);
    const auto lines = lines_of(path);
    REQUIRE(lines.size() == 2);
    CHECK(ordered_json::parse(lines[0]).at("event") == "seed_germinated");
    CHECK(ordered_json::parse(lines[1]).at("reason") == "line\nbreak \"quoted\"");
}

TEST_CASE("names that are not UTF-8 are written with the bad bytes replaced", "[T-2]") {
    const test::TemporaryFolder folder;
    const auto path = folder / "events.jsonl";
    telemetry::JsonLinesSink sink(path);
    telemetry::SeedContext seed;
    seed.slot = "r0\xFFz";
    sink.emit(telemetry::SeedFossilized{seed});
    const auto lines = lines_of(path);
    REQUIRE(lines.size() == 1);
    CHECK(ordered_json::parse(lines[0]).at("slot") == "r0\xEF\xBF\xBDz");
}

TEST_CASE("a file that cannot be opened is an error that names it", "[T-2][E-2]") {
    const test::TemporaryFolder folder;
    const std::string text = test::error_text<DataError>(
        [&] { const telemetry::JsonLinesSink sink(folder / "no such folder" / "events.jsonl"); });
    CHECK(test::mentions(text, "no such folder"));
}

TEST_CASE("a file that cannot be written any more is an error", "[T-2][T-3]") {
    if (!std::filesystem::exists("/dev/full")) return;
    telemetry::JsonLinesSink sink("/dev/full");
    CHECK_THROWS_AS(sink.emit(telemetry::SeedFossilized{}), DataError);
}

}  // namespace
}  // namespace kasmina::json_test
