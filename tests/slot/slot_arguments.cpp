// What slots are told: alpha overrides of a pass, and options of a germination.
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/slot/options.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::slot_arguments_test {
namespace {

TEST_CASE("overrides are found by slot, single or per sample", "[A-8]") {
    const AlphaOverrides overrides =
        AlphaOverrides{}.with("r0c0", 0.5).with("r0c1", std::vector<double>{0.0, 1.0});
    CHECK(overrides.entries().size() == 2);
    REQUIRE(overrides.find("r0c0") != nullptr);
    CHECK(overrides.find("r0c0")->values == std::vector<double>{0.5});
    CHECK_FALSE(overrides.find("r0c0")->per_sample());
    REQUIRE(overrides.find("r0c1") != nullptr);
    CHECK(overrides.find("r0c1")->per_sample());
    CHECK(overrides.find("r0c2") == nullptr);
    CHECK(AlphaOverrides{}.entries().empty());
}

TEST_CASE("only an override of exactly 0 everywhere leaves the seed out", "[A-8]") {
    const AlphaOverrides overrides = AlphaOverrides{}
                                         .with("none", 0.0)
                                         .with("least", std::numeric_limits<double>::denorm_min())
                                         .with("some", std::vector<double>{0.0, 0.5})
                                         .with("no sample", std::vector<double>{0.0, 0.0});
    CHECK(overrides.find("none")->all_zero());
    CHECK_FALSE(overrides.find("least")->all_zero());
    CHECK_FALSE(overrides.find("some")->all_zero());
    CHECK(overrides.find("no sample")->all_zero());
}

TEST_CASE("overrides outside [0, 1], empty or doubled are errors that name the slot", "[A-8]") {
    const std::vector<std::vector<double>> bad{
        {-0.1}, {1.1}, {std::nan("")}, {std::numeric_limits<double>::infinity()}, {0.5, -1.0}, {}};
    for (const std::vector<double>& alphas : bad) {
        const std::string text = test::error_text<OptionError>(
            [&] { const auto overrides = AlphaOverrides{}.with("r0c7", alphas); });
        CHECK(test::mentions(text, "r0c7"));
    }
    CHECK_THROWS_AS(AlphaOverrides{}.with("r0c0", 0.5).with("r0c0", 0.25), OptionError);
    CHECK_NOTHROW(AlphaOverrides{}.with("r0c0", 0.0).with("r0c1", 1.0));
}

TEST_CASE("the defaults of a germination are the specified ones", "[S-1]") {
    const GerminationOptions options;
    CHECK(options.tempo_epochs == 5);
    CHECK(options.alpha_target == 1.0);
    CHECK(options.steepness == 12.0);
    CHECK(options.algorithm == BlendAlgorithm::add);
    CHECK(options.seed_id.empty());
    CHECK(options.incubation == Incubation::feedback);  // I-9
    CHECK_NOTHROW(check_germination_options(options, "slot r0c0"));
    CHECK(SlotOptions{}.embargo_ticks == 5);
    CHECK_FALSE(SlotOptions{}.auto_forward.g1);
    CHECK_FALSE(SlotOptions{}.auto_forward.g2);
    CHECK_FALSE(SlotOptions{}.auto_forward.g3);
}

TEST_CASE("options of a germination are checked, and the error names slot and number", "[S-1]") {
    const double nan = std::nan("");
    const std::vector<std::pair<GerminationOptions, std::string>> bad{
        {{.tempo_epochs = 0}, "0"},
        {{.tempo_epochs = -7}, "-7"},
        {{.alpha_target = 0.0}, "0;"},
        {{.alpha_target = -0.5}, "-0.5"},
        {{.alpha_target = 1.5}, "1.5"},
        {{.alpha_target = nan}, "nan"},
        {{.steepness = 0.05}, "0.05"},
        {{.steepness = nan}, "nan"},
        {{.steepness = std::numeric_limits<double>::infinity()}, "inf"}};
    for (const auto& [options, number] : bad) {
        const std::string text = test::error_text<OptionError>(
            [&given = options] { check_germination_options(given, "slot r0c3"); });
        INFO(text);
        CHECK(test::mentions(text, "slot r0c3"));
        CHECK(test::mentions(text, "got " + number));
    }
}

TEST_CASE("a value outside its enumeration is refused, and the error names the valid ones",
          "[S-1][E-2]") {
    const std::string algorithm = test::error_text<OptionError>([] {
        check_germination_options({.algorithm = static_cast<BlendAlgorithm>(4)}, "slot r0c3");
    });
    CHECK(test::mentions(algorithm, "algorithm"));
    CHECK(test::mentions(algorithm, "add (1), multiply (2), gate (3); got 4"));
    const std::string curve = test::error_text<OptionError>(
        [] { check_germination_options({.curve = static_cast<AlphaCurve>(0)}, "slot r0c3"); });
    CHECK(test::mentions(curve, "linear (1), cosine (2), sigmoid (3); got 0"));
    const std::string incubation = test::error_text<OptionError>(
        [] { check_germination_options({.incubation = static_cast<Incubation>(3)}, "slot r0c3"); });
    CHECK(test::mentions(incubation, "feedback (1), straight_through (2); got 3"));
}

TEST_CASE("options at the edge of their range are accepted", "[S-1][A-1]") {
    CHECK_NOTHROW(check_germination_options({.tempo_epochs = 1}, ""));
    CHECK_NOTHROW(check_germination_options({.alpha_target = 1e-6}, ""));
    CHECK_NOTHROW(check_germination_options({.steepness = 0.1}, ""));
}

}  // namespace
}  // namespace kasmina::slot_arguments_test
