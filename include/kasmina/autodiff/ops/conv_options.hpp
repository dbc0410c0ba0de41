// ConvOptions: stride, padding, dilation and groups of a convolution, and the shape they make.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/height_width.hpp>
#include <kasmina/backend/convolution.hpp>

namespace kasmina::ops {

/// Zeros around a map: so many that the output has its size (`same`), none (`valid`), or a number
/// of rows above and below and of columns left and right. Where `same` needs an odd number of them,
/// the odd one is below or right, as in PyTorch.
class Padding {
public:
    constexpr Padding(Index both) noexcept  // NOLINT(google-explicit-constructor)
        : zeros_(both) {}
    constexpr Padding(Index rows, Index columns) noexcept : zeros_(rows, columns) {}

    [[nodiscard]] static constexpr Padding same() noexcept {
        Padding padding(0);
        padding.same_ = true;
        return padding;
    }
    [[nodiscard]] static constexpr Padding valid() noexcept { return 0; }

    [[nodiscard]] constexpr bool is_same() const noexcept { return same_; }
    /// Of each side; of `same` it depends on the kernel.
    [[nodiscard]] constexpr const HeightWidth& zeros() const noexcept { return zeros_; }

    friend constexpr bool operator==(const Padding&, const Padding&) noexcept = default;

private:
    HeightWidth zeros_;
    bool same_ = false;
};

/// PyTorch's, but for the padding: the default there is none.
struct ConvOptions {
    HeightWidth stride = 1;
    Padding padding = Padding::same();
    HeightWidth dilation = 1;
    Index groups = 1;  ///< each sees a share of the inputs and makes a share of the outputs
};

namespace detail {

KASMINA_COLD [[noreturn]] inline void refuse_channels_first(std::string_view where,
                                                            const Shape& input, Index channels) {
    throw ShapeError(
        "a map has its channels first (NCHW)", where,
        "(batch, height, width, channels) with " + std::to_string(channels) + " channels",
        to_string(input), "move the channels to the end, as permute(0, 2, 3, 1) does in PyTorch");
}

[[noreturn]] KASMINA_COLD inline void refuse_same_with_stride(std::string_view where,
                                                              const HeightWidth& stride) {
    throw OptionError("padding that keeps the size contradicts a stride", where,
                      "a stride of 1 with padding same", to_string(stride),
                      "give the padding as a number: half of the kernel, as a rule");
}

[[noreturn]] KASMINA_COLD inline void refuse_groups(std::string_view where, std::string_view name,
                                                    Index channels, Index groups) {
    throw OptionError("groups do not divide the channels", where,
                      std::string(name) + " that are a multiple of " + std::to_string(groups),
                      std::to_string(channels), "choose a divisor of inputs and outputs");
}

/// Of a kernel, or a window, that has no place.
[[noreturn]] KASMINA_COLD inline void refuse_small_map(std::string_view where, const char* what,
                                                       const HeightWidth& extents,
                                                       const HeightWidth& padded,
                                                       const char* mend) {
    throw ShapeError(std::string("the output would be empty: ") + what +
                         " is larger than the map with its padding",
                     where, "a padded map of " + to_string(extents) + " or more", to_string(padded),
                     mend);
}

/// Errors: OptionError for what no convolution can have.
constexpr void check_conv_options(std::string_view where, const ConvOptions& options) {
    check_sizes(where, "stride", options.stride, 1);
    check_sizes(where, "padding", options.padding.zeros(), 0);
    check_sizes(where, "dilation", options.dilation, 1);
    checked_size(where, "groups", options.groups);
    if (options.padding.is_same() && options.stride != HeightWidth(1)) {
        refuse_same_with_stride(where, options.stride);
    }
}

/// Errors: OptionError unless `groups` divides both.
constexpr void check_groups(std::string_view where, Index inputs, Index outputs, Index groups) {
    if (inputs % groups != 0) refuse_groups(where, "inputs", inputs, groups);
    if (outputs % groups != 0) refuse_groups(where, "outputs", outputs, groups);
}

/// The extent that a kernel covers; at most `unlimited`, whatever the numbers.
[[nodiscard]] constexpr Index covered_extent(Index kernel, Index dilation) noexcept {
    return is_size(kernel - 1, dilation) && (kernel - 1) * dilation < unlimited
               ? (kernel - 1) * dilation + 1
               : unlimited;
}

/// An extent with zeros on both sides; at most `unlimited`.
[[nodiscard]] constexpr Index padded_extent(Index extent, Index padding) noexcept {
    return padding > (unlimited - extent) / 2 ? unlimited : extent + 2 * padding;
}

/// A step that leads beyond the padded map leads to nothing, however long it is: as long as the
/// map.
[[nodiscard]] constexpr Index step_within(Index padded, Index step) noexcept {
    return std::min(padded, step);
}

/// The geometry of a convolution of a map with a kernel, for the operation `where`. Errors:
/// OptionError, ShapeError.
KASMINA_APART inline ConvShape conv_shape(std::string_view where, const MapShape& map,
                                          Index outputs, const HeightWidth& kernel,
                                          const ConvOptions& options) {
    check_conv_options(where, options);
    check_groups(where, map.channels, outputs, options.groups);
    const HeightWidth covered(covered_extent(kernel.height, options.dilation.height),
                              covered_extent(kernel.width, options.dilation.width));
    HeightWidth before = options.padding.zeros();
    HeightWidth padded(padded_extent(map.height, before.height),
                       padded_extent(map.width, before.width));
    if (options.padding.is_same()) {
        before = {(covered.height - 1) / 2, (covered.width - 1) / 2};
        padded = {
            map.height > unlimited - covered.height ? unlimited : map.height + covered.height - 1,
            map.width > unlimited - covered.width ? unlimited : map.width + covered.width - 1};
    }
    if (covered.height > padded.height || covered.width > padded.width) {
        refuse_small_map(where, "the kernel", covered, padded,
                         "pad more, dilate less or use a smaller kernel");
    }
    // That there are as many numbers is checked where the shapes are made.
    static_cast<void>(Shape{map.batch, padded.height, padded.width, map.channels});
    const ConvShape shape{
        .batch = map.batch,
        .height = map.height,
        .width = map.width,
        .in_channels = map.channels,
        .out_channels = outputs,
        .kernel_height = kernel.height,
        .kernel_width = kernel.width,
        .out_height = (padded.height - covered.height) / options.stride.height + 1,
        .out_width = (padded.width - covered.width) / options.stride.width + 1,
        .stride_height = step_within(padded.height, options.stride.height),
        .stride_width = step_within(padded.width, options.stride.width),
        .dilation_height = step_within(padded.height, options.dilation.height),
        .dilation_width = step_within(padded.width, options.dilation.width),
        .pad_top = before.height,
        .pad_left = before.width,
        .groups = options.groups};
    static_cast<void>(Shape{map.batch, shape.out_height, shape.out_width, outputs});
    return shape;
}

}  // namespace detail
}  // namespace kasmina::ops
