// The registry: look-up by name and type, order, composition, and making modules (B-3).
#include <concepts>
#include <cstddef>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/blueprints/cnn.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/values.hpp"

namespace kasmina::registry_test {
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
        Module(typename Backend::Context& context, Index width, const Options&, Generator&)
            : shift(nn::constant_parameter<Backend>(context, {width})) {}
        Variable<Backend> forward(Pass<Backend>& pass, const Variable<Backend>& x) const {
            return ops::add(x, pass.parameter(shift));
        }
        static constexpr auto members() { return nn::members(nn::Member{"shift", &Module::shift}); }
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

TEST_CASE("whether a blueprint fits a width is found by its name", "[B-2][B-3]") {
    CHECK_NOTHROW(CnnBlueprints::check(Topology::cnn, "conv_light", 3));
    CHECK_THROWS_AS(CnnBlueprints::check(Topology::cnn, "conv_light", 0), OptionError);
    CHECK_THROWS_AS(CnnBlueprints::check(Topology::cnn, "conv_lite", 3), UnknownNameError);
    CHECK_THROWS_AS(CnnBlueprints::check(Topology::transformer, "norm", 3), UnknownNameError);
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
    CHECK(sorted.back().parameters == 73984 + 64);
}

TEST_CASE("a user's own blueprint is found, made and run like the library's", "[B-3]") {
    static_assert(BlueprintFor<Shifted, B>);
    Generator generator(1);
    B::Context context{};
    const auto seed = Extended::make<B>(context, Topology::cnn, "shifted", 4, generator);
    CHECK(seed_as<Shifted>(*seed) != nullptr);
    CHECK(seed->blueprint() == "shifted");
    CHECK(seed->topology() == Topology::cnn);
    CHECK(seed->width() == 4);
    CHECK(Extended::names().back() == "shifted");
}

TEST_CASE("made by name, by type or from recorded options, a seed is the same", "[B-3][C-8]") {
    B::Context context{};
    Generator one(5);
    Generator two(5);
    Generator three(5);
    const auto by_name =
        CnnBlueprints::make<B>(context, Topology::cnn, "conv_light", 6, one, Birth::quiet);
    const auto by_type = make_seed<cnn::ConvLight, B>(context, 6, {.layer_scale = true}, two);
    const reflect::Values options = CnnBlueprints::option_values<B>(*by_type);
    CHECK(options == reflect::Values{{"layer_scale", true}});
    CHECK(CnnBlueprints::option_values<B>(*by_name) == options);
    const auto recorded =
        CnnBlueprints::make<B>(context, Topology::cnn, "conv_light", 6, three, options);
    const auto values = [&context](const SeedModule<B>& seed) {
        return test::parameter_values<B>(context, seed.contents().parameters);
    };
    CHECK(values(*by_name) == values(*by_type));
    CHECK(values(*by_name) == values(*recorded));
    CHECK(seed_as<cnn::ConvLight>(*by_name)->module().scale.has_value());
    CHECK(by_type->options().layer_scale);
    const auto loud = make_seed<cnn::ConvLight, B>(context, 6, {.layer_scale = false}, two);
    const auto again = CnnBlueprints::make<B>(context, Topology::cnn, "conv_light", 6, three,
                                              CnnBlueprints::option_values<B>(*loud));
    CHECK(values(*again) == values(*loud));
    CHECK_FALSE(seed_as<cnn::ConvLight>(*again)->module().scale.has_value());

    CHECK_THROWS_AS(CnnBlueprints::make<B>(context, Topology::cnn, "conv_light", 0, one),
                    OptionError);
    CHECK_THROWS_AS(CnnBlueprints::make<B>(context, Topology::cnn, "nothing", 4, one),
                    UnknownNameError);
    CHECK_THROWS_AS(CnnBlueprints::make<B>(context, Topology::cnn, "conv_light", 4, one,
                                           reflect::Values{{"layers", true}}),
                    OptionError);
}

/// Two blueprints with one module between them: they differ in what they promise at birth.
struct LoudShift : Shifted {
    static constexpr std::string_view name = "loud_shift";
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
};

TEST_CASE("two blueprints may share one module, and their seeds are told apart", "[B-1]") {
    using Both = CnnBlueprints::with<Shifted, LoudShift>;
    static_assert(std::same_as<Shifted::Module<B>, LoudShift::Module<B>>);
    B::Context context{};
    Generator generator(1);
    const auto quiet = Both::make<B>(context, Topology::cnn, "shifted", 4, generator);
    const auto loud = Both::make<B>(context, Topology::cnn, "loud_shift", 4, generator);
    CHECK(quiet->blueprint() == "shifted");
    CHECK(loud->blueprint() == "loud_shift");
    CHECK(seed_as<Shifted>(*quiet) != nullptr);
    CHECK(seed_as<LoudShift>(*quiet) == nullptr);
    CHECK(seed_as<LoudShift>(*loud) != nullptr);
    CHECK(seed_as<Shifted>(*loud) == nullptr);
    CHECK(loud->parameter_count() == 4);
    CHECK(Both::option_values<B>(*loud).empty());
    CHECK_THROWS_AS(CnnBlueprints::option_values<B>(*loud), UnknownNameError);
}

/// Says one number of parameters and holds another.
struct Miscounted : Shifted {
    static constexpr std::string_view name = "miscounted";
    static constexpr Index parameter_count(Index width, const Options& = {}) { return width + 1; }
};

/// Two members of one name.
struct Twins : Shifted {
    static constexpr std::string_view name = "twins";
    static constexpr Index parameter_count(Index width, const Options& = {}) { return 2 * width; }

    template <class Backend>
    struct Module : nn::Visitable<Module<Backend>> {
        Parameter<Backend> first;
        Parameter<Backend> second;
        Module(typename Backend::Context& context, Index width, const Options&, Generator&)
            : first(nn::constant_parameter<Backend>(context, {width})),
              second(nn::constant_parameter<Backend>(context, {width})) {}
        Variable<Backend> forward(Pass<Backend>&, const Variable<Backend>& x) const { return x; }
        static constexpr auto members() {
            return nn::members(nn::Member{"shift", &Module::first},
                               nn::Member{"shift", &Module::second});
        }
    };
};

TEST_CASE("a seed that does not hold what its blueprint says is refused", "[B-1][P-6]") {
    B::Context context{};
    Generator generator(1);
    try {
        static_cast<void>(make_seed<Miscounted, B>(context, 4, {}, generator));
        FAIL("a miscounted seed was made");
    } catch (const ShapeError& error) {
        CHECK(error.where() == "blueprint miscounted");
        CHECK(error.expected() == "5, as its parameter_count says");
        CHECK(error.got() == "4 in the seed's module");
    }
    try {
        static_cast<void>(make_seed<Twins, B>(context, 4, {}, generator));
        FAIL("a seed with two tensors of one name was made");
    } catch (const DuplicateNameError& error) {
        CHECK(error.where() == "blueprint twins");
        CHECK(error.got() == "shift for parameter 0 (4) and parameter 1 (4)");
    }
}

}  // namespace
}  // namespace kasmina::registry_test
