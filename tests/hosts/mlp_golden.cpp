// The MLP host against PyTorch's recorded steps, alone and with a blending seed.
#include <memory>
#include <string>

#include <kasmina/blueprints/features/mlp.hpp>
#include <kasmina/blueprints/make_seed.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/reflect/enumerators.hpp>

#include "hosts/recorded_steps.hpp"
#include "support/backend.hpp"

namespace kasmina::mlp_golden_test {
namespace {

hosts::MlpOptions options_of(const test::GoldenCase& golden) {
    hosts::MlpOptions options{.inputs = golden.count("inputs"),
                              .outputs = golden.count("outputs"),
                              .width = golden.count("width"),
                              .layers = golden.count("layers")};
    for (const auto activation : reflect::Enumerators<hosts::Activation>::all) {
        if (name_of(activation) == golden.option("activation")) options.activation = activation;
    }
    REQUIRE(name_of(options.activation) == golden.option("activation"));
    return options;
}

TEMPLATE_TEST_CASE("five steps of the MLP host are PyTorch's, with a seed too", "[N-4][B-7][H-7]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    for (const std::string name :
         {"mlp_relu", "mlp_gelu", "mlp_silu", "mlp_tanh", "mlp_with_mlp_small"}) {
        INFO(name);
        const test::GoldenCase golden = test::read_golden("steps/" + name);
        typename B::Context context{};
        Generator generator(1);
        hosts::Mlp<B> host(context, options_of(golden));
        std::unique_ptr<SeedModule<B>> seed;
        if (golden.option("seed_blueprint") == "mlp_small") {
            seed = make_seed<features::MlpSmall, B>(context, golden.count("width"), {}, generator);
        }
        test::check_recorded_steps(context, host, seed.get(), golden);
    }
}

}  // namespace
}  // namespace kasmina::mlp_golden_test
