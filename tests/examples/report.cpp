// The HTML report: it holds the run's data, whole, and asks for nothing from outside.
#include <string>

#include "report.hpp"
#include "slot_rows.hpp"
#include "support/catch.hpp"

namespace kasmina::examples::report_test {
namespace {

RunReport small_run() {
    RunReport report;
    report.title = "a run";
    report.subtitle = "its subtitle";
    report.tiles = {{"62.3 %", "grown"}, {"7602", "parameters"}};
    report.host_accuracy = {30.0, 41.5};
    report.grown_accuracy = {30.0, 43.25};
    report.slots = {{"r0c0",
                     {{.stage = "dormant"},
                      {.stage = "blending",
                       .alpha = 0.5,
                       .gradient_ratio = 0.75,
                       .readiness = -0.25,
                       .readiness_error = 0.125,
                       .dependence = 12.5,
                       .dependence_error = 1.75,
                       .contribution = 1.5,
                       .contribution_error = 2.25,
                       .interaction = -0.5,
                       .verdict = "G3 refuses"}}}};
    report.events = {{2, "r0c0", "it germinated </script><script>alert(1)</script>"}};
    return report;
}

/// What stands between the tags of the page's data.
std::string data_of(const std::string& page) {
    const std::string opening = "<script type=\"application/json\" id=\"data\">";
    const std::size_t begin = page.find(opening) + opening.size();
    return page.substr(begin, page.find("</script>", begin) - begin);
}

TEST_CASE("a report holds every figure of the run", "[report]") {
    const RunReport run = small_run();
    const auto data = nlohmann::ordered_json::parse(data_of(report_html(run)));
    CHECK(data == to_json(run));
    CHECK(data["host"] == nlohmann::ordered_json({30.0, 41.5}));
    CHECK(data["grown"] == nlohmann::ordered_json({30.0, 43.25}));
    const auto& epochs = data["slots"][0]["epochs"];
    CHECK(epochs[0]["stage"] == "dormant");
    CHECK(epochs[0]["alpha"].is_null());
    for (const char* figure : {"readiness", "readiness_error", "dependence", "dependence_error",
                               "contribution", "contribution_error"}) {
        CHECK(epochs[0][figure].is_null());
    }
    CHECK(epochs[1]["readiness"] == -0.25);
    CHECK(epochs[1]["readiness_error"] == 0.125);
    CHECK(epochs[1]["dependence"] == 12.5);
    CHECK(epochs[1]["dependence_error"] == 1.75);
    CHECK(epochs[1]["alpha"] == 0.5);
    CHECK(epochs[1]["gradient_ratio"] == 0.75);
    CHECK(epochs[1]["contribution"] == 1.5);
    CHECK(epochs[1]["contribution_error"] == 2.25);
    CHECK(epochs[1]["interaction"] == -0.5);
    CHECK(epochs[1]["verdict"] == "G3 refuses");
    CHECK(data["events"][0]["epoch"] == 2);
    CHECK(data["tiles"][1][0] == "7602");
}

// After "<!--<script" a browser takes "</script>" for the end of an inner script only.
TEST_CASE("nothing in the data ends the script that holds it, or hides its end", "[report]") {
    RunReport run = small_run();
    run.title = "<!--<script>";
    run.slots[0].name = "</ScRiPt><b>";
    const std::string text = data_of(report_html(run));
    CHECK(text.find('<') == std::string::npos);
    const auto data = nlohmann::ordered_json::parse(text);
    CHECK(data == to_json(run));
    CHECK(data["events"][0]["text"] == "it germinated </script><script>alert(1)</script>");
}

TEST_CASE("bytes that are no UTF-8 do a report no harm", "[report]") {
    RunReport run = small_run();
    run.title = "run \xFF of \xC3\xA9t\xC3\xA9";
    const auto data = nlohmann::ordered_json::parse(data_of(report_html(run)));
    CHECK(data["title"] == "run \xEF\xBF\xBD of \xC3\xA9t\xC3\xA9");
}

TEST_CASE("a report asks for nothing from outside", "[report]") {
    std::string page = report_html(small_run());
    const std::string space = "http://www.w3.org/2000/svg";  // a name, not an address
    const std::size_t at = page.find(space);
    REQUIRE(at != std::string::npos);
    page.erase(at, space.size());
    for (const char* reference :
         {"http:", "https:", "src=", "@import", "url(", "<link", "fetch("}) {
        INFO(reference);
        CHECK(page.find(reference) == std::string::npos);
    }
}

TEST_CASE("a readiness is shown with its error while the seed trains, once there is one",
          "[report][S-8]") {
    SlotReport slot{.slot = "r0c0", .stage = Stage::training};
    slot.metrics.readiness = judge::Estimate{.value = 0.5, .standard_error = 0.25, .count = 3};
    CHECK(slot_row(slot, {}).readiness_error == 0.25);
    CHECK(slot_epoch(slot, {}, 100).readiness_error == 0.25);
    slot.metrics.readiness = judge::Estimate{.value = 0.5, .count = 2};
    CHECK(slot_row(slot, {}).readiness == 0.5);
    CHECK_FALSE(slot_row(slot, {}).readiness_error.has_value());
    CHECK(slot_epoch(slot, {}, 100).readiness == 0.5);
    CHECK_FALSE(slot_epoch(slot, {}, 100).readiness_error.has_value());
    slot.metrics.readiness = judge::Estimate{.value = 0.5, .standard_error = 0.25, .count = 3};
    slot.stage = Stage::blending;  // keeps what was measured of it before
    CHECK_FALSE(slot_row(slot, {}).readiness_error.has_value());
    CHECK_FALSE(slot_epoch(slot, {}, 100).readiness_error.has_value());
}

TEST_CASE("the error of a dependence is that of a difference of two shares", "[report]") {
    // Var = p (1 - p) / n of either: 0.25 / 100 + 0.16 / 100, in points 100 * sqrt(0.0041).
    CHECK(difference_error(50.0, 80.0, 100) == Approx(6.403124237432849).epsilon(1e-12));
    CHECK(difference_error(100.0, 0.0, 763) == 0.0);
}

}  // namespace
}  // namespace kasmina::examples::report_test
