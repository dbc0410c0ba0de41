// The blueprints for rows of features: exact counts, births, options, and PyTorch's numbers.
#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/blueprints/features.hpp>
#include <kasmina/nn/gate_network.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/golden_module.hpp"

namespace kasmina::features_test {
namespace {

using B = test::Eigen64;

static_assert(features::Norm::parameter_count(64) == 129);
static_assert(features::Lora::parameter_count(64) == 1024);
static_assert(features::MlpSmall::parameter_count(64) == 16576);
static_assert(features::Mlp::parameter_count(64) == 33088);
static_assert(FeaturesBlueprints::size == 5);
static_assert(state_rank(Topology::features) == 2);
static_assert(stays_isolated_in_blending(Topology::features));

template <class Blueprint>
void check_count(Index width, const typename Blueprint::Options& options = {}) {
    Generator generator(1);
    B::Context context{};
    const auto seed = make_seed<Blueprint, B>(context, width, options, generator);
    CAPTURE(Blueprint::name, width);
    CHECK(nn::parameter_count(seed->module()) == Blueprint::parameter_count(width, options));
}

TEST_CASE("a module for rows has exactly as many parameters as its blueprint says", "[N-4][B-1]") {
    for (const Index width : {1, 3, 13}) {
        check_count<features::Noop>(width);
        check_count<features::Norm>(width);
        check_count<features::Lora>(width);
        check_count<features::Lora>(width, {.rank = 3, .zero_init_final_layer = false});
        check_count<features::MlpSmall>(width);
        check_count<features::Mlp>(width, {.expansion = 1, .checkpointing = true});
    }
}

TEST_CASE("what no row blueprint takes is refused with its numbers", "[N-4][B-2]") {
    Generator generator(1);
    B::Context context{};
    const auto refused = [&]<class Blueprint>(std::type_identity<Blueprint>, Index width,
                                              const typename Blueprint::Options& options) {
        CHECK_THROWS_AS((make_seed<Blueprint, B>(context, width, options, generator)), OptionError);
    };
    refused(std::type_identity<features::Noop>{}, 0, {});
    refused(std::type_identity<features::Norm>{}, 0, {});
    refused(std::type_identity<features::Lora>{}, 0, {});
    refused(std::type_identity<features::Lora>{}, 8, {.rank = 0});
    refused(std::type_identity<features::Lora>{}, 8, {.rank = Index{1} << 40});
    refused(std::type_identity<features::Mlp>{}, 8, {.expansion = 0});
    try {
        features::Mlp::check(8, {.expansion = 2000});
        FAIL("an expansion out of range was taken");
    } catch (const OptionError& error) {
        CHECK(error.where() == "blueprint mlp");
        CHECK(error.expected() == "expansion of 1 ... 1024");
        CHECK(error.got() == "2000");
    }
}

/// The largest difference of a fresh seed's output from its input.
template <class Born>
double distance_from_identity(std::string_view name, const Born& born) {
    Generator generator(3);
    B::Context context{};
    const auto seed =
        FeaturesBlueprints::make<B>(context, Topology::features, name, 16, generator, born);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const auto values = testing::normal_values<double>(5 * 16, 9);
    const auto y = seed->forward(pass, pass.constant({5, 16}, values)).to_host();
    double difference = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        difference = std::max(difference, std::abs(y[i] - values[i]));
    }
    return difference;
}

TEST_CASE("every row blueprint is born as the identity, and a loud birth is an option",
          "[N-4][B-5]") {
    for (const std::string_view name : FeaturesBlueprints::names()) {
        CAPTURE(name);
        CHECK(distance_from_identity(name, Birth::own) == 0.0);
        CHECK(distance_from_identity(name, Birth::quiet) == 0.0);
    }
    CHECK(distance_from_identity("lora", reflect::Values{{"rank", std::int64_t{8}},
                                                         {"zero_init_final_layer", false}}) > 0.1);
    CHECK(distance_from_identity("mlp", reflect::Values{{"expansion", std::int64_t{4}},
                                                        {"checkpointing", false},
                                                        {"zero_init_final_layer", false}}) > 0.1);
}

TEST_CASE("a name is looked up among those for the host's kind", "[N-4][B-3]") {
    try {
        static_cast<void>(FeaturesBlueprints::find(Topology::features, "conv_light"));
        FAIL("found a blueprint for maps");
    } catch (const UnknownNameError& error) {
        CHECK(error.expected() == "noop, norm, lora, mlp_small, mlp");
        CHECK(test::mentions(error.what(), "features host"));
    }
    CHECK_THROWS_AS(static_cast<void>(FeaturesBlueprints::find(Topology::cnn, "norm")),
                    UnknownNameError);
}

std::vector<std::string> cases_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(KASMINA_GOLDEN_DIR) + "/" + folder)) {
        names.push_back(folder + "/" + entry.path().stem().string());
    }
    return names;
}

TEMPLATE_TEST_CASE("every row blueprint agrees with PyTorch, forward and backward", "[N-4][B-7]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using Backend = TestType;
    using Scalar = typename Backend::Scalar;
    const auto names = cases_in("features");
    REQUIRE(names.size() == 4 * 5);
    for (const std::string& name : names) {
        INFO(name);
        const test::GoldenCase golden = test::read_golden(name);
        Generator generator(1);
        typename Backend::Context context{};
        const auto seed = FeaturesBlueprints::make<Backend>(context, Topology::features,
                                                            golden.option("blueprint"),
                                                            golden.count("width"), generator);
        CHECK(seed->parameter_count() == golden.count("parameters"));
        test::load_golden<Backend>(context, seed->contents(), golden);
        Tape<Backend> tape(context);
        Pass<Backend> pass(tape, Mode::training);
        const test::GoldenTensor& input = golden.at("input");
        const auto x = tape.leaf(test::shape_of(input), input.as<Scalar>());
        const auto y = seed->forward(pass, x);
        CHECK(test::agrees(y.to_host(), golden.at("output")));
        tape.backward(y, golden.at("grad_output").as<Scalar>());
        CAPTURE(test::relative_error(tape.gradient(x), golden.at("grad_input")));
        CHECK(test::agrees(tape.gradient(x), golden.at("grad_input")));
        test::check_golden_gradients<Backend>(context, seed->contents(), golden);
    }
}

/// Output and gradients of a step with an mlp seed, which is gone before the way back.
std::vector<std::vector<double>> step_of_one_that_goes(bool checkpointing) {
    Generator generator(4);
    B::Context context{};
    auto seed = make_seed<features::Mlp, B>(
        context, 5, {.checkpointing = checkpointing, .zero_init_final_layer = false}, generator);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const auto x = tape.leaf({3, 5}, testing::normal_values<double>(15, 2));
    const auto y = seed->forward(pass, x);
    std::vector<std::shared_ptr<ParameterState<B>>> kept;
    for (const auto& named : seed->contents().parameters) kept.push_back(named.parameter->state());
    seed.reset();
    tape.backward(y, testing::normal_values<double>(15, 6));
    std::vector<std::vector<double>> results{y.to_host(), tape.gradient(x)};
    for (const auto& state : kept) results.push_back(state->gradient.dense().to_host(context));
    return results;
}

TEST_CASE("checkpointing changes no bit, also when the seed goes before backward",
          "[N-4][P-5][E-4]") {
    CHECK(step_of_one_that_goes(true) == step_of_one_that_goes(false));
}

TEST_CASE("a gate on rows is the gate on maps of one pixel", "[N-4][A-6]") {
    B::Context context{};
    Generator one(7);
    Generator two(7);
    const nn::GateNetwork<B> on_rows(context, Topology::features, 6, one);
    const nn::GateNetwork<B> on_maps(context, Topology::cnn, 6, two);
    const auto values = testing::normal_values<double>(24, 3);
    const auto run = [&](const nn::GateNetwork<B>& gate, const Shape& shape) {
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::training);
        const auto x = tape.leaf(shape, values);
        const auto y = gate.forward(pass, x);
        CHECK(y.shape().rank() == shape.rank());
        tape.backward(y, std::vector<double>{1.0, -2.0, 0.5, 3.0});
        return std::pair(y.to_host(), tape.gradient(x));
    };
    CHECK(run(on_rows, {4, 6}) == run(on_maps, {4, 1, 1, 6}));
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const auto map = tape.leaf({4, 1, 1, 6}, values);
    CHECK_THROWS_AS(on_rows.forward(pass, map), ShapeError);
}

}  // namespace
}  // namespace kasmina::features_test
