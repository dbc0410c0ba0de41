// Shape: the extents of a tensor, in a fixed-size value that never allocates.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>

#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/tensor/sizes.hpp>

namespace kasmina {

/// Extents of a dense row-major tensor, outermost first. Feature maps are channels-last:
/// (batch, height, width, channels).
class Shape {
public:
    static constexpr Index max_rank = 6;

    constexpr Shape() = default;

    /// Errors: ShapeError when there are more than `max_rank` extents, one is negative, or they
    /// multiply to more elements than can be counted.
    constexpr Shape(std::initializer_list<Index> extents)
        : Shape(std::span<const Index>(extents.begin(), extents.size())) {}

    /// The same with extents that are known at run time only.
    explicit constexpr Shape(std::span<const Index> extents) {
        if (static_cast<Index>(extents.size()) > max_rank) {
            throw ShapeError("a tensor has too many dimensions", "Shape", "at most 6 extents",
                             std::to_string(extents.size()) + " extents",
                             "merge neighbouring dimensions");
        }
        for (const Index extent : extents) {
            if (extent < 0) {
                throw ShapeError("a tensor extent is negative", "Shape", "extents of 0 or more",
                                 std::to_string(extent), "pass the size of the dimension");
            }
            extents_[static_cast<std::size_t>(rank_++)] = extent;
        }
        check_elements();
    }

    [[nodiscard]] constexpr Index rank() const noexcept { return rank_; }

    /// Extent of dimension `axis`. Errors: ShapeError unless 0 <= axis < rank().
    [[nodiscard]] constexpr Index operator[](Index axis) const {
        if (axis < 0 || axis >= rank_) throw_no_axis(axis);
        return extents_[static_cast<std::size_t>(axis)];
    }

    /// The innermost extent; 1 for a rank-0 shape.
    [[nodiscard]] constexpr Index back() const noexcept {
        return rank_ == 0 ? 1 : extents_[static_cast<std::size_t>(rank_ - 1)];
    }

    /// Number of elements: the product of all extents (1 for rank 0).
    [[nodiscard]] constexpr Index elements() const noexcept {
        Index product = 1;
        for (Index axis = 0; axis < rank_; ++axis) {
            product *= extents_[static_cast<std::size_t>(axis)];
        }
        return product;
    }

    /// The same shape with another innermost extent; rank 0 becomes rank 1. Errors: as for shapes
    /// that are made.
    [[nodiscard]] constexpr Shape with_last(Index extent) const {
        std::array<Index, static_cast<std::size_t>(max_rank)> extents = extents_;
        const std::size_t rank = rank_ == 0 ? 1 : static_cast<std::size_t>(rank_);
        extents[rank - 1] = extent;
        return Shape(std::span<const Index>(extents.data(), rank));
    }

    friend constexpr bool operator==(const Shape&, const Shape&) noexcept = default;

private:
    /// An extent of 0 does not excuse the others: whoever walks them one after another would count
    /// past the end of the numbers all the same.
    constexpr void check_elements() const {
        Index product = 1;
        for (Index axis = 0; axis < rank_; ++axis) {
            const Index extent = (*this)[axis];
            if (!is_size(product, extent)) throw_too_large();
            if (extent > 0) product *= extent;
        }
    }

    KASMINA_COLD [[noreturn]] void throw_no_axis(Index axis) const {
        throw ShapeError(
            "a shape has no such dimension", "Shape",
            rank_ == 0 ? "none, for it has rank 0" : "0 ... " + std::to_string(rank_ - 1),
            std::to_string(axis), "ask rank() first");
    }

    KASMINA_COLD [[noreturn]] void throw_too_large() const {
        std::string extents;
        for (Index axis = 0; axis < rank_; ++axis) {
            extents += (axis > 0 ? " * " : "") + std::to_string((*this)[axis]);
        }
        throw ShapeError("a tensor has more elements than can be counted", "Shape",
                         "extents whose product is at most " + std::to_string(unlimited), extents,
                         "check the extents: one of them is probably no size");
    }

    std::array<Index, static_cast<std::size_t>(max_rank)> extents_{};
    Index rank_ = 0;
};

/// "(2, 3, 4)", as error messages print it.
[[nodiscard]] KASMINA_COLD inline std::string to_string(const Shape& shape) {
    std::string extents;
    for (Index axis = 0; axis < shape.rank(); ++axis) {
        append_to_list(extents, std::to_string(shape[axis]));
    }
    return "(" + extents + ")";
}

}  // namespace kasmina
