// How seeds start (B-5), and that none is born dead (B-8).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/nn/gate_network.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/gradient_check.hpp"

namespace kasmina {
namespace {

using B = test::Eigen64;

constexpr Index width = 16;
const Shape map{4, 5, 3, width};

/// The largest difference of a fresh seed's output from its input, relative to the largest input.
double distance_from_identity(std::string_view name, Birth birth) {
    Generator generator(3);
    auto seed = CnnBlueprints::make<B>(Topology::cnn, name, width, generator, birth);
    B::Context context{};
    Tape<B> tape(context);
    const auto values = test::normal_values<double>(map.elements(), 9);
    const auto y = std::visit(
        [&](auto& module) { return module.forward(tape, tape.constant(map, values)).to_host(); },
        seed);
    double difference = 0.0;
    double scale = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        difference = std::max(difference, std::abs(y[i] - values[i]));
        scale = std::max(scale, std::abs(values[i]));
    }
    return difference / scale;
}

TEST_CASE("blueprints start as the table says", "[B-5]") {
    CHECK(distance_from_identity("noop", Birth::own) == 0.0);
    CHECK(distance_from_identity("norm", Birth::own) == 0.0);
    CHECK(distance_from_identity("bottleneck", Birth::own) == 0.0);
    CHECK(distance_from_identity("conv_small", Birth::own) < 4e-3);
    CHECK(distance_from_identity("attention", Birth::own) ==
          Approx(1.0 - 0.9525741268).epsilon(1e-8));
    CHECK(distance_from_identity("conv_light", Birth::own) > 0.1);
}

TEST_CASE("a quiet birth brings every blueprint but attention near the identity", "[B-5]") {
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        const double distance = distance_from_identity(name, Birth::quiet);
        if (name == "attention") {
            CHECK(distance == distance_from_identity(name, Birth::own));
        } else {
            CHECK(distance < 4e-3);
        }
    }
}

/// Names of the parameters of a seed and its gate that had no gradient within two steps.
std::set<std::string> dead_parameters(std::string_view name, std::string_view algorithm,
                                      Birth birth) {
    Generator generator(3);
    auto seed = CnnBlueprints::make<B>(Topology::cnn, name, width, generator, birth);
    nn::GateNetwork<B> gate(Topology::cnn, width, generator);
    B::Context context{};
    Tape<B> tape(context);
    const auto values = test::normal_values<double>(map.elements(), 9);
    const auto wishes = test::normal_values<double>(map.elements(), 10);
    std::set<std::string> dead;
    const auto step = [&](auto& module) {
        tape.clear();
        nn::zero_gradients(module);
        const auto x = tape.constant(map, values);
        const auto y = module.forward(tape, x);
        const auto blended = algorithm == "add" ? ops::blend_add(x, y, 0.2)
                             : algorithm == "multiply"
                                 ? ops::blend_multiply(x, y, x, 0.2)
                                 : ops::blend_gate(x, y, gate.forward(tape, x), 0.2);
        const auto error = ops::subtract(blended, tape.constant(map, wishes));
        const auto loss = ops::mean(ops::multiply(error, error));
        if (!loss.requires_gradient()) return;  // noop has nothing to learn
        tape.backward(loss);
        for (const auto& named : nn::parameters<B>(module)) {
            if (!named.parameter->has_gradient()) continue;
            const auto gradient = named.parameter->gradient().to_host();
            auto moved = named.parameter->value().to_host();
            const bool alive =
                std::any_of(gradient.begin(), gradient.end(), [](double g) { return g != 0.0; });
            if (alive) dead.erase(named.name);
            for (std::size_t i = 0; i < moved.size(); ++i) moved[i] -= 0.05 * gradient[i];
            named.parameter->value().assign(moved);
        }
    };
    std::visit(
        [&](auto& module) {
            for (const auto& named : nn::parameters<B>(module)) dead.insert(named.name);
            step(module);
            step(module);
        },
        seed);
    return dead;
}

TEST_CASE("no seed is born dead: every parameter gets a gradient within two steps", "[B-8]") {
    for (const std::string_view name : CnnBlueprints::names()) {
        for (const std::string_view algorithm : {"add", "multiply", "gate"}) {
            for (const Birth birth : {Birth::own, Birth::quiet}) {
                CAPTURE(name, algorithm, birth == Birth::quiet);
                CHECK(dead_parameters(name, algorithm, birth) == std::set<std::string>{});
            }
        }
    }
}

}  // namespace
}  // namespace kasmina
