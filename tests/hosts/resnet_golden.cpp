// The residual host against PyTorch's recorded steps, alone and with a blending seed.
#include <memory>
#include <string>

#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/make_seed.hpp>
#include <kasmina/hosts/resnet.hpp>

#include "hosts/recorded_steps.hpp"
#include "support/backend.hpp"

namespace kasmina::resnet_golden_test {
namespace {

hosts::ResNetOptions options_of(const test::GoldenCase& golden) {
    return {.classes = golden.count("classes"),
            .in_channels = golden.count("in_channels"),
            .base = golden.count("base"),
            .stages = golden.count("stages"),
            .blocks = golden.count("blocks"),
            .norm = golden.option("norm") == "batch" ? hosts::MapNormKind::batch
                                                     : hosts::MapNormKind::group};
}

TEMPLATE_TEST_CASE("five steps of the residual host are PyTorch's, with a seed too",
                   "[N-5][B-7][H-7]", test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    for (const std::string name : {"resnet_batch", "resnet_group", "resnet_with_conv_light"}) {
        INFO(name);
        const test::GoldenCase golden = test::read_golden("steps/" + name);
        typename B::Context context{};
        Generator generator(1);
        hosts::ResNet<B> host(context, options_of(golden));
        std::unique_ptr<SeedModule<B>> seed;
        if (golden.option("seed_blueprint") == "conv_light") {
            seed = make_seed<cnn::ConvLight, B>(context, host.injection_points()[1].channels,
                                                {.layer_scale = false}, generator);
        }
        test::check_recorded_steps(context, host, seed.get(), golden);
    }
}

}  // namespace
}  // namespace kasmina::resnet_golden_test
