// ResNet: the residual host, stages of blocks that add to what skips them (spec N-5).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/backend/backend.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/hosts/residual_block.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::hosts {

/// Sizes of a ResNet; the defaults are the network of 20 layers for CIFAR-10 (He et al., "Deep
/// residual learning", 2016), with projections. Images are (batch, height, width, in_channels) of
/// any height and width.
struct ResNetOptions {
    Index classes = 10;
    Index in_channels = 3;
    Index base = 16;   ///< channels of the first stage; each stage doubles them
    Index stages = 3;  ///< each from the second on begins with stride 2
    Index blocks = 3;  ///< in each stage, of two convolutions
    MapNormKind norm = MapNormKind::batch;
};

/// A 3x3 convolution, norm and ReLU, stages of residual blocks, the mean over positions, and a
/// linear classifier: images to logits (batch, classes).
///
/// Slots: r0c{i} at the end of stage i. Names are those of torchvision's networks: conv1, bn1,
/// layer1.0.conv1, layer2.0.downsample.0, fc (bn whatever the norm). Parameters are 0 (norms:
/// identity) until `initialise`.
template <CompleteBackend B>
class ResNet {
public:
    using Backend = B;
    using Context = typename B::Context;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::cnn;

    /// Errors: OptionError for sizes out of range and a norm that there is not.
    KASMINA_RARE explicit ResNet(Context& context, const ResNetOptions& options = {});

    ResNet(Context& context, const ResNetOptions& options, Generator& generator)
        : ResNet(context, options) {
        initialise(context, generator);
    }

    /// Draws the parameters as PyTorch's layers do.
    KASMINA_RARE void initialise(Context& context, Generator& generator);

    [[nodiscard]] const ResNetOptions& options() const noexcept { return options_; }
    [[nodiscard]] std::span<const InjectionPoint> injection_points() const noexcept {
        return points_;
    }

    /// The first convolution's map. Errors: ShapeError for other images than it is made for.
    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& images) const {
        return norm_.forward(pass, conv_.forward(pass, pass.constant(images)), true);
    }

    /// The state at boundary `from` taken to boundary `to` (see host.hpp). Errors: ShapeError;
    /// UnknownNameError and OptionError from check_route.
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const {
        check_route(points_, from, to);
        Variable<B> current = state;
        for (std::size_t stage = from; stage < to; ++stage) {
            for (std::size_t block = 0; block < stages_[stage].size(); ++block) {
                current = stages_[stage][block].forward(pass, current);
                if (pass.taps() != nullptr) {
                    pass.tap("layer" + std::to_string(stage + 1) + "." + std::to_string(block),
                             current);
                }
            }
        }
        return current;
    }

    /// The last stage's map to logits (batch, classes).
    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& map) const {
        return classifier_.forward(pass, ops::mean_positions(map));
    }

    template <class Visitor>
    KASMINA_RARE void visit(Visitor&& visitor) {
        visit_all(*this, visitor);
    }
    template <class Visitor>
    KASMINA_RARE void visit(Visitor&& visitor) const {
        visit_all(*this, visitor);
    }

private:
    KASMINA_RARE static const ResNetOptions& checked(const ResNetOptions& options);

    template <class Self, class Visitor>
    static void visit_all(Self& self, Visitor& visitor) {
        nn::visit_member(visitor, "conv1", self.conv_);
        nn::visit_member(visitor, "bn1", self.norm_);
        for (std::size_t stage = 0; stage < self.stages_.size(); ++stage) {
            nn::visit_member(visitor, "layer" + std::to_string(stage + 1), self.stages_[stage]);
        }
        nn::visit_member(visitor, "fc", self.classifier_);
    }

    ResNetOptions options_;
    nn::Conv2d<B> conv_;
    MapNorm<B> norm_;
    std::vector<std::vector<ResidualBlock<B>>> stages_;
    nn::Linear<B> classifier_;
    std::vector<InjectionPoint> points_;
};

template <CompleteBackend B>
ResNet<B>::ResNet(Context& context, const ResNetOptions& options)
    : options_(checked(options)),
      conv_(context, options.in_channels, options.base, 3, {.padding = 1}),
      norm_(context, options.base, options.norm),
      classifier_(context, options.base << (options.stages - 1), options.classes) {
    Index inputs = options.base;
    for (Index stage = 0; stage < options.stages; ++stage) {
        const Index outputs = options.base << stage;
        std::vector<ResidualBlock<B>>& blocks = stages_.emplace_back();
        for (Index block = 0; block < options.blocks; ++block) {
            const Index stride = stage > 0 && block == 0 ? 2 : 1;
            blocks.emplace_back(context, inputs, outputs, stride, options.norm);
            inputs = outputs;
        }
        points_.push_back({"r0c" + std::to_string(stage), outputs, stage,
                           LayerRange{stage * options.blocks, (stage + 1) * options.blocks},
                           Surface::segment_end});
    }
}

template <CompleteBackend B>
void ResNet<B>::initialise(Context& context, Generator& generator) {
    conv_.initialise(context, generator);
    for (std::vector<ResidualBlock<B>>& stage : stages_) {
        for (ResidualBlock<B>& block : stage) block.initialise(context, generator);
    }
    classifier_.initialise(context, generator);
}

template <CompleteBackend B>
const ResNetOptions& ResNet<B>::checked(const ResNetOptions& options) {
    const auto check = [](const char* name, Index size, Index most = unlimited) {
        static_cast<void>(checked_size("hosts::ResNet", name, size, 1, most));
    };
    check("classes", options.classes);
    check("in_channels", options.in_channels);
    check("stages", options.stages, 16);
    check("blocks", options.blocks, 1024);
    check("base", options.base, unlimited >> options.stages);
    reflect::check_enumerator(options.norm, "norm", "hosts::ResNet");
    return options;
}

}  // namespace kasmina::hosts
