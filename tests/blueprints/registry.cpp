// The registry: look-up by name and type, order, composition, and making modules (B-3).
#include <cstddef>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/blueprints/cnn.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina {
namespace {

using B = test::Eigen32;

/// A user's own blueprint.
struct Shifted {
    static constexpr std::string_view name = "shifted";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
    using Needs = kasmina::Needs<capability::Pointwise>;
    struct Options {};
    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index width, const Options& = {}) { return width; }

    template <class Backend>
    struct Module : nn::Visitable<Module<Backend>> {
        Parameter<Backend> shift;
        Module(Index width, const Options&, Generator&)
            : shift(nn::constant_parameter<Backend>({width})) {}
        Variable<Backend> forward(Tape<Backend>& tape, const Variable<Backend>& x) const {
            return ops::add(x, tape.parameter(shift));
        }
        static constexpr auto members() { return std::tuple(nn::Member{"shift", &Module::shift}); }
    };
};

using Extended = CnnBlueprints::with<Shifted>;

static_assert(CnnBlueprints::size == 8);
static_assert(CnnBlueprints::find(Topology::cnn, "conv_light") ==
              CnnBlueprints::index_of<cnn::ConvLight>);
static_assert(CnnBlueprints::contains<cnn::Noop>);
static_assert(!CnnBlueprints::contains<Shifted>);
static_assert(Extended::size == 9);
static_assert(Extended::index_of<Shifted> == 8);

TEST_CASE("an unknown name is an error that lists the available ones", "[B-3]") {
    try {
        static_cast<void>(CnnBlueprints::find(Topology::cnn, "conv_huge"));
        FAIL("found a blueprint that does not exist");
    } catch (const UnknownNameError& error) {
        CHECK(error.expected() ==
              "noop, norm, attention, depthwise, bottleneck, conv_small, conv_light, conv_heavy");
        CHECK(error.got() == "conv_huge");
    }
    CHECK_THROWS_AS(static_cast<void>(CnnBlueprints::find(Topology::transformer, "norm")),
                    UnknownNameError);
}

TEST_CASE("blueprints sort by their parameters at a width", "[B-3]") {
    constexpr auto sorted = CnnBlueprints::by_parameters(64);
    const std::vector<std::string_view> expected{"noop",       "norm",       "attention",
                                                 "conv_small", "bottleneck", "depthwise",
                                                 "conv_light", "conv_heavy"};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(sorted[i].name == expected[i]);
        CHECK(sorted[i].topology == Topology::cnn);
    }
    CHECK(sorted.back().parameters == 73984);
}

TEST_CASE("a user's own blueprint is found, made and run like the library's", "[B-3]") {
    static_assert(BlueprintFor<Shifted, B>);
    Generator generator(1);
    const auto module = Extended::make<B>(Topology::cnn, "shifted", 4, generator);
    CHECK(std::holds_alternative<Shifted::Module<B>>(module));
    CHECK(Extended::names().back() == "shifted");
}

TEST_CASE("made by name, by type or from recorded options, a seed is the same", "[B-3]") {
    Generator one(5);
    Generator two(5);
    Generator three(5);
    const auto by_name = CnnBlueprints::make<B>(Topology::cnn, "conv_light", 6, one, Birth::quiet);
    const auto by_type = CnnBlueprints::make<cnn::ConvLight, B>(6, {.layer_scale = true}, two);
    const CnnBlueprints::AnyOptions options = cnn::ConvLightOptions{.layer_scale = true};
    const auto recorded = CnnBlueprints::make<B>(6, options, three);
    const auto values = [](const CnnBlueprints::Modules<B>& module) {
        return std::get<cnn::ConvLight::Module<B>>(module).conv.weight.value().to_host();
    };
    CHECK(values(by_name) == values(by_type));
    CHECK(values(by_name) == values(recorded));
    CHECK(std::get<cnn::ConvLight::Module<B>>(by_name).scale.has_value());
    CHECK_THROWS_AS(CnnBlueprints::make<B>(Topology::cnn, "conv_light", 0, one), OptionError);
    CHECK_THROWS_AS(CnnBlueprints::make<B>(Topology::cnn, "nothing", 4, one), UnknownNameError);
}

}  // namespace
}  // namespace kasmina
