// A tiny task that a host of 1x1 convolutions cannot do: stripes that lie or stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/random/generator.hpp>

namespace kasmina::examples {

/// relu(conv1x1), a slot, the mean over positions, linear: it knows how bright pixels are, and
/// nothing of where they are.
template <class B>
class PointCnn : public nn::Visitable<PointCnn<B>> {
public:
    using Backend = B;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::cnn;
    static constexpr Index width = 8;

    explicit PointCnn(typename B::Context& context)
        : conv_(context, 1, width, 1),
          head_(context, width, 2),
          points_{{"point", width, 0, {0, 1}, hosts::Surface::segment_end}} {}

    void initialise(typename B::Context& context, Generator& generator) {
        conv_.initialise(context, generator);
        head_.initialise(context, generator);
    }

    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const noexcept {
        return points_;
    }
    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& images) const {
        return pass.constant(images);
    }
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const {
        return from < 1 && to >= 1 ? ops::relu(conv_.forward(pass, state)) : state;
    }
    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& state) const {
        return head_.forward(pass, ops::mean_positions(state));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"conv", &PointCnn::conv_},
                           nn::Member{"head", &PointCnn::head_});
    }

private:
    nn::Conv2d<B> conv_;
    nn::Linear<B> head_;
    std::vector<hosts::InjectionPoint> points_;
};

/// Batches of 16 images of stripes: upright ones, class 1, are a quarter, so that who cannot tell
/// is right in three of four cases, and steadily.
template <class B>
[[nodiscard]] std::vector<LabelledBatch<B>> stripes(typename B::Context& context, int batches,
                                                    std::uint64_t seed) {
    using Scalar = typename B::Scalar;
    Generator generator(seed);
    std::vector<LabelledBatch<B>> all;
    for (int batch = 0; batch < batches; ++batch) {
        std::vector<Scalar> pixels;
        std::vector<std::int32_t> labels;
        for (int image = 0; image < 16; ++image) {
            labels.push_back(image % 4 == 0 ? 1 : 0);
            const auto phase = static_cast<int>(generator.below(4));
            for (int y = 0; y < 8; ++y) {
                for (int x = 0; x < 8; ++x) {
                    const int along = labels.back() == 1 ? x : y;
                    const double stripe = (along + phase) / 2 % 2 == 0 ? 1.0 : -1.0;
                    pixels.push_back(static_cast<Scalar>(stripe + 0.2 * generator.normal()));
                }
            }
        }
        all.push_back({Tensor<B>::from_host(context, {16, 8, 8, 1}, pixels),
                       ClassLabels<B>(context, labels, 2)});
    }
    return all;
}

}  // namespace kasmina::examples
