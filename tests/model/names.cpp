// The names of everything that a model owns (P-6): files are made of them, so they never change.
#include <cstddef>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>

#include "support/catch.hpp"

namespace kasmina::names_test {
namespace {

using B = backends::Eigen<float>;
using Model = MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints>;

Model make_model(B::Context& context, Index blocks) {
    Generator generator(1);
    return {context, hosts::Cnn<B>(context, {.base = 2, .blocks = blocks, .pools = 0}),
            CnnBlueprints{}, generator};
}

/// A line for each parameter and state whose name begins with `prefix`, in visiting order.
void list(std::ostream& to, Model& model, const std::string& prefix) {
    const nn::Contents<B> contents = model.contents();
    for (const auto& [name, parameter] : contents.parameters) {
        if (name.starts_with(prefix)) to << "parameter " << name << '\n';
    }
    for (const auto& [name, state] : contents.states) {
        if (name.starts_with(prefix)) to << "state " << name << '\n';
    }
}

/// The reference host, then a seed of every blueprint, with a gate network and born quietly.
std::string all_names() {
    B::Context context;
    std::ostringstream text;
    text << "# hosts::Cnn of three blocks\n";
    Model host = make_model(context, 3);
    list(text, host, "");
    for (const BlendAlgorithm algorithm : {BlendAlgorithm::gate, BlendAlgorithm::multiply}) {
        Model model = make_model(context, 4);
        std::size_t next = 0;
        for (const std::string_view blueprint : CnnBlueprints::names()) {
            auto& slot = model.slots()[next++];
            slot.germinate(blueprint, {.algorithm = algorithm});
            text << "# " << blueprint << ", blended by " << name_of(algorithm) << '\n';
            list(text, model, "slots/" + slot.name() + "/");
        }
    }
    return text.str();
}

TEST_CASE("all names of the reference models are those of the golden file", "[P-6]") {
    std::ifstream file(std::string(KASMINA_GOLDEN_DIR) + "/../model/names.txt");
    REQUIRE(file);
    std::ostringstream recorded;
    recorded << file.rdbuf();
    CHECK(all_names() == recorded.str());
}

TEST_CASE("a model's lists have one name for one thing", "[P-6][H-4]") {
    B::Context context;
    Model model = make_model(context, 2);
    model.slot("r1c0").germinate("conv_light", {.algorithm = BlendAlgorithm::gate});
    const auto names = [](const auto& named) {
        std::vector<std::string> found;
        for (const auto& each : named) found.push_back(each.name);
        return found;
    };
    auto expected = names(model.host_parameters());
    for (const std::string& name : names(model.seed_parameters())) expected.push_back(name);
    CHECK(names(model.parameters()) == expected);
    CHECK(names(model.contents().parameters) == expected);
    const Model& looked_at = model;
    CHECK(names(looked_at.parameters()) == expected);
    CHECK(names(looked_at.host_parameters()) == names(model.host_parameters()));
    CHECK(names(looked_at.seed_parameters()) == names(model.seed_parameters()));
    CHECK_NOTHROW(nn::require_distinct_names(model.contents(), "model"));
    CHECK(names(model.seed_parameters()) ==
          std::vector<std::string>{"slots/r1c0/seed/conv.weight", "slots/r1c0/seed/norm.weight",
                                   "slots/r1c0/seed/norm.bias", "slots/r1c0/seed/scale",
                                   "slots/r1c0/gate/reduce.weight", "slots/r1c0/gate/reduce.bias",
                                   "slots/r1c0/gate/score.weight", "slots/r1c0/gate/score.bias"});
}

/// A blueprint whose own member is called as the gate network's folder is.
struct HasAGate {
    static constexpr std::string_view name = "has_a_gate";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::Convolution>;
    struct Options {};
    static constexpr void check(Index, const Options&) {}
    static constexpr Index parameter_count(Index width, const Options& = {}) {
        return width * width;
    }

    template <class Backend>
    struct Module : nn::Visitable<Module<Backend>> {
        nn::Conv2d<Backend> reduce;
        Module(typename Backend::Context& context, Index width, const Options&, Generator& random)
            : reduce(context, width, width, 1, random) {}
        [[nodiscard]] Variable<Backend> forward(Pass<Backend>& pass,
                                                const Variable<Backend>& x) const {
            return reduce.forward(pass, x);
        }
        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"gate.reduce", &Module::reduce});
        }
    };
};

TEST_CASE("a seed's own member called gate is not its gate network", "[P-6]") {
    B::Context context;
    Generator generator(1);
    MorphogeneticModel model{context, hosts::Cnn<B>(context, {.base = 2, .blocks = 2}),
                             BlueprintList<HasAGate>{}, generator};
    model.slot("r0c0").germinate("has_a_gate", {.algorithm = BlendAlgorithm::gate});
    CHECK_NOTHROW(nn::require_distinct_names(model.contents(), "model"));
    CHECK(model.seed_parameters().front().name == "slots/r0c0/seed/gate.reduce.weight");
    CHECK(model.seed_parameters().back().name == "slots/r0c0/gate/score.bias");
}

/// A host with one slot twice, and nothing but that.
struct Twice : nn::Visitable<Twice> {
    using Backend = B;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::cnn;
    std::vector<hosts::InjectionPoint> points{{"a", 4, 0}, {"b", 4, 1}, {"b", 4, 2}};

    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const { return points; }
    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& x) const {
        return pass.constant(x);
    }
    [[nodiscard]] Variable<B> forward(Pass<B>&, const Variable<B>& x, std::size_t,
                                      std::size_t) const {
        return x;
    }
    [[nodiscard]] Variable<B> head(Pass<B>&, const Variable<B>& x) const { return x; }
    void initialise(B::Context&, Generator&) {}
    [[nodiscard]] static constexpr auto members() { return nn::members(); }
};

TEST_CASE("a host with two slots of one name makes no model, and the error says where they are",
          "[P-6]") {
    B::Context context;
    Generator generator(1);
    try {
        const MorphogeneticModel model{context, Twice{}, CnnBlueprints{}, generator};
        FAIL("two slots of one name were accepted");
    } catch (const DuplicateNameError& error) {
        CHECK(error.got() == "b for injection points 1 and 2");
    }
}

}  // namespace
}  // namespace kasmina::names_test
