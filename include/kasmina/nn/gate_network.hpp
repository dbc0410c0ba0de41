// GateNetwork: how far a seed opens for each sample (spec A-6).
#pragma once

#include <algorithm>
#include <string>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/autodiff/pass.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/topology.hpp>

namespace kasmina::nn {

/// Mean over positions where there are some, linear to max(8, channels / 4), ReLU, linear to 1,
/// sigmoid: (batch, ..., channels) -> (batch, 1, ..., 1), ready for ops::blend_gate.
template <class B>
    requires MatrixBackend<B> && PointwiseBackend<B> && PoolingBackend<B>
struct GateNetwork : Visitable<GateNetwork<B>> {
    Linear<B> reduce;
    Linear<B> score;
    Topology topology;

    KASMINA_RARE GateNetwork(typename B::Context& context, Topology kind, Index channels,
                             Generator& generator)
        : reduce(context, channels, hidden_width(channels), generator),
          score(context, hidden_width(channels), 1, generator),
          topology(kind) {}

    [[nodiscard]] static constexpr Index hidden_width(Index channels) noexcept {
        return std::max(Index{8}, channels / 4);
    }

    [[nodiscard]] static constexpr Index parameter_count(Index channels) noexcept {
        return (channels + 2) * hidden_width(channels) + 1;
    }

    /// Errors: ShapeError when the input's rank is not the topology's.
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
        const Shape& shape = input.shape();
        if (shape.rank() != state_rank(topology)) {
            throw ShapeError("the gate's input has the wrong rank", "GateNetwork",
                             "rank " + std::to_string(state_rank(topology)) + " for a " +
                                 std::string(name_of(topology)) + " host",
                             kasmina::to_string(shape), "feed the gate what the seed is fed");
        }
        const Shape per_sample = ops::detail::per_sample_shape(shape);
        const Variable<B> pooled = shape.rank() == 2 ? input : ops::mean_positions(input);
        const Variable<B> hidden = ops::relu(reduce.forward(pass, pooled));
        return ops::reshape(ops::sigmoid(score.forward(pass, hidden)), per_sample);
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(Member{"reduce", &GateNetwork::reduce},
                           Member{"score", &GateNetwork::score});
    }
};

}  // namespace kasmina::nn
