// The growth of a run in a checkpoint, as it is written and as it was written before.
#include <string>
#include <vector>

#include <kasmina/checkpoint/record/read.hpp>
#include <kasmina/checkpoint/record/write.hpp>

#include "growth.hpp"
#include "support/catch.hpp"

namespace kasmina::examples::growth_state_test {
namespace {

namespace record = checkpoint::record;

[[nodiscard]] GrowthState read(const record::Json& json) {
    record::NoTensors none;
    GrowthState state;
    record::read(json, state, record::Place("growth", "growth"), none, false);
    return state;
}

TEST_CASE("growth of the first schema is read, and has no errors of readiness", "[examples][C-4]") {
    const GrowthState state = read(record::Json::parse(
        R"({"schema":1,"germinated":1,"fossilized":2,"pruned":3,"paths":[["dormant","germinated"]],)"
        R"("contributions":[],"accuracies":[40.0],"histories":[{"name":"r0c0","epochs":[)"
        R"({"stage":"training","alpha":0.25,"gradient_ratio":"infinity","readiness":0.5,)"
        R"("dependence":2.5,"dependence_error":0.75,"contribution":1.5,"contribution_error":null,)"
        R"("interaction":3.5,"verdict":"v"}]}],"events":[{"epoch":1,"slot":"r0c0","text":"t"}],)"
        R"("path_of":{"r0c0":0}})"));
    CHECK(state.germinated == 1);
    CHECK(state.fossilized == 2);
    CHECK(state.pruned == 3);
    REQUIRE(state.paths.size() == 1);
    CHECK(state.paths[0].size() == 2);
    CHECK(state.accuracies == std::vector{40.0});
    REQUIRE(state.events.size() == 1);
    CHECK(state.events[0].text == "t");
    CHECK(state.path_of.at("r0c0") == 0);
    REQUIRE(state.histories.size() == 1);
    CHECK(state.histories[0].name == "r0c0");
    REQUIRE(state.histories[0].epochs.size() == 1);
    const SlotEpoch& epoch = state.histories[0].epochs[0];
    CHECK(epoch.stage == "training");
    CHECK(epoch.alpha == 0.25);
    CHECK(epoch.readiness == 0.5);
    CHECK_FALSE(epoch.readiness_error.has_value());
    CHECK(epoch.dependence == 2.5);
    CHECK(epoch.dependence_error == 0.75);
    CHECK(epoch.contribution == 1.5);
    CHECK_FALSE(epoch.contribution_error.has_value());
    CHECK(epoch.interaction == 3.5);
    CHECK(epoch.verdict == "v");
}

TEST_CASE("growth is read as it was written, errors of readiness too", "[examples][C-4]") {
    GrowthState state;
    state.histories.push_back(
        {.name = "r0c0", .epochs = {{.readiness = 0.5, .readiness_error = 0.25}}});
    record::NoTensors none;
    const GrowthState again = read(record::write(state, record::Place("growth", "growth"), none));
    REQUIRE(again.histories.size() == 1);
    REQUIRE(again.histories[0].epochs.size() == 1);
    CHECK(again.histories[0].epochs[0].readiness_error == 0.25);
}

}  // namespace
}  // namespace kasmina::examples::growth_state_test
