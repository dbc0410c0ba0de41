// A germination leaves no trace but the seed: no random number, no value, no memory (B-4).
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/blueprints/shape_check.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>

#include "support/catch.hpp"
#include "support/counting_allocator.hpp"

namespace kasmina {
namespace {

using B = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints>;

Model make_model() {
    Generator generator(1);
    return {hosts::Cnn<B>({.base = 8, .blocks = 2}), CnnBlueprints{}, generator};
}

std::vector<std::vector<float>> values_of(const std::vector<nn::NamedParameter<B>>& parameters) {
    std::vector<std::vector<float>> values;
    for (const auto& named : parameters) values.push_back(named.parameter->value().to_host());
    return values;
}

/// Parameters, running means and variances.
std::vector<std::vector<float>> host_values(Model& model) {
    auto values = values_of(model.host_parameters());
    for (const auto& named : nn::buffers<B>(model.host())) {
        values.push_back(named.buffer->to_host());
    }
    return values;
}

TEST_CASE("a germination draws the seed's initial values and not a number more", "[B-4][E-3]") {
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        Model model = make_model();
        Generator random = model.generator();
        auto alone = CnnBlueprints::make<B>(Topology::cnn, name, 8, random);
        const auto before = host_values(model);
        model.slot("r0c0").germinate(name);
        CHECK(model.generator().state() == random.state());
        CHECK(host_values(model) == before);
        const auto expected =
            std::visit([](auto& module) { return values_of(nn::parameters<B>(module)); }, alone);
        CHECK(values_of(model.slot("r0c0").parameters()) == expected);
        for (const auto& named : model.slot("r0c0").parameters()) {
            CHECK_FALSE(named.parameter->has_gradient());
            CHECK(named.parameter->gradient().empty());
        }
    }
}

/// A seed that halves the map.
struct Halved : nn::Visitable<Halved> {
    [[nodiscard]] Variable<B> forward(Tape<B>&, const Variable<B>& x) const {
        return ops::max_pool(x);
    }
    [[nodiscard]] static constexpr auto members() { return std::tuple(); }
};

TEST_CASE("the shape check leaves nothing allocated", "[B-4]") {
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        Generator generator(1);
        auto seed = CnnBlueprints::make<B>(Topology::cnn, name, 8, generator);
        const std::size_t before = test::live_allocations();
        std::visit([&](auto& module) { check_shape_preserved<B>(module, name, Topology::cnn, 8); },
                   seed);
        CHECK(test::live_allocations() == before);
    }
    Halved halved;
    const std::size_t before = test::live_allocations();
    bool refused = false;
    try {
        check_shape_preserved<B>(halved, "halved", Topology::cnn, 8);
    } catch (const ShapeError&) {
        refused = true;
    }
    CHECK(refused);
    CHECK(test::live_allocations() == before);
}

TEST_CASE("a seed that is gone has left nothing allocated, and a refused one neither",
          "[B-4][S-4]") {
    Model model = make_model();
    auto& slot = model.slot("r0c0");
    const auto live_and_die = [&](std::string_view name) {
        slot.germinate(name);
        slot.prune("test");
        while (slot.stage() != Stage::dormant) slot.step_epoch();
    };
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        const std::size_t before = test::live_allocations();
        live_and_die(name);
        CHECK(test::live_allocations() == before);
        CHECK_THROWS_AS(slot.germinate(name, {.tempo_epochs = 0}), OptionError);
        CHECK(slot.stage() == Stage::dormant);
        CHECK(test::live_allocations() == before);
    }
}

TEST_CASE("the counter sees what is kept and what is freed", "[B-4]") {
    const std::size_t before = test::live_allocations();
    auto kept = std::make_unique<std::vector<int>>(100);
    CHECK(test::live_allocations() == before + 2);
    kept.reset();
    CHECK(test::live_allocations() == before);
}

}  // namespace
}  // namespace kasmina
