// conv1d: convolution over the positions of a sequence.
#pragma once

#include <optional>
#include <type_traits>

#include <kasmina/autodiff/ops/conv2d.hpp>

namespace kasmina::ops {

/// Zeros before and after a sequence, by the rules of `Padding`.
class Padding1d {
public:
    constexpr Padding1d(Index zeros) noexcept  // NOLINT(google-explicit-constructor)
        : padding_(0, zeros) {}

    [[nodiscard]] static constexpr Padding1d same() noexcept {
        Padding1d padding(0);
        padding.padding_ = Padding::same();
        return padding;
    }
    [[nodiscard]] static constexpr Padding1d valid() noexcept { return 0; }

    /// Of a map of one row.
    [[nodiscard]] constexpr const Padding& of_row() const noexcept { return padding_; }

private:
    Padding padding_;
};

/// PyTorch's, but for the padding: the default there is none.
struct Conv1dOptions {
    Index stride = 1;
    Padding1d padding = Padding1d::same();
    Index dilation = 1;
    Index groups = 1;

    /// Those of a map of one row.
    [[nodiscard]] constexpr ConvOptions of_row() const noexcept {
        return {.stride = {1, stride},
                .padding = padding.of_row(),
                .dilation = {1, dilation},
                .groups = groups};
    }
};

/// Convolves `input` (batch, length, in) with `weight` (out, in / groups, kernel), PyTorch's order,
/// and adds `bias` (out) where there is one; the result is (batch, out length, out). Without
/// options a sequence keeps its length. Errors: as those of conv2d; lengths are its widths.
template <class B>
    requires ConvolutionBackend<B> && PointwiseBackend<B>
[[nodiscard]] Variable<B> conv1d(
    const Variable<B>& input, const Variable<B>& weight, const Conv1dOptions& options = {},
    const std::type_identity_t<std::optional<Variable<B>>>& bias = {}) {
    const Shape& from = input.shape();
    const Shape& filters = weight.shape();
    detail::require(from.rank() == 3, "conv1d", "sequences (batch, length, channels)", from,
                    "pass an input of rank 3, channels last");
    detail::require_filled("conv1d", from);
    detail::require(filters.rank() == 3, "conv1d", "a weight (out, in / groups, kernel)", filters,
                    "pass a weight of rank 3");
    detail::require_values("conv1d", filters);
    const ConvShape shape = detail::conv_shape("ops::conv1d", {from[0], 1, from[1], from[2]},
                                               filters[0], {1, filters[2]}, options.of_row());
    detail::require_shape("conv1d", "weight", Shape{filters[0], from[2] / shape.groups, filters[2]},
                          filters);
    return detail::convolve("conv1d", input, weight, shape,
                            Shape{shape.batch, shape.out_width, shape.out_channels}, bias);
}

}  // namespace kasmina::ops
