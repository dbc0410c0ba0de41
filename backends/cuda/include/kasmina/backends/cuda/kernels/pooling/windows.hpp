// Windows: the 2x2 windows of a map, which of them are whole, and where their maxima are.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backend/geometry.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>

namespace kasmina::backends::cuda_detail {

/// Windows of a map with stride 2, row-major. What an odd height or width leaves over lies in
/// windows that are not whole; these count only where they are asked for.
struct Windows {
    Index height = 0;  ///< of the map
    Index width = 0;
    Index channels = 0;
    Index rows = 0;  ///< windows below each other
    Index columns = 0;

    [[nodiscard]] static Windows whole(const MapShape& shape) {
        return {shape.height, shape.width, shape.channels, shape.height / 2, shape.width / 2};
    }
    [[nodiscard]] static Windows all(const MapShape& shape) {
        return {shape.height, shape.width, shape.channels, (shape.height + 1) / 2,
                (shape.width + 1) / 2};
    }
    [[nodiscard]] Index count(const MapShape& shape) const { return shape.batch * rows * columns; }
};

/// One window: the element of the map at its first corner (of channel 0), and how far it goes.
struct Window {
    Index corner;
    bool right;    ///< there is a second column
    bool below;    ///< there is a second row
    Index pooled;  ///< its element in the pooled map, channel 0; only of whole windows
};

[[nodiscard]] KASMINA_DEVICE inline Window window_at(const Windows& windows, Index index) {
    const Index line = index / windows.columns;
    const Index column = index - line * windows.columns;
    const Index sample = line / windows.rows;
    const Index row = line - sample * windows.rows;
    const Index first = (sample * windows.height + 2 * row) * windows.width + 2 * column;
    const Index pooled = (sample * (windows.height / 2) + row) * (windows.width / 2) + column;
    return {first * windows.channels, 2 * column + 1 < windows.width, 2 * row + 1 < windows.height,
            pooled * windows.channels};
}

/// The elements of a window's four corners as seen from the first.
[[nodiscard]] KASMINA_DEVICE inline Index corner_of(const Windows& windows, int k) {
    return (k % 2 + k / 2 * windows.width) * windows.channels;
}
[[nodiscard]] KASMINA_DEVICE inline bool has_corner(const Window& window, int k) {
    return (k % 2 == 0 || window.right) && (k / 2 == 0 || window.below);
}

/// Which of four values is the greatest: of equals the first, of NaNs the last.
template <class T>
[[nodiscard]] KASMINA_DEVICE int place_of_maximum(T a, T b, T c, T d) {
    int place = 0;
    T most = a;
    const T next[3] = {b, c, d};
    KASMINA_DEVICE_UNROLL
    for (int k = 0; k < 3; ++k) {
        if (next[k] > most || next[k] != next[k]) {
            place = k + 1;
            most = next[k];
        }
    }
    return place;
}
template <class T>
[[nodiscard]] KASMINA_DEVICE T maximum(T a, T b, T c, T d) {
    T most = a;
    if (b > most || b != b) most = b;
    if (c > most || c != c) most = c;
    if (d > most || d != d) most = d;
    return most;
}

}  // namespace kasmina::backends::cuda_detail
