// Every CNN blueprint, the gate network and the blends against PyTorch's recorded numbers (B-7).
#include "support/golden.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/nn/gate_network.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_module.hpp"

namespace kasmina::golden_test {
namespace {

std::vector<std::string> cases_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(KASMINA_GOLDEN_DIR) + "/" + folder)) {
        names.push_back(folder + "/" + entry.path().stem().string());
    }
    return names;
}

/// Runs forward and backward of a module with the recorded input and upstream gradient.
template <class B, class Module>
void check_module(typename B::Context& context, const Module& module,
                  const nn::Contents<B>& contents, const test::GoldenCase& golden) {
    using Scalar = typename B::Scalar;
    test::load_golden<B>(context, contents, golden);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const test::GoldenTensor& input = golden.at("input");
    const Variable<B> x = tape.leaf(test::shape_of(input), input.as<Scalar>());
    const Variable<B> y = module.forward(pass, x);
    CAPTURE(test::relative_error(y.to_host(), golden.at("output")));
    CHECK(test::agrees(y.to_host(), golden.at("output")));
    tape.backward(y, golden.at("grad_output").as<Scalar>());
    CAPTURE(test::relative_error(tape.gradient(x), golden.at("grad_input")));
    CHECK(test::agrees(tape.gradient(x), golden.at("grad_input")));
    test::check_golden_gradients<B>(context, contents, golden);
}

/// The numbers were recorded without a layer scale but for conv_small's.
template <class B>
std::unique_ptr<SeedModule<B>> make_recorded(typename B::Context& context,
                                             const test::GoldenCase& golden, Generator& generator) {
    const std::string& name = golden.option("blueprint");
    const Index width = golden.count("channels");
    if (name == "depthwise" || name == "conv_light" || name == "conv_heavy") {
        const reflect::Values loud{{"layer_scale", false}};
        return CnnBlueprints::make<B>(context, Topology::cnn, name, width, generator, loud);
    }
    return CnnBlueprints::make<B>(context, Topology::cnn, name, width, generator);
}

TEMPLATE_TEST_CASE("every CNN blueprint agrees with PyTorch, forward and backward", "[B-7]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    const auto names = cases_in("blueprint");
    REQUIRE(names.size() >= 7 * 8);
    for (const std::string& name : names) {
        INFO(name);
        const test::GoldenCase golden = test::read_golden(name);
        Generator generator(1);
        typename B::Context context{};
        const auto seed = make_recorded<B>(context, golden, generator);
        check_module<B>(context, *seed, seed->contents(), golden);
    }
}

TEMPLATE_TEST_CASE("the gate network agrees with PyTorch", "[A-6]", test::Eigen32, test::Eigen64,
                   test::Oracle, test::Device64) {
    using B = TestType;
    for (const std::string& name : cases_in("gate_network")) {
        INFO(name);
        const test::GoldenCase golden = test::read_golden(name);
        Generator generator(1);
        typename B::Context context{};
        nn::GateNetwork<B> gate(context, Topology::cnn, golden.count("channels"), generator);
        check_module<B>(context, gate, nn::contents<B>(gate), golden);
    }
}

template <class B>
Variable<B> blend(const test::GoldenCase& golden, const std::vector<Variable<B>>& inputs) {
    using Scalar = typename B::Scalar;
    const std::vector<Scalar> alphas = golden.at("alpha").as<Scalar>();
    const std::span<const Scalar> per_sample(alphas);
    const bool scalar = golden.option("alphas") == "scalar";
    const double alpha = static_cast<double>(alphas[0]);
    const auto& h = inputs[0];
    const auto& s = inputs[1];
    if (golden.option("algorithm") == "add") {
        return scalar ? ops::blend_add(h, s, alpha) : ops::blend_add(h, s, per_sample);
    }
    if (golden.option("algorithm") == "multiply") {
        return scalar ? ops::blend_multiply(h, s, inputs[2], alpha)
                      : ops::blend_multiply(h, s, inputs[2], per_sample);
    }
    return scalar ? ops::blend_gate(h, s, inputs[2], alpha)
                  : ops::blend_gate(h, s, inputs[2], per_sample);
}

TEMPLATE_TEST_CASE("every blend agrees with PyTorch, scalar and per sample", "[A-5][A-7]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    using Scalar = typename B::Scalar;
    for (const std::string& name : cases_in("blend")) {
        INFO(name);
        const test::GoldenCase golden = test::read_golden(name);
        typename B::Context context{};
        Tape<B> tape(context);
        std::vector<std::string> inputs{"host", "seed"};
        if (golden.contains("fed")) inputs.push_back("fed");
        if (golden.contains("gate")) inputs.push_back("gate");
        std::vector<Variable<B>> leaves;
        for (const std::string& input : inputs) {
            const test::GoldenTensor& recorded = golden.at(input);
            const Shape shape = input == "gate"
                                    ? Shape{static_cast<Index>(recorded.shape[0]), 1, 1, 1}
                                    : test::shape_of(recorded);
            leaves.push_back(tape.leaf(shape, recorded.as<Scalar>()));
        }
        const Variable<B> y = blend(golden, leaves);
        CHECK(test::agrees(y.to_host(), golden.at("output")));
        tape.backward(y, golden.at("grad_output").as<Scalar>());
        for (std::size_t i = 0; i < leaves.size(); ++i) {
            INFO(inputs[i]);
            CHECK(test::agrees(tape.gradient(leaves[i]), golden.at("grad_" + inputs[i])));
        }
    }
}

}  // namespace
}  // namespace kasmina::golden_test
