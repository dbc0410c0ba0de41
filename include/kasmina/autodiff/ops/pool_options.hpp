// PoolOptions: window, stride and padding of a pool, and the shape they make.
#pragma once

#include <string>
#include <string_view>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/conv_options.hpp>
#include <kasmina/backend/pooling.hpp>

namespace kasmina::ops {

/// From one window to the next: the window's own extents where nothing is said.
class PoolStride {
public:
    constexpr PoolStride() noexcept = default;
    constexpr PoolStride(Index both) noexcept  // NOLINT(google-explicit-constructor)
        : stride_(both), given_(true) {}
    constexpr PoolStride(Index rows, Index columns) noexcept
        : stride_(rows, columns), given_(true) {}

    [[nodiscard]] constexpr HeightWidth of(const HeightWidth& window) const noexcept {
        return given_ ? stride_ : window;
    }

private:
    HeightWidth stride_ = 0;
    bool given_ = false;
};

/// PyTorch's, without a dilation and without its ceil_mode: windows that go over the lower or right
/// edge of the padded map are left out. What is padded is in no window's maximum.
struct PoolOptions {
    HeightWidth window = 2;
    PoolStride stride{};
    HeightWidth padding = 0;  ///< at most half of the window
};

namespace detail {

[[noreturn]] KASMINA_COLD inline void refuse_pool_padding(std::string_view where,
                                                          const PoolOptions& options) {
    throw OptionError(
        "the padding of a pool is more than half of its window", where,
        "at most " + to_string(HeightWidth(options.window.height / 2, options.window.width / 2)),
        to_string(options.padding), "pad less: some window would have no value");
}

/// The geometry of a pool of that map, for the operation `where`. Errors: OptionError, ShapeError.
KASMINA_APART inline PoolShape pool_shape(std::string_view where, const MapShape& map,
                                          const PoolOptions& options) {
    // Kernels count places along an edge exactly in numbers of their own kind.
    constexpr Index most = Index{1} << 24;
    const HeightWidth& window = options.window;
    const HeightWidth stride = options.stride.of(window);
    checked_size(where, "window", window.height, 1, most);
    checked_size(where, "window", window.width, 1, most);
    check_sizes(where, "stride", stride, 1);
    check_sizes(where, "padding", options.padding, 0);
    if (options.padding.height > window.height / 2 || options.padding.width > window.width / 2) {
        refuse_pool_padding(where, options);
    }
    const HeightWidth padded(padded_extent(map.height, options.padding.height),
                             padded_extent(map.width, options.padding.width));
    if (window.height > padded.height || window.width > padded.width) {
        refuse_small_map(where, "the window", window, padded,
                         "pool fewer times, or use a smaller window");
    }
    return {.map = map,
            .kernel_height = window.height,
            .kernel_width = window.width,
            .stride_height = step_within(padded.height, stride.height),
            .stride_width = step_within(padded.width, stride.width),
            .pad_top = options.padding.height,
            .pad_left = options.padding.width,
            .out_height = (padded.height - window.height) / stride.height + 1,
            .out_width = (padded.width - window.width) / stride.width + 1};
}

}  // namespace detail
}  // namespace kasmina::ops
