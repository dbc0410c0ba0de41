// Windows: what a convolution's result sees of the map, as the products' kernels walk over it.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>

namespace kasmina::backends::cuda_detail {

/// The results that windows belong to, and a window's extents.
struct WindowExtents {
    Index pixels = 0;  ///< of the results: batch * height * width
    int height = 0;
    int width = 0;
    int kernel_height = 0;
    int kernel_width = 0;
    int channels = 0;  ///< numbers per tap
    Index depth = 0;   ///< numbers of a window
};

/// Numbers of a window by their place in it: tap by tap, channels last. Walks on in steps.
struct WindowCursor {
    int channel;
    int row;     ///< of the kernel
    int column;  ///< of the kernel

    [[nodiscard]] static KASMINA_DEVICE WindowCursor at(const WindowExtents& window, Index k) {
        const int tap = static_cast<int>(k / window.channels);
        return {static_cast<int>(k - Index{tap} * window.channels), tap / window.kernel_width,
                tap % window.kernel_width};
    }
    KASMINA_DEVICE void advance(const WindowExtents& window, int step) {
        channel += step;
        while (channel >= window.channels) {
            channel -= window.channels;
            if (++column == window.kernel_width) {
                column = 0;
                ++row;
            }
        }
    }
    /// Whether it is still inside the window.
    [[nodiscard]] KASMINA_DEVICE bool inside(const WindowExtents& window) const {
        return row < window.kernel_height;
    }
};

/// Of a convolution that keeps the map's size: results lie where the middles of their windows do.
struct SlidingWindow : WindowExtents {
    static constexpr bool grouped = false;

    /// The window over maps with `channels` channels, forwards or back.
    [[nodiscard]] static SlidingWindow of(const ConvShape& shape, Index channels) {
        return {{.pixels = shape.batch * shape.height * shape.width,
                 .height = static_cast<int>(shape.height),
                 .width = static_cast<int>(shape.width),
                 .kernel_height = static_cast<int>(shape.kernel_height),
                 .kernel_width = static_cast<int>(shape.kernel_width),
                 .channels = static_cast<int>(channels),
                 .depth = shape.kernel_height * shape.kernel_width * channels}};
    }

    /// A pixel with its place in its map.
    struct Pixel {
        Index pixel;
        int row;
        int column;

        [[nodiscard]] static KASMINA_DEVICE Pixel at(const SlidingWindow& window, Index pixel) {
            const Index line = pixel / window.width;
            return {pixel, static_cast<int>(line % window.height),
                    static_cast<int>(pixel - line * window.width)};
        }
        KASMINA_DEVICE void advance(const SlidingWindow& window, int step) {
            pixel += step;
            column += step;
            while (column >= window.width) {
                column -= window.width;
                if (++row == window.height) row = 0;
            }
        }
    };

    /// `Width` numbers of a pixel's window; zeros where it leaves the map.
    template <int Width, class T>
    [[nodiscard]] KASMINA_DEVICE Lanes<T, Width> load(const T* x, const Pixel& at,
                                                      const WindowCursor& place) const {
        const int down = place.row - kernel_height / 2;
        const int right = place.column - kernel_width / 2;
        const int row = at.row + down;
        const int column = at.column + right;
        const bool on_map = place.inside(*this) && at.pixel < pixels && row >= 0 && row < height &&
                            column >= 0 && column < width;
        if (!on_map) return same_lanes<Width>(T{0});
        const Index from = at.pixel + Index{down} * width + right;
        return load_lanes<Width>(x + from * channels + place.channel);
    }
};

/// Along one side of the map: result `index` sees with its tap what is at (index * step + start +
/// tap * tap_step) / divide, where that is whole and on the map.
struct WindowSide {
    int extent = 0;  ///< of the map
    int step = 1;
    int start = 0;
    int tap_step = 1;
    int divide = 1;

    /// Negative where there is nothing.
    [[nodiscard]] KASMINA_DEVICE int at(int index, int tap) const {
        int place = index * step + start + tap * tap_step;
        if (place < 0) return -1;
        if (divide != 1) {
            const int whole = place / divide;
            if (whole * divide != place) return -1;
            place = whole;
        }
        return place < extent ? place : -1;
    }
};

/// Of any convolution, and of its way back to the input: there strides leave gaps between what a
/// result sees, and taps are turned about. `channels` are those of one group.
struct StridedWindow : WindowExtents {
    static constexpr bool grouped = true;

    WindowSide rows{};
    WindowSide columns{};
    Index pitch = 0;  ///< channels of the map, those of all groups
    Index map = 0;    ///< numbers of a sample's map

    [[nodiscard]] static StridedWindow forward(const ConvShape& shape) {
        const Index channels = shape.in_channels / shape.groups;
        StridedWindow window = over(shape, shape.out_height, shape.out_width, channels);
        window.rows = WindowSide{.extent = static_cast<int>(shape.height),
                                 .step = static_cast<int>(shape.stride_height),
                                 .start = static_cast<int>(-shape.pad_top),
                                 .tap_step = static_cast<int>(shape.dilation_height)};
        window.columns = WindowSide{.extent = static_cast<int>(shape.width),
                                    .step = static_cast<int>(shape.stride_width),
                                    .start = static_cast<int>(-shape.pad_left),
                                    .tap_step = static_cast<int>(shape.dilation_width)};
        window.pitch = shape.in_channels;
        window.map = shape.height * shape.width * shape.in_channels;
        return window;
    }
    [[nodiscard]] static StridedWindow back(const ConvShape& shape) {
        const Index channels = shape.out_channels / shape.groups;
        StridedWindow window = over(shape, shape.height, shape.width, channels);
        const Index up = (shape.kernel_height - 1) * shape.dilation_height;
        const Index left = (shape.kernel_width - 1) * shape.dilation_width;
        window.rows = WindowSide{.extent = static_cast<int>(shape.out_height),
                                 .start = static_cast<int>(shape.pad_top - up),
                                 .tap_step = static_cast<int>(shape.dilation_height),
                                 .divide = static_cast<int>(shape.stride_height)};
        window.columns = WindowSide{.extent = static_cast<int>(shape.out_width),
                                    .start = static_cast<int>(shape.pad_left - left),
                                    .tap_step = static_cast<int>(shape.dilation_width),
                                    .divide = static_cast<int>(shape.stride_width)};
        window.pitch = shape.out_channels;
        window.map = shape.out_height * shape.out_width * shape.out_channels;
        return window;
    }

    /// A result's pixel with its place in its map, and where its sample begins.
    struct Pixel {
        Index pixel;
        int row;
        int column;
        Index sample;

        [[nodiscard]] static KASMINA_DEVICE Pixel at(const StridedWindow& window, Index pixel) {
            const Index line = pixel / window.width;
            const Index sample = line / window.height;
            return {pixel, static_cast<int>(line - sample * window.height),
                    static_cast<int>(pixel - line * window.width), sample * window.map};
        }
        KASMINA_DEVICE void advance(const StridedWindow& window, int step) {
            pixel += step;
            column += step;
            while (column >= window.width) {
                column -= window.width;
                if (++row < window.height) continue;
                row = 0;
                sample += window.map;
            }
        }
    };

    template <int Width, class T>
    [[nodiscard]] KASMINA_DEVICE Lanes<T, Width> load(const T* x, const Pixel& at,
                                                      const WindowCursor& place) const {
        if (!place.inside(*this) || at.pixel >= pixels) return same_lanes<Width>(T{0});
        const int row = rows.at(at.row, place.row);
        const int column = columns.at(at.column, place.column);
        if (row < 0 || column < 0) return same_lanes<Width>(T{0});
        const Index from = at.sample + (Index{row} * columns.extent + column) * pitch;
        return load_lanes<Width>(x + from + place.channel);
    }

private:
    [[nodiscard]] static StridedWindow over(const ConvShape& shape, Index height, Index width,
                                            Index channels) {
        return {{.pixels = shape.batch * height * width,
                 .height = static_cast<int>(height),
                 .width = static_cast<int>(width),
                 .kernel_height = static_cast<int>(shape.kernel_height),
                 .kernel_width = static_cast<int>(shape.kernel_width),
                 .channels = static_cast<int>(channels),
                 .depth = shape.kernel_height * shape.kernel_width * channels}};
    }
};

}  // namespace kasmina::backends::cuda_detail
