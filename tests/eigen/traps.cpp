// With floating-point traps on, no kernel computes anything invalid: not in lanes without a number.
#include "support/catch.hpp"

#if defined(__GLIBC__) && defined(__SSE2__)

#include <array>
#include <cfenv>
#include <csetjmp>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/dropout.hpp>
#include <kasmina/nn/group_norm.hpp>
#include <kasmina/nn/layer_norm.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/optim/sgd.hpp>

namespace kasmina::traps_test {
namespace {

sigjmp_buf after_trap;

void on_trap(int) {
    siglongjmp(after_trap, 1);
}

/// Whether `run` comes to its end with traps on.
template <class Run>
bool is_valid(Run run) {
    struct sigaction act {};
    struct sigaction before {};
    act.sa_handler = on_trap;
    sigaction(SIGFPE, &act, &before);
    volatile bool valid = false;
    if (sigsetjmp(after_trap, 1) == 0) {
        feclearexcept(FE_ALL_EXCEPT);
        feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW);
        run();
        valid = true;
    }
    fedisableexcept(FE_ALL_EXCEPT);
    feclearexcept(FE_ALL_EXCEPT);
    sigaction(SIGFPE, &before, nullptr);
    return valid;
}

/// Divides by 0 where there is no number.
struct InverseAndLog {
    template <class V>
    V operator()(const V& x) const {
        return 1 / x + math::log(x) + math::sqrt(x);
    }
};
struct Functions {
    template <class V>
    V operator()(const V& x) const {
        return math::tanh(x) + math::erf(x) + math::exp(x * 0.4) + math::sigmoid(x * 100);
    }
};

/// More than a register, less than one, and all that lies between.
constexpr std::array<Index, 9> widths{1, 3, 5, 7, 8, 9, 16, 17, 33};

TEMPLATE_TEST_CASE("pointwise functions compute nothing for lanes without a number",
                   "[eigen][pointwise]", float, double) {
    using B = backends::Eigen<TestType>;
    typename B::Context context;
    for (const Index channels : widths) {
        CAPTURE(channels);
        const Shape shape{3, 5, 7, channels};
        std::vector<TestType> positive(static_cast<std::size_t>(shape.elements()));
        std::vector<TestType> any(positive.size());
        for (std::size_t i = 0; i < any.size(); ++i) {
            positive[i] = static_cast<TestType>(0.1 + 0.01 * static_cast<double>(i % 97));
            any[i] = static_cast<TestType>(9 * (static_cast<int>(i % 41) - 20));
        }
        Tape<B> tape(context);
        CHECK(is_valid([&] {
            tape.backward(ops::sum(ops::pointwise(InverseAndLog{}, tape.leaf(shape, positive))));
        }));
        CHECK(is_valid(
            [&] { tape.backward(ops::sum(ops::pointwise(Functions{}, tape.leaf(shape, any)))); }));
        CHECK(is_valid([&] { tape.backward(ops::mean(ops::relu(tape.leaf(shape, any)))); }));
        CHECK(is_valid([&] { tape.backward(ops::mean(ops::max_pool(tape.leaf(shape, any)))); }));
        const std::vector<std::int32_t> labels{0, 0, 0};
        std::vector<TestType> logits(static_cast<std::size_t>(3 * channels), TestType{-300});
        CHECK(is_valid([&] {
            tape.backward(ops::cross_entropy(tape.leaf({3, channels}, logits),
                                             std::span<const std::int32_t>(labels)));
        }));
    }
}

TEMPLATE_TEST_CASE("layers and optimisers compute nothing for lanes without a number",
                   "[eigen][optim]", float, double) {
    using B = backends::Eigen<TestType>;
    typename B::Context context;
    for (const Index channels : widths) {
        CAPTURE(channels);
        Generator generator(1);
        const nn::Conv2d<B> conv(context, channels, channels, 3, generator);
        const nn::DepthwiseConv2d<B> depthwise(context, channels, 3, generator);
        const nn::BatchNorm2d<B> batch_norm(context, channels);
        const nn::GroupNorm<B> group_norm(context, channels);
        const nn::LayerNorm<B> layer_norm(context, channels);
        const nn::Dropout<B> dropout(0.3);
        nn::Linear<B> linear(context, channels, channels + 2, generator);
        const Shape shape{3, 5, 7, channels};
        const auto x = Tensor<B>::full(context, shape, TestType{1});
        const std::vector<std::int32_t> labels{0, 1, -100};
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::training, generator);
        CHECK(is_valid([&] {
            Variable<B> y = conv.forward(pass, tape.constant(x));
            y = batch_norm.forward(pass, y, {.relu = true, .max_pool = true});
            y = group_norm.forward(pass, depthwise.forward(pass, y));
            y = dropout.forward(pass, layer_norm.forward(pass, y));
            const Variable<B> logits = linear.forward(pass, ops::mean_positions(y));
            tape.backward(ops::cross_entropy(logits, std::span<const std::int32_t>(labels)));
        }));
        // Moments that have never had a gradient: the root of 0, divided by.
        linear.weight.zero_gradient();
        tape.clear();
        const std::vector<TestType> zeros(static_cast<std::size_t>(linear.weight.size()));
        tape.backward(tape.parameter(linear.weight), std::span<const TestType>(zeros));
        auto parameters = nn::parameters<B>(linear);
        optim::AdamW<B> adamw;
        adamw.add_group({});
        adamw.synchronise(0, parameters);
        optim::Sgd<B> sgd;
        sgd.add_group({.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.1});
        sgd.synchronise(0, parameters);
        optim::GradientClipper<B> clipper(1e-3);
        CHECK(is_valid([&] {
            static_cast<void>(clipper.clip(context, adamw, [](const auto&) { return true; }));
            for (int step = 0; step < 2; ++step) {
                adamw.step(context);
                sgd.step(context);
            }
        }));
    }
}

}  // namespace
}  // namespace kasmina::traps_test

#endif
