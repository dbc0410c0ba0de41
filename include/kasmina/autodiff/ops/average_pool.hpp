// average_pool: the means of windows of a feature map.
#pragma once

#include <utility>

#include <kasmina/autodiff/ops/pool_options.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/pooling.hpp>

namespace kasmina::ops {

struct AveragePoolOptions {
    HeightWidth window = 2;
    PoolStride stride{};
    HeightWidth padding = 0;  ///< at most half of the window
    bool count_padding =
        true;  ///< zeros of the padding count in a mean: PyTorch's count_include_pad
};

namespace detail {

template <AveragePoolingBackend B>
struct AveragePoolOperation {
    Edge<B> input;
    PoolShape shape;
    bool count_padding;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(input);
        if (!target) return;
        B::average_pool_pullback(
            tape.context(), AveragePoolPullback<typename B::Scalar>{.shape = shape,
                                                                    .count_padding = count_padding,
                                                                    .grad_y = upstream.data(),
                                                                    .grad_x = target});
    }
};

}  // namespace detail

/// The mean of each window of (batch, height, width, channels), by the rules of PoolOptions.
/// Errors: ShapeError where the output would be empty; OptionError for options out of range.
template <AveragePoolingBackend B>
[[nodiscard]] Variable<B> average_pool(const Variable<B>& input,
                                       const AveragePoolOptions& options = {}) {
    const PoolShape shape = detail::pool_shape(
        "ops::average_pool", detail::map_shape("average_pool", input.shape()),
        {.window = options.window, .stride = options.stride, .padding = options.padding});
    Tape<B>& tape = input.tape();
    const Shape result{shape.map.batch, shape.out_height, shape.out_width, shape.map.channels};
    auto output = tape.acquire(result.elements());
    B::average_pool(tape.context(),
                    AveragePool<typename B::Scalar>{.shape = shape,
                                                    .count_padding = options.count_padding,
                                                    .x = input.data(),
                                                    .y = output.data()});
    return tape.record(result, std::move(output), {input},
                       detail::AveragePoolOperation<B>{input, shape, options.count_padding});
}

}  // namespace kasmina::ops
