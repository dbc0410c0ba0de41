// The shape check finds a wrong shape and leaves no trace (B-4).
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/blueprints/shape_check.hpp>
#include <kasmina/nn/batch_norm.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/values.hpp"

namespace kasmina::shape_check_test {
namespace {

using B = test::Eigen64;

struct Faults {
    bool pools = false;
    bool throws = false;
    using Fields = reflect::List<&Faults::pools, &Faults::throws>;
};

/// Batch statistics, a counter that moves in every pass, and a pool where `pools`: what a user's
/// blueprint may get wrong.
struct Normalised {
    static constexpr std::string_view name = "normalised";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::BatchNorm, capability::Pooling>;
    using Options = Faults;
    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index width, const Options& = {}) { return 2 * width; }

    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        nn::BatchNorm2d<B> norm;
        State<B, std::int64_t> passes;
        Options options;

        Module(typename B::Context& context, Index width, const Options& wanted, Generator&)
            : norm(context, width),
              passes(Tensor<B, std::int64_t>::full(context, {1}, 5)),
              options(wanted) {
            const std::vector<typename B::Scalar> means(static_cast<std::size_t>(width), 3);
            norm.running_mean.value().assign(context, means);
        }

        Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
            passes.value().fill(pass.context(), 6);
            const auto y = norm.forward(pass, x);
            CHECK_FALSE(y.requires_gradient());
            if (options.throws) throw NumericError("no", "here", "less", "more", "mend");
            return options.pools ? ops::max_pool(y) : y;
        }

        static constexpr auto members() {
            return nn::members(nn::Member{"norm", &Module::norm},
                               nn::Member{"passes", &Module::passes});
        }
    };
};

TEST_CASE("every CNN blueprint preserves shapes at every width", "[B-4]") {
    Generator generator(1);
    B::Context context{};
    for (const Index width : {1, 3, 4, 13, 48, 70}) {
        for (const std::string_view name : CnnBlueprints::names()) {
            CAPTURE(width, name);
            CHECK_NOTHROW(CnnBlueprints::make<B>(context, Topology::cnn, name, width, generator));
        }
    }
}

TEMPLATE_TEST_CASE("the shape check leaves states and parameters as they were", "[B-4][E-6]",
                   test::Eigen64, test::Oracle, test::Device64) {
    using Backend = TestType;
    typename Backend::Context context{};
    Generator generator(1);
    for (const Faults options : {Faults{}, {.pools = true}, {.throws = true}}) {
        const SeedModuleOf<Normalised, Backend> seed(context, 4, options, generator);
        if (options.throws) {
            CHECK_THROWS_AS(check_shape_preserved<Backend>(context, seed), NumericError);
        } else if (options.pools) {
            try {
                check_shape_preserved<Backend>(context, seed);
                FAIL("a seed that halves the map was taken");
            } catch (const ShapeError& error) {
                CHECK(error.where() == "blueprint normalised");
                CHECK(error.expected() == "(2, 6, 5, 4)");
                CHECK(error.got() == "(2, 3, 2, 4)");
            }
        } else {
            check_shape_preserved<Backend>(context, seed);
        }
        const auto states = test::state_values<Backend>(context, seed.contents().states);
        CHECK(states == std::vector<std::vector<double>>{{3, 3, 3, 3}, {1, 1, 1, 1}, {5}});
        CHECK_FALSE(seed.module().norm.weight.has_gradient());
        CHECK(seed.module().norm.weight.gradient().empty());
    }
}

}  // namespace
}  // namespace kasmina::shape_check_test
