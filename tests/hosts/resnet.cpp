// The residual host's parts: sizes, torchvision's names, boundaries, statistics and slopes.
#include <kasmina/hosts/resnet.hpp>

#include <string>
#include <vector>

#include <kasmina/nn/parameters.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/values.hpp"

namespace kasmina::resnet_test {
namespace {

using B = test::Eigen64;
using Host = hosts::ResNet<B>;
using hosts::MapNormKind;

static_assert(hosts::Host<Host>);
static_assert(Host::topology == Topology::cnn);

TEST_CASE("the residual host has its slots at the ends of its stages", "[N-5][H-3]") {
    B::Context context{};
    const Host host(context, {.base = 4, .stages = 3, .blocks = 2});
    const auto points = host.injection_points();
    REQUIRE(points.size() == 3);
    const std::vector<Index> channels{4, 8, 16};
    for (std::size_t i = 0; i < points.size(); ++i) {
        CHECK(points[i].slot_id == "r0c" + std::to_string(i));
        CHECK(points[i].channels == channels[i]);
        CHECK(points[i].position == static_cast<Index>(i));
        CHECK(points[i].surface == hosts::Surface::segment_end);
    }
    CHECK(points[1].layers == hosts::LayerRange{2, 4});
}

TEST_CASE("the residual host's names are torchvision's", "[N-5][P-6]") {
    B::Context context{};
    Host host(context, {.base = 2, .stages = 2, .blocks = 1});
    const nn::Contents<B> contents = nn::contents<B>(host);
    std::vector<std::string> names;
    for (const auto& named : contents.parameters) names.push_back(named.name);
    CHECK(names == std::vector<std::string>{"conv1.weight",
                                            "bn1.weight",
                                            "bn1.bias",
                                            "layer1.0.conv1.weight",
                                            "layer1.0.bn1.weight",
                                            "layer1.0.bn1.bias",
                                            "layer1.0.conv2.weight",
                                            "layer1.0.bn2.weight",
                                            "layer1.0.bn2.bias",
                                            "layer2.0.conv1.weight",
                                            "layer2.0.bn1.weight",
                                            "layer2.0.bn1.bias",
                                            "layer2.0.conv2.weight",
                                            "layer2.0.bn2.weight",
                                            "layer2.0.bn2.bias",
                                            "layer2.0.downsample.0.weight",
                                            "layer2.0.downsample.1.weight",
                                            "layer2.0.downsample.1.bias",
                                            "fc.weight",
                                            "fc.bias"});
    CHECK(contents.states.size() == 2 * 6);
    CHECK(contents.states.back().name == "layer2.0.downsample.1.running_var");
    Host grouped(context, {.base = 2, .stages = 2, .blocks = 1, .norm = MapNormKind::group});
    CHECK(nn::contents<B>(grouped).parameters.size() == names.size());
    CHECK(nn::contents<B>(grouped).states.empty());
}

TEST_CASE("the residual host's maps halve, rounded up, from stage to stage", "[N-5]") {
    Generator generator(1);
    B::Context context{};
    const Host host(context, {.classes = 7, .in_channels = 1, .base = 3, .stages = 3, .blocks = 1},
                    generator);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::evaluation);
    const auto images = Tensor<B>::full(context, {2, 9, 6, 1}, 0.5);
    auto state = host.stem(pass, images);
    CHECK(state.shape() == Shape{2, 9, 6, 3});
    state = host.forward(pass, state, 0, 1);
    CHECK(state.shape() == Shape{2, 9, 6, 3});
    state = host.forward(pass, state, 1, 2);
    CHECK(state.shape() == Shape{2, 5, 3, 6});
    state = host.forward(pass, state, 2, 3);
    CHECK(state.shape() == Shape{2, 3, 2, 12});
    CHECK(host.head(pass, state).shape() == Shape{2, 7});
    // One pixel stays one.
    const auto dot = Tensor<B>::full(context, {3, 1, 1, 1}, 0.5);
    CHECK(hosts::forward(host, pass, dot).shape() == Shape{3, 7});
}

TEST_CASE("sizes that make no residual host, and images of others, are refused", "[N-5][B-2]") {
    B::Context context{};
    CHECK_THROWS_AS(Host(context, {.classes = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.in_channels = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.base = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.stages = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.stages = 17}), OptionError);
    CHECK_THROWS_AS(Host(context, {.blocks = 0}), OptionError);
    CHECK_THROWS_AS(Host(context, {.norm = MapNormKind{7}}), OptionError);
    const Host host(context, {.base = 2, .stages = 1, .blocks = 1});
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::evaluation);
    const std::string error = test::error_text<ShapeError>([&] {
        static_cast<void>(host.stem(pass, Tensor<B>::full(context, {2, 3, 8, 8}, 0.5)));
    });
    CAPTURE(error);
    CHECK(test::mentions(error, "NCHW"));
    const auto map = pass.constant(Tensor<B>::full(context, {1, 4, 4, 2}, 0.5));
    CHECK_THROWS_AS(host.forward(pass, map, 1, 0), OptionError);
    CHECK_THROWS_AS(host.forward(pass, map, 0, 2), UnknownNameError);
}

TEST_CASE("evaluation leaves the residual host's statistics, and training moves them",
          "[N-5][H-6]") {
    Generator generator(3);
    B::Context context{};
    Host host(context, {.base = 3, .stages = 2, .blocks = 1}, generator);
    const auto images =
        Tensor<B>::from_host(context, {2, 6, 5, 3}, testing::normal_values<double>(180, 5));
    const auto statistics = [&] { return test::state_values<B>(context, nn::states<B>(host)); };
    const auto before = statistics();
    Tape<B> tape(context);
    Pass<B> evaluation(tape, Mode::evaluation);
    static_cast<void>(hosts::forward(host, evaluation, images));
    CHECK(statistics() == before);
    Pass<B> training(tape, Mode::training);
    static_cast<void>(hosts::forward(host, training, images));
    CHECK(statistics() != before);
}

TEST_CASE("the residual host's gradient is its slope, with either norm", "[N-5][P-1]") {
    for (const MapNormKind norm : reflect::Enumerators<MapNormKind>::all) {
        for (const Mode mode : {Mode::training, Mode::evaluation}) {
            CAPTURE(name_of(norm), static_cast<int>(mode));
            Generator generator(4);
            B::Context context{};
            const Host host(context,
                            {.classes = 2, .base = 3, .stages = 2, .blocks = 1, .norm = norm},
                            generator);
            const double error =
                testing::gradient_error<B>({Shape{2, 5, 4, 3}}, [&](Tape<B>& tape, const auto& x) {
                    Pass<B> pass(tape, mode);
                    return host.head(pass, host.forward(pass, x[0], 0, 2));
                });
            CHECK(error < 1e-5);
        }
    }
}

}  // namespace
}  // namespace kasmina::resnet_test
