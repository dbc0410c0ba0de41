// What training multiplies, against counts by hand, and a network that is what grew from the start.
#include <string>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/attention.hpp>
#include <kasmina/blueprints/cnn/conv_heavy.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>

#include "comparison.hpp"
#include "from_start.hpp"
#include "host_work.hpp"
#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "work.hpp"

namespace kasmina::examples::work_test {
namespace {

using Cpu = backends::Eigen<float>;
struct Policies : DefaultPolicies {
    using Gates = test::OpenGates;
};
using Model =
    MorphogeneticModel<hosts::Cnn<Cpu>, BlueprintList<cnn::Attention, cnn::ConvHeavy>, Policies>;

constexpr hosts::CnnOptions small{.classes = 10, .base = 8};  // three blocks, 3x32x32

Model make_model(Cpu::Context& context) {
    Generator random(1);
    return Model(context, hosts::Cnn<Cpu>(context, small), {}, random);
}

void to_stage(Model& model, const std::string& slot, Stage stage) {
    for (int i = 0; i < 20 && model.slot(slot).stage() != stage; ++i) {
        if (!model.slot(slot).advance().advanced) model.slot(slot).step_epoch();
    }
    REQUIRE(model.slot(slot).stage() == stage);
}

// By hand: 3x3 windows over 32x32, 16x16 and 8x8 positions, and ten classes of 32 channels.
constexpr double block0 = 9 * 3 * 8 * 1024;
constexpr double block1 = 9 * 8 * 16 * 256;
constexpr double block2 = 9 * 16 * 32 * 64;
constexpr double classifier = 320;
constexpr double host = block0 + block1 + block2 + classifier;
constexpr double heavy = 2 * 9 * 32 * 32 * 16;  // two 3x3 convolutions on the 4x4 map of r1c2

TEST_CASE("a host's work is its products and convolutions, by hand", "[examples]") {
    const HostWork work = work_of(small);
    CHECK(work.total() == host);
    CHECK(work.total() == 811328.0);
    CHECK(work.behind("r0c0") == block1 + block2 + classifier);
    CHECK(work.behind("r1c1") == block2 + classifier);
    CHECK(work.behind("r1c2") == classifier);
    CHECK(work.positions("r0c0") == 1024);
    CHECK(work.positions("r1c0") == 256);
    CHECK(work.positions("r1c2") == 16);
    CHECK_THROWS_AS(work.behind("r2c2"), UnknownNameError);

    const HostWork mlp =
        work_of(hosts::MlpOptions{.inputs = 3, .outputs = 2, .width = 8, .layers = 2});
    CHECK(mlp.total() == 3 * 8 + 8 * 8 + 8 * 2);
    CHECK(mlp.behind("r0c0") == 8 * 8 + 8 * 2);
    CHECK(mlp.behind("r0c1") == 8 * 2);
}

TEST_CASE("an epoch costs the host's step, lessons, seeds and the shadow", "[examples]") {
    Cpu::Context context;
    Model model = make_model(context);
    RunWork work(work_of(small), model, judge::MeasureKind::shadow);
    CHECK(work.of_a_sample() == 3 * host);
    model.slot("r1c2").germinate("conv_heavy");
    to_stage(model, "r1c2", Stage::training);
    // As the last epoch was: it began without a seed.
    CHECK(work.epoch(10, model) == 30 * host);
    // With each fourth step a lesson: the seed's step, and what is behind it forward and one way
    // back.
    CHECK(work.of_a_sample() == 3 * host + (3 * heavy + 2 * classifier) / 4);
    to_stage(model, "r1c2", Stage::blending);
    const double taught = work.epoch(10, model);
    CHECK(taught == 10 * (3 * host + (3 * heavy + 2 * classifier) / 4));
    CHECK(work.of_a_sample() == 3 * (host + heavy) + 3 * host);
    CHECK(RunWork(work_of(small), model, judge::MeasureKind::ablation).of_a_sample() ==
          3 * (host + heavy));
    to_stage(model, "r1c2", Stage::fossilized);
    CHECK(RunWork(work_of(small), model, judge::MeasureKind::shadow).of_a_sample() ==
          3 * (host + heavy));
    CHECK(work.total() == 30 * host + taught);

    // Its matrices are used once an image: 32 to 8 and back.
    model.slot("r0c2").germinate("attention");
    CHECK(work_of_seed(model.slot("r0c2"), 64) == 2 * 32 * 8);
    to_stage(model, "r0c2", Stage::blending);
    CHECK(RunWork(work_of(small), model, judge::MeasureKind::shadow).of_a_sample() ==
          3 * (host + heavy + 512) + 3 * (host + heavy));
}

TEST_CASE("a seed that learns by the host's gradient costs its own step each time", "[examples]") {
    Cpu::Context context;
    Model model = make_model(context);
    model.slot("r1c2").germinate("conv_heavy", {.incubation = Incubation::straight_through});
    to_stage(model, "r1c2", Stage::training);
    CHECK(RunWork(work_of(small), model, judge::MeasureKind::shadow).of_a_sample() ==
          3 * (host + heavy));
}

TEST_CASE("a seed behind the host has lessons in the network and in its shadow", "[examples]") {
    Cpu::Context context;
    Model model = make_model(context);
    model.slot("r0c2").germinate("attention");
    to_stage(model, "r0c2", Stage::blending);
    RunWork work(work_of(small), model, judge::MeasureKind::shadow, 2);
    model.slot("r1c2").germinate("conv_heavy");
    to_stage(model, "r1c2", Stage::training);
    work.look_at(model);
    const double lesson = (3 * heavy + 2 * classifier) / 2;
    CHECK(work.of_a_sample() == 3 * (host + 512) + lesson + 3 * host + lesson);
    CHECK(work.of_shadow_for_a_sample() == 3 * host + lesson);
    work.epoch(10, model);
    CHECK(work.of_shadow() == 10 * (3 * host + lesson));
}

TEST_CASE("a frozen host is run forward, and back as far as its first seed", "[examples]") {
    Cpu::Context context;
    Model model = make_model(context);
    for (const auto& named : model.host_parameters()) named.parameter->set_trainable(false);
    CHECK(RunWork(work_of(small), model, judge::MeasureKind::shadow).of_a_sample() == host);
    model.slot("r1c2").germinate("conv_heavy");
    to_stage(model, "r1c2", Stage::blending);
    // The shadow is the host alone.
    CHECK(RunWork(work_of(small), model, judge::MeasureKind::shadow).of_a_sample() ==
          host + classifier + 3 * heavy + host);
    to_stage(model, "r1c2", Stage::fossilized);
    model.slot("r0c2").germinate("attention");
    to_stage(model, "r0c2", Stage::blending);
    CHECK(RunWork(work_of(small), model, judge::MeasureKind::shadow).of_a_sample() ==
          host + classifier + 3 * (heavy + 512) + host + classifier + 3 * heavy);
}

TEST_CASE("from the start stand the seeds that fossilized, with values drawn anew", "[examples]") {
    Cpu::Context context;
    Model grown = make_model(context);
    grown.slot("r1c2").germinate("conv_heavy");
    to_stage(grown, "r1c2", Stage::fossilized);
    grown.slot("r0c1").germinate("attention");  // on trial: it is no part of it
    for (const auto& named : grown.seed_parameters()) {
        named.parameter->value().fill(context, 7.0F);
    }
    Model start = make_model(context);
    plant_fossils(start, grown);
    CHECK(start.slot("r1c2").stage() == Stage::fossilized);
    CHECK(start.slot("r0c1").stage() == Stage::dormant);

    Model germinated = make_model(context);
    germinated.slot("r1c2").germinate("conv_heavy");
    const auto expected = germinated.seed_parameters();
    const auto planted = start.seed_parameters();
    REQUIRE(planted.size() == expected.size());
    for (std::size_t i = 0; i < planted.size(); ++i) {
        CAPTURE(planted[i].name);
        CHECK(planted[i].name == expected[i].name);
        CHECK(planted[i].parameter->trainable());
        CHECK(planted[i].parameter->value().to_host(context) ==
              expected[i].parameter->value().to_host(context));
    }
}

TEST_CASE("networks are compared in the mean of runs, gains with their standard error",
          "[examples][N-3]") {
    Comparison table({.name = "loss", .falls = true, .point = 0.01}, 2);
    for (const double gain : {0.125, 0.375}) {
        table.add("host alone", 0.5, 100, 2e6);
        table.add("grown", 0.5 - gain, 300, 4e9);
    }
    CHECK(table.gain("grown", "host alone").mean == 0.25);
    CHECK(table.gain("grown", "host alone").error == 0.125);
    CHECK(table.text() ==
          "  host alone      0.50       100 parameters      2.00 M multiplications\n"
          "  grown           0.25       300 parameters      4.00 G multiplications\n");
}

}  // namespace
}  // namespace kasmina::examples::work_test
