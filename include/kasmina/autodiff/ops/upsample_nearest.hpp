// upsample_nearest: each pixel of a map repeated over a block of pixels.
#pragma once

#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/expand.hpp>
#include <kasmina/autodiff/ops/height_width.hpp>

namespace kasmina::ops {

/// (batch, height, width, channels) -> (batch, factor * height, factor * width, channels), the
/// factor in each direction; the gradient of a pixel is the sum over its block. That is PyTorch's
/// nearest neighbour for whole factors. Errors: ShapeError; OptionError for a factor below 1.
template <RearrangeBackend B>
[[nodiscard]] Variable<B> upsample_nearest(const Variable<B>& input, const HeightWidth& factor) {
    const MapShape map = detail::map_shape("upsample_nearest", input.shape());
    check_sizes("ops::upsample_nearest", "factor", factor, 1);
    // As one shape first: what cannot be counted is found before it is multiplied.
    const Shape blocks{map.batch, map.height, factor.height, map.width, factor.width, map.channels};
    const Variable<B> apart =
        reshape(input, Shape{map.batch, map.height, 1, map.width, 1, map.channels});
    return reshape(expand(apart, blocks), Shape{map.batch, map.height * factor.height,
                                                map.width * factor.width, map.channels});
}

}  // namespace kasmina::ops
