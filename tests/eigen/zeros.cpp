// Convolutions: what is a sum of zeros is 0, whichever algorithm computes it.
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/catch.hpp"

namespace kasmina::zeros_test {
namespace {

using B = backends::Eigen<float>;
using Values = std::vector<float>;

/// The shapes at which Winograd's convolution is used: a map of one tile, whole tiles, and odd
/// ones.
const std::array<ConvShape, 3> shapes{keeping_size({16, 2, 2, 48, 96, 3, 3}),
                                      keeping_size({4, 8, 8, 16, 16, 3, 3}),
                                      keeping_size({2, 33, 31, 32, 32, 3, 3})};

struct Convolution {
    ConvShape shape;
    Values x = testing::normal_values<float>(pixels() * shape.in_channels, 1);
    Values weight = testing::normal_values<float>(shape.in_channels * shape.out_channels * 9, 2);
    Values grad_y = testing::normal_values<float>(pixels() * shape.out_channels, 3);

    [[nodiscard]] Index pixels() const { return shape.batch * shape.height * shape.width; }

    [[nodiscard]] Values forward() const {
        B::Context context;
        Values y(grad_y.size(), NAN);
        B::conv2d(
            context,
            Conv2d<float>{.shape = shape, .x = x.data(), .weight = weight.data(), .y = y.data()});
        return y;
    }
    [[nodiscard]] Values input_gradient() const {
        B::Context context;
        Values gradient(x.size(), NAN);
        B::conv2d_pullback_input(context,
                                 Conv2dPullbackInput<float>{.shape = shape,
                                                            .weight = weight.data(),
                                                            .grad_y = grad_y.data(),
                                                            .grad_x = {gradient.data(), false}});
        return gradient;
    }
    [[nodiscard]] Values weight_gradient() const {
        B::Context context;
        Values gradient(weight.size(), NAN);
        B::conv2d_pullback_weight(
            context, Conv2dPullbackWeight<float>{.shape = shape,
                                                 .x = x.data(),
                                                 .grad_y = grad_y.data(),
                                                 .grad_weight = {gradient.data(), false}});
        return gradient;
    }

    /// Whether any pixel has a part in the gradient of a weight.
    [[nodiscard]] bool has_term(Index output, Index input, Index tap) const {
        for (Index pixel = 0; pixel < pixels(); ++pixel) {
            const Index row = pixel / shape.width % shape.height + tap / 3 - 1;
            const Index column = pixel % shape.width + tap % 3 - 1;
            if (row < 0 || row >= shape.height || column < 0 || column >= shape.width) continue;
            const Index from = pixel + (tap / 3 - 1) * shape.width + tap % 3 - 1;
            if (x[static_cast<std::size_t>(from * shape.in_channels + input)] != 0.0F &&
                grad_y[static_cast<std::size_t>(pixel * shape.out_channels + output)] != 0.0F) {
                return true;
            }
        }
        return false;
    }

    /// How many weights without a term there are, and how many of these have a gradient.
    struct Count {
        int without_a_term = 0;
        int wrong = 0;
    };
    [[nodiscard]] Count count(const Values& gradient) const {
        Count counted;
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            const Index at = static_cast<Index>(i);
            if (has_term(at / 9 / shape.in_channels, at / 9 % shape.in_channels, at % 9)) continue;
            ++counted.without_a_term;
            if (gradient[i] != 0.0F) ++counted.wrong;
        }
        return counted;
    }
};

/// As a ReLU leaves them: few values, the others 0.
void thin_out(Values& values, std::uint64_t seed, double kept) {
    const Values choice = testing::normal_values<float>(static_cast<Index>(values.size()), seed);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (static_cast<double>(choice[i]) > kept) values[i] = 0.0F;
    }
}

TEST_CASE("channels that are 0 have gradients that are 0", "[conv]") {
    for (const ConvShape& shape : shapes) {
        Convolution conv{shape};
        CAPTURE(shape.in_channels, shape.height);
        const auto clear = [](Values& values, Index channels, Index every) {
            for (std::size_t i = 0; i < values.size(); ++i) {
                if (static_cast<Index>(i) % channels % every == 0) values[i] = 0.0F;
            }
        };
        clear(conv.x, shape.in_channels, 5);
        clear(conv.grad_y, shape.out_channels, 7);
        const auto [without_a_term, wrong] = conv.count(conv.weight_gradient());
        CHECK(without_a_term > 0);
        CHECK(wrong == 0);
    }
}

TEST_CASE("a weight between maps that never meet has a gradient of 0", "[conv]") {
    int without_a_term = 0;
    for (const ConvShape& shape : shapes) {
        Convolution conv{shape};
        CAPTURE(shape.in_channels, shape.height);
        const double kept = shape.height > 8 ? -3.0 : -1.3;
        thin_out(conv.x, 4, kept);
        thin_out(conv.grad_y, 5, kept);
        const auto counted = conv.count(conv.weight_gradient());
        CHECK(counted.wrong == 0);
        without_a_term += counted.without_a_term;
    }
    CHECK(without_a_term > 1000);
}

TEST_CASE("a pixel that sees nothing but zeros is 0", "[conv]") {
    for (const ConvShape& shape : shapes) {
        if (shape.height < 8) continue;
        Convolution conv{shape};
        CAPTURE(shape.in_channels, shape.height);
        const auto is_left = [&](std::size_t i, Index channels, Index columns) {
            return static_cast<Index>(i) / channels % shape.width < columns;
        };
        for (std::size_t i = 0; i < conv.x.size(); ++i) {
            if (is_left(i, shape.in_channels, 4)) conv.x[i] = 0.0F;
        }
        for (std::size_t i = 0; i < conv.grad_y.size(); ++i) {
            if (is_left(i, shape.out_channels, 4)) conv.grad_y[i] = 0.0F;
        }
        const Values y = conv.forward();
        const Values gradient = conv.input_gradient();
        int wrong = 0;
        for (std::size_t i = 0; i < y.size(); ++i) {
            if (is_left(i, shape.out_channels, 3) && y[i] != 0.0F) ++wrong;
        }
        for (std::size_t i = 0; i < gradient.size(); ++i) {
            if (is_left(i, shape.in_channels, 3) && gradient[i] != 0.0F) ++wrong;
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("AdamW leaves alone the weights that have no gradient", "[conv][H-7]") {
    Convolution conv{shapes[0]};
    thin_out(conv.x, 4, -1.3);
    thin_out(conv.grad_y, 5, -1.3);
    B::Context context;
    Tape<B> tape(context);
    const Shape weights{conv.shape.out_channels, conv.shape.in_channels, 3, 3};
    Parameter<B> weight(Tensor<B>::from_host(context, weights, conv.weight));
    const auto x = Tensor<B>::from_host(
        context, {conv.shape.batch, conv.shape.height, conv.shape.width, conv.shape.in_channels},
        conv.x);
    const Variable<B> y = ops::conv2d(tape.constant(x), tape.parameter(weight));
    tape.backward(y, std::span<const float>(conv.grad_y));
    optim::AdamW<B> optimiser;
    optimiser.add_group({.learning_rate = 0.01, .weight_decay = 0.0});
    std::vector<nn::NamedParameter<B>> named{{"weight", &weight}};
    optimiser.synchronise(0, named);
    optimiser.step(context);
    const Values after = weight.value().to_host(context);
    int moved = 0;
    for (std::size_t i = 0; i < after.size(); ++i) {
        const Index at = static_cast<Index>(i);
        const bool learns =
            conv.has_term(at / 9 / conv.shape.in_channels, at / 9 % conv.shape.in_channels, at % 9);
        if (!learns && after[i] != conv.weight[i]) ++moved;
    }
    CHECK(moved == 0);
}

}  // namespace
}  // namespace kasmina::zeros_test
