// A seed with dropout and batch norm: it draws random numbers and keeps statistics.
#pragma once

#include <string_view>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/dropout.hpp>

namespace kasmina::test {

struct NoisyOptions {
    double rate = 0.3;
    using Fields = reflect::List<&NoisyOptions::rate>;
};

/// y = x + dropout(BN(conv1x1(x))).
struct Noisy {
    static constexpr std::string_view name = "noisy";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs =
        kasmina::Needs<capability::Convolution, capability::BatchNorm, capability::Dropout>;
    using Options = NoisyOptions;
    static constexpr void check(Index, const Options&) {}
    static constexpr Index parameter_count(Index c, const Options& = {}) { return c * c + 2 * c; }

    template <class B>
    struct Module : nn::Visitable<Module<B>> {
        nn::Conv2d<B> conv;
        nn::BatchNorm2d<B> norm;
        nn::Dropout<B> dropout;

        Module(typename B::Context& context, Index width, const Options& options, Generator& random)
            : conv(context, width, width, 1, random), norm(context, width), dropout(options.rate) {}

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& x) const {
            return ops::add(x, dropout.forward(pass, norm.forward(pass, conv.forward(pass, x))));
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"conv", &Module::conv},
                               nn::Member{"norm", &Module::norm});
        }
    };
};

}  // namespace kasmina::test
