// Mlp: the host for rows of features, hidden layers with a slot behind each (spec N-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/backend/backend.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina::hosts {

/// What follows each hidden layer of an Mlp.
enum class Activation : std::uint8_t { relu, gelu, silu, tanh };

[[nodiscard]] constexpr std::string_view name_of(Activation activation) noexcept {
    switch (activation) {
        case Activation::relu: return "relu";
        case Activation::gelu: return "gelu";
        case Activation::silu: return "silu";
        case Activation::tanh: return "tanh";
    }
    return "(invalid)";
}

}  // namespace kasmina::hosts

template <>
struct kasmina::reflect::Enumerators<kasmina::hosts::Activation> {
    static constexpr std::array all{
        kasmina::hosts::Activation::relu, kasmina::hosts::Activation::gelu,
        kasmina::hosts::Activation::silu, kasmina::hosts::Activation::tanh};
};

namespace kasmina::hosts {

/// Sizes of an Mlp. Inputs are (batch, inputs).
struct MlpOptions {
    Index inputs = 1;
    Index outputs = 1;  ///< classes, or values of a regression
    Index width = 64;   ///< of each hidden layer
    Index layers = 2;   ///< hidden ones, 1 or more
    Activation activation = Activation::relu;
};

/// Hidden layers of one width, each a linear layer and an activation, and a linear head: rows of
/// features to (batch, outputs), logits or the values of a regression.
///
/// Slots: r0c{i} behind hidden layer i. Parameters are named layers.{i} and head, and are 0 until
/// `initialise`.
template <class B>
    requires MatrixBackend<B> && PointwiseBackend<B>
class Mlp : public nn::Visitable<Mlp<B>> {
public:
    using Backend = B;
    using Context = typename B::Context;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::features;

    /// Errors: OptionError for sizes below 1 and an activation that there is not.
    KASMINA_RARE explicit Mlp(Context& context, const MlpOptions& options);

    Mlp(Context& context, const MlpOptions& options, Generator& generator) : Mlp(context, options) {
        initialise(context, generator);
    }

    /// Draws the parameters as PyTorch's layers do.
    KASMINA_RARE void initialise(Context& context, Generator& generator) {
        for (nn::Linear<B>& layer : layers_) layer.initialise(context, generator);
        head_.initialise(context, generator);
    }

    [[nodiscard]] const MlpOptions& options() const noexcept { return options_; }
    [[nodiscard]] std::span<const InjectionPoint> injection_points() const noexcept {
        return points_;
    }

    /// The rows as they are. Errors: ShapeError for others than (batch, inputs).
    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& rows) const {
        const Shape& shape = rows.shape();
        if (shape.rank() != 2 || shape[1] != options_.inputs) throw_unfit(shape);
        return pass.constant(rows);
    }

    /// The state at boundary `from` taken to boundary `to` (see host.hpp). Errors: ShapeError;
    /// UnknownNameError and OptionError from check_route.
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const {
        check_route(points_, from, to);
        Variable<B> current = state;
        for (std::size_t layer = from; layer < to; ++layer) {
            current = activated(layers_[layer].forward(pass, current));
            if (pass.taps() != nullptr) pass.tap("layers." + std::to_string(layer), current);
        }
        return current;
    }

    /// The last layer's features to (batch, outputs).
    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& features) const {
        return head_.forward(pass, features);
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"layers", &Mlp::layers_}, nn::Member{"head", &Mlp::head_});
    }

private:
    KASMINA_RARE static const MlpOptions& checked(const MlpOptions& options) {
        const auto check = [](const char* name, Index size, Index most = unlimited) {
            static_cast<void>(checked_size("hosts::Mlp", name, size, 1, most));
        };
        check("inputs", options.inputs);
        check("outputs", options.outputs);
        check("width", options.width);
        check("layers", options.layers, 1024);
        reflect::check_enumerator(options.activation, "activation", "hosts::Mlp");
        return options;
    }

    KASMINA_COLD [[noreturn]] void throw_unfit(const Shape& rows) const {
        throw ShapeError(
            "the host cannot take these rows", "hosts::Mlp",
            "(batch, " + std::to_string(options_.inputs) + ")", to_string(rows),
            "pass one row of features per sample, or make the host for so many inputs");
    }

    [[nodiscard]] Variable<B> activated(const Variable<B>& x) const {
        switch (options_.activation) {
            case Activation::gelu: return ops::gelu(x);
            case Activation::silu: return ops::silu(x);
            case Activation::tanh: return ops::tanh(x);
            default: return ops::relu(x);
        }
    }

    MlpOptions options_;
    std::vector<nn::Linear<B>> layers_;
    nn::Linear<B> head_;
    std::vector<InjectionPoint> points_;
};

template <class B>
    requires MatrixBackend<B> && PointwiseBackend<B>
Mlp<B>::Mlp(Context& context, const MlpOptions& options)
    : options_(checked(options)), head_(context, options.width, options.outputs) {
    for (Index layer = 0; layer < options.layers; ++layer) {
        layers_.emplace_back(context, layer == 0 ? options.inputs : options.width, options.width);
        points_.push_back({"r0c" + std::to_string(layer), options.width, layer,
                           LayerRange{layer, layer + 1}, Surface::segment_end});
    }
}

}  // namespace kasmina::hosts
