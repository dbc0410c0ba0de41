// MapGeometry, MapShape and OutputExtent: how kernels see the extents of tensors.
#pragma once

#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// A tensor seen as (samples, positions, channels), row-major: the first extent, the product of
/// those between, the last.
struct MapGeometry {
    Index samples = 1;
    Index positions = 1;
    Index channels = 1;

    [[nodiscard]] constexpr Index elements() const noexcept {
        return samples * positions * channels;
    }
};

/// A feature map (batch, height, width, channels). Operations let none through that has no pixels
/// or no channels; there may be no samples.
struct MapShape {
    Index batch = 0;
    Index height = 0;
    Index width = 0;
    Index channels = 0;

    friend constexpr bool operator==(const MapShape&, const MapShape&) = default;

    [[nodiscard]] constexpr Index elements() const noexcept {
        return batch * height * width * channels;
    }
};

/// An extent of what a kernel writes. It has no default: a shape that leaves it out does not
/// compile, where 0 would be a kernel that writes nothing.
class OutputExtent {
public:
    constexpr OutputExtent(Index extent) noexcept  // NOLINT(google-explicit-constructor)
        : extent_(extent) {}
    constexpr operator Index() const noexcept {  // NOLINT(google-explicit-constructor)
        return extent_;
    }

private:
    Index extent_;
};

}  // namespace kasmina
