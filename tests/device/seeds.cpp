// Every blueprint's seed trains on the test device with the bits of the reference backend.
#include <string>

#include <kasmina/backends/xtensor.hpp>
#include <kasmina/blueprints/cnn.hpp>

#include "device/training.hpp"
#include "support/device/device_like.hpp"

namespace kasmina::seeds_test {
namespace {

/// Two steps with a seed of that kind in that stage.
template <class B>
test::Trace trace_of(std::string_view blueprint, BlendAlgorithm algorithm, Stage stage,
                     Incubation incubation = Incubation::feedback) {
    return test::trace_of_seed<B, CnnBlueprints>(2, blueprint, algorithm, stage, incubation);
}

TEST_CASE("every seed trains on a device with the reference's bits, in every stage", "[device]") {
    for (const std::string_view blueprint : CnnBlueprints::names()) {
        for (const Stage stage : {Stage::training, Stage::blending, Stage::holding}) {
            CAPTURE(blueprint, name_of(stage));
            const auto expected =
                trace_of<backends::Xtensor<float>>(blueprint, BlendAlgorithm::add, stage);
            REQUIRE(expected.size() > 100);
            CHECK((trace_of<test::DeviceLike<float>>(blueprint, BlendAlgorithm::add, stage) ==
                   expected));
        }
    }
}

TEST_CASE("a seed that learns by straight-through has the reference's bits on a device",
          "[device][I-2]") {
    constexpr auto incubation = Incubation::straight_through;
    for (const std::string_view blueprint : {"norm", "attention", "conv_light"}) {
        CAPTURE(blueprint);
        const auto expected = trace_of<backends::Xtensor<float>>(blueprint, BlendAlgorithm::add,
                                                                 Stage::training, incubation);
        CHECK((trace_of<test::DeviceLike<float>>(blueprint, BlendAlgorithm::add, Stage::training,
                                                 incubation) == expected));
    }
}

TEST_CASE("every way to blend has the reference's bits on a device", "[device][A-5]") {
    for (const BlendAlgorithm algorithm : {BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
        for (const Stage stage : {Stage::training, Stage::blending, Stage::holding}) {
            CAPTURE(static_cast<int>(algorithm), name_of(stage));
            CHECK((trace_of<test::DeviceLike<float>>("conv_light", algorithm, stage) ==
                   trace_of<backends::Xtensor<float>>("conv_light", algorithm, stage)));
        }
    }
}

}  // namespace
}  // namespace kasmina::seeds_test
