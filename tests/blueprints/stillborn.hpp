// Stillborn: a blueprint whose branch is dead from its birth on.
#pragma once

#include <string_view>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/blueprints/blueprint.hpp>
#include <kasmina/nn/conv2d.hpp>

namespace kasmina::test {

/// y = x + relu(conv1x1(x)) with conv = 0: the gradient of a ReLU at 0 is 0, so this never learns.
struct Stillborn {
    static constexpr std::string_view name = "stillborn";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Convolution>;
    struct Options {};
    static constexpr void check(Index, const Options& = {}) {}
    static constexpr Index parameter_count(Index width, const Options& = {}) {
        return width * width;
    }

    template <class Backend>
    struct Module : nn::Visitable<Module<Backend>> {
        nn::Conv2d<Backend> conv;
        Module(typename Backend::Context& context, Index width, const Options&, Generator&)
            : conv(context, width, width, 1) {}
        [[nodiscard]] Variable<Backend> forward(Pass<Backend>& pass,
                                                const Variable<Backend>& x) const {
            return ops::add(x, ops::relu(conv.forward(pass, x)));
        }
        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"conv", &Module::conv});
        }
    };
};

}  // namespace kasmina::test
