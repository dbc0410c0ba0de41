// conv_transpose2d: the transpose of a convolution, which makes maps larger.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <kasmina/autodiff/ops/conv2d.hpp>

namespace kasmina::ops {

/// PyTorch's.
struct ConvTransposeOptions {
    HeightWidth stride = 1;          ///< the step on the larger map
    HeightWidth padding = 0;         ///< so many rows and columns less on each side of the result
    HeightWidth output_padding = 0;  ///< so many more at its lower and right edge
    HeightWidth dilation = 1;
    Index groups = 1;
};

namespace detail {

[[noreturn]] KASMINA_COLD inline void refuse_output_padding(std::string_view where,
                                                            const HeightWidth& padding) {
    throw OptionError("the output's padding reaches past what the kernel makes", where,
                      "less than the stride or the dilation, in each direction", to_string(padding),
                      "use a smaller output_padding");
}

/// Errors: OptionError for what no transposed convolution can have.
constexpr void check_transpose_options(std::string_view where,
                                       const ConvTransposeOptions& options) {
    check_sizes(where, "stride", options.stride, 1);
    check_sizes(where, "padding", options.padding, 0);
    check_sizes(where, "output_padding", options.output_padding, 0);
    check_sizes(where, "dilation", options.dilation, 1);
    checked_size(where, "groups", options.groups);
    const HeightWidth& more = options.output_padding;
    if (more.height >= std::max(options.stride.height, options.dilation.height) ||
        more.width >= std::max(options.stride.width, options.dilation.width)) {
        refuse_output_padding(where, more);
    }
}

/// One extent of the result; 0 or less where nothing is left. Errors: ShapeError.
KASMINA_APART inline Index transposed_extent(Index in, Index kernel, Index stride, Index dilation,
                                             Index padding, Index more) {
    const Index covered = covered_extent(kernel, dilation);
    const Index steps = is_size(in - 1, stride) ? (in - 1) * stride : unlimited;
    // Held as a shape, which knows what can be counted.
    const Index rest = unlimited - std::min(unlimited, covered);
    if (steps > rest || more > rest - steps) static_cast<void>(Shape{unlimited, 2});
    if (padding > unlimited / 2) return 0;
    return steps + covered + more - 2 * padding;
}

/// The convolution that leads from the result back to `map`: the op is its way back.
/// Errors: ShapeError.
KASMINA_APART inline ConvShape transposed_shape(const MapShape& map, Index outputs,
                                                const HeightWidth& kernel,
                                                const ConvTransposeOptions& options) {
    constexpr std::string_view where = "ops::conv_transpose2d";
    const HeightWidth& more = options.output_padding;
    const HeightWidth result(
        transposed_extent(map.height, kernel.height, options.stride.height, options.dilation.height,
                          options.padding.height, more.height),
        transposed_extent(map.width, kernel.width, options.stride.width, options.dilation.width,
                          options.padding.width, more.width));
    if (result.height < 1 || result.width < 1) {
        throw ShapeError("the output would be empty: the padding takes away all of it", where,
                         "a result of 1x1 or more", to_string(result), "use less padding");
    }
    static_cast<void>(Shape{map.batch, result.height, result.width, outputs});
    const HeightWidth padded(padded_extent(result.height, options.padding.height),
                             padded_extent(result.width, options.padding.width));
    return {.batch = map.batch,
            .height = result.height,
            .width = result.width,
            .in_channels = outputs,
            .out_channels = map.channels,
            .kernel_height = kernel.height,
            .kernel_width = kernel.width,
            .out_height = map.height,
            .out_width = map.width,
            .stride_height = step_within(padded.height, options.stride.height),
            .stride_width = step_within(padded.width, options.stride.width),
            .dilation_height = step_within(padded.height, options.dilation.height),
            .dilation_width = step_within(padded.width, options.dilation.width),
            .pad_top = options.padding.height,
            .pad_left = options.padding.width,
            .groups = options.groups};
}

/// `shape` is that of the convolution whose way back the operation is: there x is the result here.
template <class B>
struct ConvTranspose2dOperation {
    using Scalar = typename B::Scalar;

    Saved<B> input;   // read for the weight's gradient
    Saved<B> weight;  // read for the input's gradient
    std::optional<Edge<B>> bias;
    ConvShape shape;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        if (const auto target = tape.gradient_target(weight.edge())) {
            B::conv2d_pullback_weight(tape.context(),
                                      Conv2dPullbackWeight<Scalar>{.shape = shape,
                                                                   .x = upstream.data(),
                                                                   .grad_y = input.data(),
                                                                   .grad_weight = target});
        }
        if (bias) {
            if (const auto target = tape.gradient_target(*bias)) {
                bias_pullback(tape, upstream.data(), shape.batch * shape.height * shape.width,
                              shape.in_channels, target);
            }
        }
        if (const auto target = tape.gradient_target(input.edge())) {
            const Index size = output_size(shape);
            auto apart = tape.acquire(target.accumulate ? size : 0);
            B::conv2d(tape.context(),
                      Conv2d<Scalar>{.shape = shape,
                                     .x = upstream.data(),
                                     .weight = weight.data(),
                                     .y = target.accumulate ? apart.data() : target.data});
            if (target.accumulate) B::add(tape.context(), apart.data(), target.data, size);
        }
    }
};

}  // namespace detail

/// The transpose of a convolution: each value of `input` (batch, height, width, in) is spread over
/// the result by `weight` (in, out / groups, kernel height, kernel width), PyTorch's order, and
/// `bias` (out) is added where there is one. An extent of the result is (extent - 1) * stride -
/// 2 * padding + dilation * (kernel - 1) + output_padding + 1. Errors: ShapeError, also where
/// the padding leaves nothing; OptionError for options out of range, groups that do not divide the
/// channels, and an output_padding that is not below the stride or the dilation.
template <class B>
    requires ConvolutionBackend<B> && PointwiseBackend<B>
[[nodiscard]] Variable<B> conv_transpose2d(
    const Variable<B>& input, const Variable<B>& weight, const ConvTransposeOptions& options = {},
    const std::type_identity_t<std::optional<Variable<B>>>& bias = {}) {
    constexpr const char* op = "conv_transpose2d";
    const Shape& filters = weight.shape();
    const MapShape map = detail::map_shape(op, input.shape());
    detail::require(filters.rank() == 4, op,
                    "a weight (in, out / groups, kernel height, kernel width)", filters,
                    "pass a weight of rank 4");
    detail::require_values(op, filters);
    detail::check_transpose_options("ops::conv_transpose2d", options);
    const Index groups = options.groups;
    static_cast<void>(Shape{filters[1], groups});
    const Index outputs = filters[1] * groups;
    detail::check_groups("ops::conv_transpose2d", map.channels, outputs, groups);
    detail::require_shape(op, "weight", Shape{map.channels, filters[1], filters[2], filters[3]},
                          filters);
    const ConvShape shape =
        detail::transposed_shape(map, outputs, {filters[2], filters[3]}, options);
    if (bias) detail::require_shape(op, "bias", Shape{outputs}, bias->shape());

    using Scalar = typename B::Scalar;
    Tape<B>& tape = input.tape();
    const Shape result{shape.batch, shape.height, shape.width, outputs};
    auto output = tape.acquire(result.elements());
    B::conv2d_pullback_input(tape.context(),
                             Conv2dPullbackInput<Scalar>{.shape = shape,
                                                         .weight = weight.data(),
                                                         .grad_y = input.data(),
                                                         .grad_x = {output.data(), false}});
    std::optional<Edge<B>> bias_edge;
    if (bias) {
        detail::add_bias(tape, output.data(), result.elements() / outputs, *bias);
        bias_edge.emplace(*bias);
    }
    return tape.record(
        result, std::move(output), {input, weight, bias_edge.value_or(weight.edge())},
        detail::ConvTranspose2dOperation<B>{Saved<B>(input, weight.requires_gradient()),
                                            Saved<B>(weight, input.requires_gradient()), bias_edge,
                                            shape});
}

}  // namespace kasmina::ops
