// A germination leaves no trace but the seed: no random number, no value, no memory (B-4).
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/blueprints/shape_check.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>

#include "support/catch.hpp"
#include "support/counting_allocator.hpp"
#include "support/values.hpp"

namespace kasmina::germination_trace_test {
namespace {

using B = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints>;

Model make_model(B::Context& context) {
    Generator generator(1);
    return {context, hosts::Cnn<B>(context, {.base = 8, .blocks = 2}), CnnBlueprints{}, generator};
}

/// Parameters, running means and variances.
std::vector<std::vector<double>> host_values(Model& model) {
    const nn::Contents<B> contents = nn::contents<B>(model.host());
    auto values = test::state_values<B>(model.context(), contents.states);
    for (const auto& each : test::parameter_values<B>(model.context(), contents.parameters)) {
        values.emplace_back(each.begin(), each.end());
    }
    return values;
}

TEST_CASE("a germination draws the seed's initial values, its random stream, and not a number more",
          "[B-4][E-3]") {
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        B::Context context;
        Model model = make_model(context);
        Generator random = model.generator();
        const auto alone = CnnBlueprints::make<B>(context, Topology::cnn, name, 8, random);
        static_cast<void>(random.split());
        const auto before = host_values(model);
        model.slot("r0c0").germinate(name);
        CHECK(model.generator().state() == random.state());
        CHECK(host_values(model) == before);
        CHECK(test::parameter_values<B>(context, model.slot("r0c0").parameters()) ==
              test::parameter_values<B>(context, alone->contents().parameters));
        for (const auto& named : model.slot("r0c0").parameters()) {
            CHECK_FALSE(named.parameter->has_gradient());
            CHECK(named.parameter->gradient().empty());
        }
    }
}

/// A seed that halves the map.
struct Halved : cnn::Noop {
    static constexpr std::string_view name = "halved";

    template <class Backend>
    struct Module : nn::Visitable<Module<Backend>> {
        Module(typename Backend::Context&, Index, const Options&, Generator&) {}
        [[nodiscard]] Variable<Backend> forward(Pass<Backend>&, const Variable<Backend>& x) const {
            return ops::max_pool(x);
        }
        [[nodiscard]] static constexpr auto members() { return nn::members(); }
    };
};

TEST_CASE("the shape check leaves nothing allocated but what its context keeps for next time",
          "[B-4]") {
    B::Context context;
    Generator generator(1);
    const auto check = [&](const SeedModule<B>& seed) {
        check_shape_preserved<B>(context, seed);  // the pool keeps what it took here
        const std::size_t before = test::live_allocations();
        const auto allocations = context.pool().statistics().allocations;
        check_shape_preserved<B>(context, seed);
        CHECK(test::live_allocations() == before);
        CHECK(context.pool().statistics().allocations == allocations);
        CHECK(context.pool().statistics().bytes_in_use == 0);
    };
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        check(*CnnBlueprints::make<B>(context, Topology::cnn, name, 8, generator));
    }
    const SeedModuleOf<Halved, B> halved(context, 8, {}, generator);
    const auto refused = [&] {
        try {
            check_shape_preserved<B>(context, halved);
        } catch (const ShapeError&) {
            return true;
        }
        return false;
    };
    CHECK(refused());
    const std::size_t before = test::live_allocations();
    const bool again = refused();
    CHECK(test::live_allocations() == before);
    CHECK(again);
    CHECK(context.pool().statistics().bytes_in_use == 0);
}

TEST_CASE("a seed that is gone has left nothing allocated, and a refused one neither",
          "[B-4][S-4]") {
    B::Context context;
    Model model = make_model(context);
    auto& slot = model.slot("r0c0");
    const auto live_and_die = [&](std::string_view name) {
        slot.germinate(name);
        slot.prune("test");
        while (slot.stage() != Stage::dormant) slot.step_epoch();
    };
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        live_and_die(name);  // the context's pool keeps what its shape check took
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
}  // namespace kasmina::germination_trace_test
