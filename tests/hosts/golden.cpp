// The CNN host against PyTorch's recorded numbers, and a training step with a seed in it (B-7).
#include "support/golden.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/blueprints/cnn/conv_heavy.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/cnn/conv_small.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/hosts/cnn.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_module.hpp"

namespace kasmina::golden_test {
namespace {

using Recorded = BlueprintList<cnn::ConvHeavy, cnn::ConvLight, cnn::ConvSmall>;

std::vector<std::int32_t> labels_of(const test::GoldenTensor& recorded) {
    return {recorded.values.begin(), recorded.values.end()};
}

TEMPLATE_TEST_CASE("the CNN host agrees with PyTorch in training and in evaluation",
                   "[H-1][H-6][B-7]", test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    using Scalar = typename B::Scalar;
    for (const std::string name : {"reference", "odd"}) {
        INFO(name);
        const test::GoldenCase golden = test::read_golden("host/" + name);
        typename B::Context context{};
        hosts::Cnn<B> host(context, {.classes = golden.count("classes"),
                                     .base = golden.count("base"),
                                     .blocks = golden.count("blocks"),
                                     .pools = golden.count("pools"),
                                     .height = golden.count("height"),
                                     .width = golden.count("width")});
        CHECK(nn::parameter_count(host) == golden.count("parameters"));
        test::load_golden<B>(context, nn::contents<B>(host), golden);
        Tape<B> tape(context);
        const test::GoldenTensor& images = golden.at("input");

        Pass<B> evaluation(tape, Mode::evaluation);
        const auto input =
            Tensor<B>::from_host(context, test::shape_of(images), images.as<Scalar>());
        const auto evaluated = hosts::forward(host, evaluation, input);
        CHECK(test::agrees(evaluated.to_host(), golden.at("output_eval")));

        tape.clear();
        Pass<B> pass(tape, Mode::training);
        const Variable<B> x = tape.leaf(test::shape_of(images), images.as<Scalar>());
        const Variable<B> logits = host.head(
            pass, host.forward(pass, x, hosts::start_boundary, hosts::end_boundary(host)));
        CHECK(test::agrees(logits.to_host(), golden.at("output")));
        const std::vector<std::int32_t> labels = labels_of(golden.at("labels"));
        const Variable<B> loss = ops::cross_entropy(logits, labels);
        CHECK(test::agrees(loss.to_host(), golden.at("loss")));
        tape.backward(loss);
        CHECK(test::agrees(tape.gradient(x), golden.at("grad_input")));
        test::check_golden_gradients<B>(context, nn::contents<B>(host), golden);
        for (const auto& [state_name, state] : nn::states<B>(host)) {
            INFO(state_name);
            CHECK(test::agrees(test::scalars_of<B>(context, state),
                               golden.at("after." + state_name)));
        }
    }
}

/// What a slot at a boundary does, in the recorded way.
template <class B, class Seed>
Variable<B> grow(Pass<B>& pass, const Seed& seed, const Variable<B>& state,
                 const test::GoldenCase& golden) {
    const bool isolated = golden.option("isolated") == "true";
    const Variable<B> fed = isolated ? pass.detach(state) : state;
    const Variable<B> grown = seed.forward(pass, fed);
    if (golden.option("stage") == "training") return ops::straight_through(state, grown);
    const double alpha = golden.number("alpha");
    if (golden.option("algorithm") == "add") {
        if (!isolated) return ops::blend_add(state, grown, alpha);
        return ops::straight_through(ops::blend_add(fed, grown, alpha), state);
    }
    return ops::blend_multiply(state, grown, fed, alpha);
}

TEMPLATE_TEST_CASE("a step of host and seed together agrees with PyTorch", "[I-1][I-2][B-7]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    using Scalar = typename B::Scalar;
    for (const std::string name :
         {"conv_heavy_blending_isolated", "conv_heavy_blending_coupled", "conv_light_training",
          "conv_small_multiply", "conv_small_multiply_coupled"}) {
        INFO(name);
        const test::GoldenCase golden = test::read_golden("training/" + name);
        typename B::Context context{};
        hosts::Cnn<B> host(context, {.classes = golden.count("classes"),
                                     .base = golden.count("base"),
                                     .height = golden.count("height"),
                                     .width = golden.count("width")});
        const nn::Contents<B> host_contents = nn::contents<B>(host);
        test::load_golden<B>(context, host_contents, golden, "host.");
        const std::size_t slot = hosts::boundary_of(host, golden.option("slot"));
        Generator generator(1);
        // Recorded with loud births; conv_small has no other.
        reflect::Values loud;
        if (golden.option("blueprint") != "conv_small") loud.push_back({"layer_scale", false});
        const auto seed =
            Recorded::make<B>(context, Topology::cnn, golden.option("blueprint"),
                              host.injection_points()[slot - 1].channels, generator, loud);
        test::load_golden<B>(context, seed->contents(), golden, "seed.");
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::training);
        const test::GoldenTensor& images = golden.at("input.0");
        const auto input =
            Tensor<B>::from_host(context, test::shape_of(images), images.as<Scalar>());
        const Variable<B> before =
            host.forward(pass, host.stem(pass, input), hosts::start_boundary, slot);
        const Variable<B> after = grow(pass, *seed, before, golden);
        const Variable<B> logits =
            host.head(pass, host.forward(pass, after, slot, hosts::end_boundary(host)));
        CHECK(test::agrees(logits.to_host(), golden.at("output.0")));
        const std::vector<std::int32_t> labels = labels_of(golden.at("labels.0"));
        tape.backward(ops::cross_entropy(logits, labels));
        test::check_golden_gradients<B>(context, host_contents, golden, "host.");
        test::check_golden_gradients<B>(context, seed->contents(), golden, "seed.");
    }
}

}  // namespace
}  // namespace kasmina::golden_test
