// Rearrange: the capability to copy between strided places, and to sum over axes.
#pragma once

#include <array>
#include <cstddef>

#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// Most axes that a strided place has; a shape has as many (Shape::max_rank).
inline constexpr std::size_t most_axes = 6;

/// Two places in memory, walked by the same index tuples: index i of axis a lies i * stride[a]
/// elements from the first. Axes behind `rank` are not looked at; strides are 0 or more.
struct StridedAxes {
    std::size_t rank = 0;
    std::array<Index, most_axes> extents{};
    std::array<Index, most_axes> from_strides{};
    std::array<Index, most_axes> to_strides{};

    /// Puts an axis behind the others. There is room for `most_axes`.
    constexpr void append(Index extent, Index from_stride, Index to_stride) noexcept {
        extents[rank] = extent;
        from_strides[rank] = from_stride;
        to_strides[rank] = to_stride;
        ++rank;
    }

    /// Index tuples in all: 1 of no axes.
    [[nodiscard]] constexpr Index elements() const noexcept {
        Index product = 1;
        for (std::size_t axis = 0; axis < rank; ++axis) product *= extents[axis];
        return product;
    }
};

/// to[index . to_strides] = [itself +] scale * from[index . from_strides], for each index tuple;
/// both pointers are those of the tuple of zeros. A from stride may be 0, which stretches that
/// axis; no element of `to` is met twice. Slices, permutations, concatenations and stretching are
/// this; with a scale of 1 the values keep their bits.
template <class T>
struct Rearrange {
    StridedAxes axes{};
    double scale = 1.0;
    bool accumulate = false;
    const T* from = nullptr;
    T* to = nullptr;
};

/// to[index . to_strides] = [itself +] scale * the sum of from[index . from_strides] over the axes
/// whose to stride is 0. By the other axes no element of `to` is met twice; where an axis that is
/// summed has no elements, the sum is 0. The order of the sum depends on the axes alone (E-1).
template <class T>
struct SumAxes {
    StridedAxes axes{};
    double scale = 1.0;
    bool accumulate = false;
    const T* from = nullptr;
    T* to = nullptr;
};

template <class B>
concept RearrangeBackend =
    requires(typename B::Context& context, const Rearrange<typename B::Scalar>& rearrange,
             const SumAxes<typename B::Scalar>& sum) {
        B::rearrange(context, rearrange);
        B::sum_axes(context, sum);
    };

}  // namespace kasmina
