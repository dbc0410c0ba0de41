// The shape check finds a wrong shape and leaves no trace (B-4).
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/blueprints/shape_check.hpp>
#include <kasmina/nn/batch_norm.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina {
namespace {

using B = test::Eigen64;

/// Batch statistics, and a pool where `pools`: what a user's blueprint may get wrong.
struct Normalised : nn::Visitable<Normalised> {
    nn::BatchNorm2d<B> norm;
    bool pools;

    Normalised(Index width, bool wrong) : norm(width), pools(wrong) {}

    Variable<B> forward(Tape<B>& tape, const Variable<B>& x) const {
        const auto y = norm.forward(tape, x, Mode::training);
        CHECK_FALSE(y.requires_gradient());
        return pools ? ops::max_pool(y) : y;
    }

    static constexpr auto members() { return std::tuple(nn::Member{"norm", &Normalised::norm}); }
};

TEST_CASE("every CNN blueprint preserves shapes at every width", "[B-4]") {
    Generator generator(1);
    for (const Index width : {1, 3, 4, 13, 48, 70}) {
        for (const std::string_view name : CnnBlueprints::names()) {
            CAPTURE(width, name);
            auto seed = CnnBlueprints::make<B>(Topology::cnn, name, width, generator);
            std::visit(
                [&](auto& module) {
                    CHECK_NOTHROW(check_shape_preserved<B>(module, name, Topology::cnn, width));
                },
                seed);
        }
    }
}

TEST_CASE("the shape check leaves statistics and parameters as they were", "[B-4]") {
    for (const bool wrong : {false, true}) {
        Normalised module(4, wrong);
        module.norm.running_mean->assign(std::vector<double>{1, 2, 3, 4});
        if (wrong) {
            CHECK_THROWS_AS(check_shape_preserved<B>(module, "wrong", Topology::cnn, 4),
                            ShapeError);
        } else {
            check_shape_preserved<B>(module, "right", Topology::cnn, 4);
        }
        CHECK(module.norm.running_mean->to_host() == std::vector<double>{1, 2, 3, 4});
        CHECK(module.norm.running_variance->to_host() == std::vector<double>(4, 1.0));
        CHECK_FALSE(module.norm.weight.has_gradient());
        CHECK(module.norm.weight.gradient().empty());
    }
}

}  // namespace
}  // namespace kasmina
