// Cnn: the convolutional host, blocks of conv3x3, BatchNorm, ReLU and a pool (spec H-1).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/backend/backend.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::hosts {

/// Sizes of a Cnn. Images are (batch, height, width, in_channels).
struct CnnOptions {
    Index classes = 10;
    Index in_channels = 3;
    Index base = 32;               ///< channels of the first block; each block doubles them
    Index blocks = 3;              ///< 2 or more
    std::optional<Index> pools{};  ///< how many of the first blocks end in a pool; default: all
    Index height = 32;             ///< of the images it is made for: the pools must leave a map
    Index width = 32;
};

/// conv3x3 without bias, BatchNorm, ReLU.
template <CompleteBackend B>
struct CnnBlock : nn::Visitable<CnnBlock<B>> {
    nn::Conv2d<B> conv;
    nn::BatchNorm2d<B> norm;

    KASMINA_RARE CnnBlock(typename B::Context& context, Index inputs, Index outputs)
        : conv(context, inputs, outputs, 3), norm(context, outputs) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input,
                                      bool max_pool) const {
        return norm.forward(pass, conv.forward(pass, input), {.relu = true, .max_pool = max_pool});
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"conv", &CnnBlock::conv},
                           nn::Member{"norm", &CnnBlock::norm});
    }
};

/// Blocks with channels base * 2^i, 2x2 max-pools after the first of them, the mean over
/// positions, and a linear classifier: images to logits (batch, classes).
///
/// Slots: r0c{i} is block i's map before its pool, r1c{i} after it, in the order r0c0, r1c0,
/// r0c1, ... A block without a pool has both all the same, so that names do not depend on the
/// pools: there r1c{i} sees what r0c{i} made of the map. Parameters are 0 (norms: identity) until
/// `initialise`.
template <CompleteBackend B>
class Cnn : public nn::Visitable<Cnn<B>> {
public:
    using Backend = B;
    using Context = typename B::Context;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::cnn;

    /// Errors: OptionError for sizes out of range or a pool that would empty the map.
    KASMINA_RARE explicit Cnn(Context& context, const CnnOptions& options = {});

    Cnn(Context& context, const CnnOptions& options, Generator& generator) : Cnn(context, options) {
        initialise(context, generator);
    }

    /// Draws the parameters as PyTorch's layers do.
    KASMINA_RARE void initialise(Context& context, Generator& generator);

    [[nodiscard]] const CnnOptions& options() const noexcept { return options_; }
    [[nodiscard]] std::span<const InjectionPoint> injection_points() const noexcept {
        return points_;
    }

    /// The images as they are. Errors: ShapeError for those that some block could not take, before
    /// any of them is run.
    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& images) const {
        check_images(images.shape());
        return pass.constant(images);
    }

    /// The state at boundary `from` taken to boundary `to` (see host.hpp). A block whose r0
    /// boundary is not asked for runs norm, ReLU and pool in one pass. Errors: ShapeError;
    /// UnknownNameError and OptionError from check_route.
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const;

    /// The last block's map to logits (batch, classes).
    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& map) const {
        return classifier_.forward(pass, ops::mean_positions(map));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"blocks", &Cnn::blocks_},
                           nn::Member{"classifier", &Cnn::classifier_});
    }

private:
    KASMINA_RARE static const CnnOptions& checked(const CnnOptions& options);

    void check_images(const Shape& images) const {
        const Index pools = options_.pools.value_or(options_.blocks);
        const bool fits = images.rank() == 4 && images[3] == options_.in_channels &&
                          (images[1] >> pools) >= 1 && (images[2] >> pools) >= 1;
        if (!fits) throw_unfit(images, pools);
    }
    KASMINA_COLD [[noreturn]] void throw_unfit(const Shape& images, Index pools) const {
        const std::string least = std::to_string(Index{1} << pools);
        throw ShapeError("the host cannot take these images", "hosts::Cnn",
                         "(batch, height, width, " + std::to_string(options_.in_channels) +
                             ") with height and width of " + least + " or more, for " +
                             std::to_string(pools) + " pools",
                         to_string(images),
                         "pass images with their channels last, or make a host with fewer pools");
    }

    [[nodiscard]] bool pools(std::size_t block) const noexcept {
        return static_cast<Index>(block) < options_.pools.value_or(options_.blocks);
    }

    CnnOptions options_;
    std::vector<CnnBlock<B>> blocks_;
    nn::Linear<B> classifier_;
    std::vector<InjectionPoint> points_;
};

template <CompleteBackend B>
Cnn<B>::Cnn(Context& context, const CnnOptions& options)
    : options_(checked(options)),
      classifier_(context, options.base << (options.blocks - 1), options.classes) {
    Index inputs = options.in_channels;
    for (Index block = 0; block < options.blocks; ++block) {
        const Index outputs = options.base << block;
        blocks_.emplace_back(context, inputs, outputs);
        inputs = outputs;
        for (const Index row : {Index{0}, Index{1}}) {
            std::string name(row == 0 ? "r0c" : "r1c");
            name += std::to_string(block);
            points_.push_back(
                {std::move(name), outputs, 2 * block + row,
                 row == 0 ? LayerRange{block, block + 1} : LayerRange{block + 1, block + 1},
                 row == 0 ? Surface::before_pool : Surface::after_pool});
        }
    }
}

template <CompleteBackend B>
void Cnn<B>::initialise(Context& context, Generator& generator) {
    for (CnnBlock<B>& block : blocks_) block.conv.initialise(context, generator);
    classifier_.initialise(context, generator);
}

template <CompleteBackend B>
Variable<B> Cnn<B>::forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                            std::size_t to) const {
    check_route(points_, from, to);
    Variable<B> current = state;
    std::size_t at = from;
    while (at < to) {
        const std::size_t block = at / 2;
        if (at % 2 == 0) {
            const bool through = to >= at + 2 && pass.taps() == nullptr;
            current = blocks_[block].forward(pass, current, through && pools(block));
            if (pass.taps() != nullptr) pass.tap("blocks." + std::to_string(block), current);
            at += through ? 2 : 1;
        } else {
            if (pools(block)) current = ops::max_pool(current);
            ++at;
        }
    }
    return current;
}

template <CompleteBackend B>
const CnnOptions& Cnn<B>::checked(const CnnOptions& options) {
    const auto check = [](const char* name, Index size, Index least, Index most = unlimited) {
        static_cast<void>(checked_size("hosts::Cnn", name, size, least, most));
    };
    const Index pools = options.pools.value_or(options.blocks);
    check("classes", options.classes, 1);
    check("in_channels", options.in_channels, 1);
    check("blocks", options.blocks, 2, 16);
    check("base", options.base, 1, unlimited >> options.blocks);
    check("pools", pools, 0, options.blocks);
    check("height", options.height, Index{1} << pools);  // a map must be left after all pools
    check("width", options.width, Index{1} << pools);
    return options;
}

}  // namespace kasmina::hosts
