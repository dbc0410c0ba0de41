// ConvAxis: what a convolution does along one axis of a map, forwards or back, of any stride.
#pragma once

#include <algorithm>
#include <numeric>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/register_tile.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The taps of a kernel along one axis that stay on the map.
struct TapRange {
    Index first;
    Index last;
};

/// Positions 0 ... count - 1: each sums taps of what is read, at position * step + first +
/// tap * tap_step, and is written at out_first + position * out_step. Tap 0 is the kernel's
/// `kernel_first`, the next ones are `kernel_step` apart.
///
/// Forwards that is the convolution as it is defined. Backwards the positions of the input fall
/// into as many phases as the stride: those of one phase see the same taps of the kernel, and
/// neighbours of a phase see neighbours of the gradient. So each phase is a convolution of stride 1
/// with some of the taps, written `stride` apart.
struct ConvAxis {
    Index count = 0;
    Index step = 1;
    Index taps = 0;
    Index first = 0;
    Index tap_step = 1;
    Index out_first = 0;
    Index out_step = 1;
    Index kernel_first = 0;
    Index kernel_step = 1;

    /// Of all that is read, the first position and the one after the last; some may be off the map.
    [[nodiscard]] Index reads_from() const noexcept { return first; }
    [[nodiscard]] Index reads_to() const noexcept {
        return (count - 1) * step + first + (taps - 1) * tap_step + 1;
    }

    /// The taps at `position` that stay on a map of `extent`.
    [[nodiscard]] TapRange on_map(Index position, Index extent) const noexcept {
        const Index at = position * step + first;
        const Index before = at < 0 ? ceil_div(-at, tap_step) : 0;
        const Index inside = extent > at ? ceil_div(extent - at, tap_step) : 0;
        return {before, std::min(taps, inside)};
    }

    [[nodiscard]] Index kernel_tap(Index tap) const noexcept {
        return kernel_first + tap * kernel_step;
    }
};

/// One axis of a convolution's shape.
struct ConvExtents {
    Index in;
    Index out;
    Index kernel;
    Index stride;
    Index dilation;
    Index pad;

    [[nodiscard]] static ConvExtents vertical(const ConvShape& shape) noexcept {
        return {shape.height,        shape.out_height,      shape.kernel_height,
                shape.stride_height, shape.dilation_height, shape.pad_top};
    }
    [[nodiscard]] static ConvExtents horizontal(const ConvShape& shape) noexcept {
        return {shape.width,        shape.out_width,      shape.kernel_width,
                shape.stride_width, shape.dilation_width, shape.pad_left};
    }

    [[nodiscard]] ConvAxis forward() const noexcept {
        return {.count = out, .step = stride, .taps = kernel, .first = -pad, .tap_step = dilation};
    }

    /// How many phases of the input there are.
    [[nodiscard]] Index phases() const noexcept { return std::min(stride, in); }

    /// The way back to the input's positions phase, phase + stride, ...; no taps where none reads
    /// them.
    [[nodiscard]] ConvAxis backward(Index phase) const noexcept {
        ConvAxis axis{
            .count = ceil_div(in - phase, stride), .out_first = phase, .out_step = stride};
        // Taps k with (phase + pad - k * dilation) a multiple of the stride: each `apart`-th.
        const Index common = std::gcd(stride, dilation);
        const Index apart = stride / common;
        Index tap = 0;
        while (tap < std::min(apart, kernel) && (phase + pad - tap * dilation) % stride != 0) ++tap;
        if (tap == std::min(apart, kernel)) return axis;
        axis.taps = (kernel - 1 - tap) / apart + 1;
        axis.tap_step = dilation / common;
        // From the last tap to the first, so that what they read ascends.
        axis.kernel_first = tap + (axis.taps - 1) * apart;
        axis.kernel_step = -apart;
        axis.first = (phase + pad - axis.kernel_first * dilation) / stride;
        return axis;
    }

    /// Whether a position of the input is read by no output's kernel at all.
    [[nodiscard]] bool leaves_gaps() const noexcept {
        for (Index phase = 0; phase < phases(); ++phase) {
            if (backward(phase).taps == 0) return true;
        }
        return false;
    }
};

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
