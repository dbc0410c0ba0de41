// Pools with windows of any size and stride, both ways: gradients are gathered, never scattered.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backend/pooling.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/reduction/channel_grid.hpp>

namespace kasmina::backends::cuda_detail {

/// From `begin` to before `end`.
struct PoolRange {
    int begin;
    int end;
};

/// Windows along one side of the map.
struct PoolSide {
    int extent = 0;  ///< of the map
    int windows = 0;
    int kernel = 1;
    int stride = 1;
    int pad = 0;

    /// The places of a window that lie on the map.
    [[nodiscard]] KASMINA_DEVICE PoolRange places(int window) const {
        const int first = window * stride - pad;
        const int end = first + kernel;
        return {first > 0 ? first : 0, end < extent ? end : extent};
    }
    /// The windows that a place of the map lies in.
    [[nodiscard]] KASMINA_DEVICE PoolRange windows_of(int place) const {
        const int from = place + pad;
        const int first = from < kernel ? 0 : (from - kernel) / stride + 1;
        const int end = from / stride + 1;
        return {first, end < windows ? end : windows};
    }
};

/// One of the grid's positions: a place of the map, or a window.
struct PoolPosition {
    Index sample;
    int row;
    int column;

    [[nodiscard]] static KASMINA_DEVICE PoolPosition at(Index position, int height, int width) {
        const Index line = position / width;
        const Index sample = line / height;
        return {sample, static_cast<int>(line - sample * height),
                static_cast<int>(position - line * width)};
    }
};

/// The windows of a map, and where they and its places are in memory.
struct PoolWindows {
    PoolSide rows{};
    PoolSide columns{};
    Index channels = 0;

    explicit PoolWindows(const PoolShape& shape)
        : rows{static_cast<int>(shape.map.height), static_cast<int>(shape.out_height),
               static_cast<int>(shape.kernel_height), static_cast<int>(shape.stride_height),
               static_cast<int>(shape.pad_top)},
          columns{static_cast<int>(shape.map.width), static_cast<int>(shape.out_width),
                  static_cast<int>(shape.kernel_width), static_cast<int>(shape.stride_width),
                  static_cast<int>(shape.pad_left)},
          channels(shape.map.channels) {}

    /// The first number of a line of the map, and of a line of windows.
    [[nodiscard]] KASMINA_DEVICE Index map_line(Index sample, int row) const {
        return (sample * rows.extent + row) * columns.extent * channels;
    }
    [[nodiscard]] KASMINA_DEVICE Index window_line(Index sample, int row) const {
        return (sample * rows.windows + row) * columns.windows * channels;
    }

    /// Calls `visit` for each window that a place lies in, in their order: with its places along
    /// either side, and where its first channel is.
    template <class Visit>
    KASMINA_DEVICE void each_window_of(const PoolPosition& place, const Visit& visit) const {
        const PoolRange down = rows.windows_of(place.row);
        const PoolRange across = columns.windows_of(place.column);
        for (int row = down.begin; row < down.end; ++row) {
            const PoolRange its_rows = rows.places(row);
            const Index line = window_line(place.sample, row);
            for (int column = across.begin; column < across.end; ++column) {
                visit(its_rows, columns.places(column), line + column * channels);
            }
        }
    }
};

/// y = the maximum of each window, or where `places` is given, which of its places that is: counted
/// in row-major order from the first on the map. The grid's positions are windows.
template <class T, int Width>
struct AnyMaxPoolKernel {
    static constexpr const char* name = "max_pool_of_any_window";
    ChannelGrid grid;
    PoolWindows windows;
    const T* x;
    T* y;
    std::int32_t* places;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const PoolPosition window =
                PoolPosition::at(position, windows.rows.windows, windows.columns.windows);
            const PoolRange rows = windows.rows.places(window.row);
            const PoolRange columns = windows.columns.places(window.column);
            Lanes<T, Width> most = same_lanes<Width>(T{0});
            Lanes<std::int32_t, Width> most_at = same_lanes<Width>(std::int32_t{0});
            std::int32_t at = 0;
            for (int row = rows.begin; row < rows.end; ++row) {
                const T* line = x + windows.map_line(window.sample, row) + place.channel;
                for (int column = columns.begin; column < columns.end; ++column, ++at) {
                    const Lanes<T, Width> value =
                        load_lanes<Width>(line + column * windows.channels);
                    KASMINA_DEVICE_UNROLL
                    for (int i = 0; i < Width; ++i) {
                        // Of equals the first, of NaNs the last.
                        if (at > 0 && !(value[i] > most[i]) && value[i] == value[i]) continue;
                        most[i] = value[i];
                        most_at[i] = at;
                    }
                }
            }
            const Index to = position * windows.channels + place.channel;
            if (places == nullptr) {
                store_lanes(y + to, most);
                continue;
            }
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) places[to + i] = most_at[i];
        }
    }
};

/// The gradient of each place of the map, from the windows whose maximum it is, in their order. The
/// grid's positions are the map's.
template <class T, int Width>
struct AnyMaxPoolPullbackKernel {
    static constexpr const char* name = "max_pool_pullback_of_any_window";
    ChannelGrid grid;
    PoolWindows windows;
    const std::int32_t* places;
    const T* grad_y;
    GradientTarget<T> grad_x;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const PoolPosition here =
                PoolPosition::at(position, windows.rows.extent, windows.columns.extent);
            Lanes<T, Width> sum = same_lanes<Width>(T{0});
            windows.each_window_of(here, [&](PoolRange rows, PoolRange columns, Index window) {
                const int number = (here.row - rows.begin) * (columns.end - columns.begin) +
                                   here.column - columns.begin;
                const Index from = window + place.channel;
                const Lanes<T, Width> gradient = load_lanes<Width>(grad_y + from);
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) {
                    if (places[from + i] == number) sum[i] += gradient[i];
                }
            });
            put_lanes(grad_x, position * windows.channels + place.channel, sum);
        }
    }
};

/// Over how many places a window's mean goes.
[[nodiscard]] KASMINA_DEVICE inline int places_of_mean(const PoolWindows& windows,
                                                       bool count_padding, const PoolRange& rows,
                                                       const PoolRange& columns) {
    return count_padding ? windows.rows.kernel * windows.columns.kernel
                         : (rows.end - rows.begin) * (columns.end - columns.begin);
}

/// y = the mean of each window. The grid's positions are windows.
template <class T, int Width>
struct AveragePoolKernel {
    static constexpr const char* name = "average_pool";
    ChannelGrid grid;
    PoolWindows windows;
    bool count_padding;
    const T* x;
    T* y;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const PoolPosition window =
                PoolPosition::at(position, windows.rows.windows, windows.columns.windows);
            const PoolRange rows = windows.rows.places(window.row);
            const PoolRange columns = windows.columns.places(window.column);
            Lanes<T, Width> sum = same_lanes<Width>(T{0});
            for (int row = rows.begin; row < rows.end; ++row) {
                const T* line = x + windows.map_line(window.sample, row) + place.channel;
                for (int column = columns.begin; column < columns.end; ++column) {
                    const Lanes<T, Width> value =
                        load_lanes<Width>(line + column * windows.channels);
                    KASMINA_DEVICE_UNROLL
                    for (int i = 0; i < Width; ++i) sum[i] += value[i];
                }
            }
            const T count = static_cast<T>(places_of_mean(windows, count_padding, rows, columns));
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) sum[i] /= count;
            store_lanes(y + position * windows.channels + place.channel, sum);
        }
    }
};

/// The gradient of each place of the map: its shares of its windows'. The grid's positions are the
/// map's.
template <class T, int Width>
struct AveragePoolPullbackKernel {
    static constexpr const char* name = "average_pool_pullback";
    ChannelGrid grid;
    PoolWindows windows;
    bool count_padding;
    const T* grad_y;
    GradientTarget<T> grad_x;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        for (Index position = place.first; position < place.end; position += grid.rows) {
            const PoolPosition here =
                PoolPosition::at(position, windows.rows.extent, windows.columns.extent);
            Lanes<T, Width> sum = same_lanes<Width>(T{0});
            windows.each_window_of(here, [&](PoolRange rows, PoolRange columns, Index window) {
                const Lanes<T, Width> gradient = load_lanes<Width>(grad_y + window + place.channel);
                const T count =
                    static_cast<T>(places_of_mean(windows, count_padding, rows, columns));
                KASMINA_DEVICE_UNROLL
                for (int i = 0; i < Width; ++i) sum[i] += gradient[i] / count;
            });
            put_lanes(grad_x, position * windows.channels + place.channel, sum);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
