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

namespace kasmina::birth_test {
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

/// Those whose branch ends in a ReLU behind a normalisation, where nothing can start at 0.
constexpr auto layer_scaled = {"depthwise", "conv_light", "conv_heavy"};

TEST_CASE("blueprints start as the table says", "[B-5]") {
    CHECK(distance_from_identity("noop", Birth::own) == 0.0);
    CHECK(distance_from_identity("norm", Birth::own) == 0.0);
    CHECK(distance_from_identity("bottleneck", Birth::own) == 0.0);
    CHECK(distance_from_identity("conv_small", Birth::own) < 4e-3);
    CHECK(distance_from_identity("attention", Birth::own) ==
          Approx(1.0 - 0.9525741268).epsilon(1e-8));
}

TEST_CASE("a layer scale of 0.1 makes a loud birth quiet, and the loud one is an option", "[B-5]") {
    const reflect::Values loud{{"layer_scale", false}};
    for (const std::string_view name : layer_scaled) {
        CAPTURE(name);
        const double distance = distance_from_identity(name, loud);
        CHECK(distance > 0.1);
        // Both births draw the same branch.
        CHECK(distance_from_identity(name, Birth::own) == Approx(0.1 * distance).epsilon(1e-9));
    }
}

TEST_CASE("a quiet birth brings every blueprint but attention near the identity", "[B-5]") {
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        const double distance = distance_from_identity(name, Birth::quiet);
        // The births of those with a layer scale are told above.
        if (name == "attention" || std::ranges::count(layer_scaled, name) == 1) {
            CHECK(distance == distance_from_identity(name, Birth::own));
        } else {
            CHECK(distance < 4e-3);
        }
    }
}

}  // namespace
}  // namespace kasmina::birth_test
