// ResidualBlock: two 3x3 convolutions with norms, and what skips them, of a ResNet (spec N-5).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/backend/backend.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/group_norm.hpp>
#include <kasmina/nn/visit.hpp>
#include <kasmina/pointwise/math.hpp>
#include <kasmina/reflect/enumerators.hpp>

namespace kasmina::hosts {

/// What normalises the maps of a ResNet.
enum class MapNormKind : std::uint8_t {
    batch,  ///< per channel over the batch, with running statistics
    group,  ///< within a sample, in groups(channels) groups: for small batches
};

[[nodiscard]] constexpr std::string_view name_of(MapNormKind kind) noexcept {
    switch (kind) {
        case MapNormKind::batch: return "batch";
        case MapNormKind::group: return "group";
    }
    return "(invalid)";
}

}  // namespace kasmina::hosts

template <>
struct kasmina::reflect::Enumerators<kasmina::hosts::MapNormKind> {
    static constexpr std::array all{kasmina::hosts::MapNormKind::batch,
                                    kasmina::hosts::MapNormKind::group};
};

namespace kasmina::hosts {

/// A norm of the kind that was asked for when it was made, under the names of that kind.
template <class B>
    requires BatchNormBackend<B> && GroupNormBackend<B>
class MapNorm {
public:
    KASMINA_RARE MapNorm(typename B::Context& context, Index channels, MapNormKind kind)
        : norm_(made(context, channels, kind)) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& map, bool relu) const {
        if (const auto* group = std::get_if<nn::GroupNorm<B>>(&norm_)) {
            return group->forward(pass, map, {.relu = relu});
        }
        return std::get<nn::BatchNorm2d<B>>(norm_).forward(pass, map, {.relu = relu});
    }

    template <class Visitor>
    KASMINA_RARE void visit(Visitor&& visitor) {
        std::visit([&](auto& norm) { norm.visit(visitor); }, norm_);
    }
    template <class Visitor>
    KASMINA_RARE void visit(Visitor&& visitor) const {
        std::visit([&](const auto& norm) { norm.visit(visitor); }, norm_);
    }

private:
    using Either = std::variant<nn::BatchNorm2d<B>, nn::GroupNorm<B>>;

    [[nodiscard]] static Either made(typename B::Context& context, Index channels,
                                     MapNormKind kind) {
        if (kind == MapNormKind::group) return nn::GroupNorm<B>(context, channels);
        return nn::BatchNorm2d<B>(context, channels);
    }

    Either norm_;
};

/// A 1x1 convolution and a norm: what brings a map to a block's shape. Named 0 and 1.
template <CompleteBackend B>
struct Projection : nn::Visitable<Projection<B>> {
    nn::Conv2d<B> conv;
    MapNorm<B> norm;

    KASMINA_RARE Projection(typename B::Context& context, Index inputs, Index outputs, Index stride,
                            MapNormKind kind)
        : conv(context, inputs, outputs, 1, {.stride = stride, .padding = 0}),
          norm(context, outputs, kind) {}

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& map) const {
        return norm.forward(pass, conv.forward(pass, map), false);
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"0", &Projection::conv}, nn::Member{"1", &Projection::norm});
    }
};

struct AddRelu {
    template <class V>
    constexpr V operator()(const V& a, const V& b) const {
        return math::relu(a + b);
    }
};

/// y = relu(norm(conv3x3(relu(norm(conv3x3(x))))) + skip(x)), the first convolution with the
/// stride, skip a projection where the shape changes (He et al., "Deep residual learning", 2016).
template <CompleteBackend B>
struct ResidualBlock : nn::Visitable<ResidualBlock<B>> {
    nn::Conv2d<B> conv1;
    MapNorm<B> norm1;
    nn::Conv2d<B> conv2;
    MapNorm<B> norm2;
    std::optional<Projection<B>> downsample;

    KASMINA_RARE ResidualBlock(typename B::Context& context, Index inputs, Index outputs,
                               Index stride, MapNormKind kind)
        : conv1(context, inputs, outputs, 3, {.stride = stride, .padding = 1}),
          norm1(context, outputs, kind),
          conv2(context, outputs, outputs, 3, {.padding = 1}),
          norm2(context, outputs, kind) {
        if (stride != 1 || inputs != outputs) {
            downsample.emplace(context, inputs, outputs, stride, kind);
        }
    }

    KASMINA_RARE void initialise(typename B::Context& context, Generator& generator) {
        conv1.initialise(context, generator);
        conv2.initialise(context, generator);
        if (downsample) downsample->conv.initialise(context, generator);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& map) const {
        const Variable<B> inner = norm1.forward(pass, conv1.forward(pass, map), true);
        const Variable<B> branch = norm2.forward(pass, conv2.forward(pass, inner), false);
        return ops::pointwise(AddRelu{}, branch, downsample ? downsample->forward(pass, map) : map);
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(
            nn::Member{"conv1", &ResidualBlock::conv1}, nn::Member{"bn1", &ResidualBlock::norm1},
            nn::Member{"conv2", &ResidualBlock::conv2}, nn::Member{"bn2", &ResidualBlock::norm2},
            nn::Member{"downsample", &ResidualBlock::downsample});
    }
};

}  // namespace kasmina::hosts
