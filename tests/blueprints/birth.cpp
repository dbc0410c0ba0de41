// How seeds start (B-5).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina {
namespace {

using B = test::Eigen64;

constexpr Index width = 16;
const Shape map{4, 5, 3, width};

/// The largest difference of a fresh seed's output from its input, relative to the largest input.
/// `born` is a birth, or recorded options.
template <class Born>
double distance_from_identity(std::string_view name, const Born& born) {
    Generator generator(3);
    B::Context context{};
    const auto seed = CnnBlueprints::make<B>(context, Topology::cnn, name, width, generator, born);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const auto values = testing::normal_values<double>(map.elements(), 9);
    const auto y = seed->forward(pass, pass.constant(map, values)).to_host();
    double difference = 0.0;
    double scale = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        difference = std::max(difference, std::abs(y[i] - values[i]));
        scale = std::max(scale, std::abs(values[i]));
    }
    return difference / scale;
}

/// A branch that a layer scale of 0.1 goes with: its numbers are of the size of the input's.
constexpr double layer_scaled = 0.15;

TEST_CASE("blueprints start as the table says", "[B-5]") {
    CHECK(distance_from_identity("noop", Birth::own) == 0.0);
    CHECK(distance_from_identity("norm", Birth::own) == 0.0);
    CHECK(distance_from_identity("bottleneck", Birth::own) == 0.0);
    CHECK(distance_from_identity("conv_small", Birth::own) < 4e-3);
    CHECK(distance_from_identity("attention", Birth::own) ==
          Approx(1.0 - 0.9525741268).epsilon(1e-8));
    for (const std::string_view name : {"depthwise", "conv_light", "conv_heavy"}) {
        CAPTURE(name);
        CHECK(distance_from_identity(name, Birth::own) > 0.0);
        CHECK(distance_from_identity(name, Birth::own) < layer_scaled);
    }
}

TEST_CASE("a loud birth is an option", "[B-5]") {
    const reflect::Values loud{{"layer_scale", false}};
    for (const std::string_view name : {"depthwise", "conv_light", "conv_heavy"}) {
        CAPTURE(name);
        CHECK(distance_from_identity(name, loud) > 0.1);
    }
}

TEST_CASE("a quiet birth brings every blueprint but attention near the identity", "[B-5]") {
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        const double distance = distance_from_identity(name, Birth::quiet);
        if (name == "attention") {
            CHECK(distance == distance_from_identity(name, Birth::own));
        } else {
            const bool scaled =
                name == "depthwise" || name.starts_with("conv_l") || name.starts_with("conv_h");
            CHECK(distance < (scaled ? layer_scaled : 4e-3));
        }
    }
}

}  // namespace
}  // namespace kasmina
