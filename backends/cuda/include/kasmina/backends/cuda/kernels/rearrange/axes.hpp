// Axes: the walk over an array and another one by extents and strides, with as few axes as will do.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backends/cuda/divisor.hpp>

namespace kasmina::backends::cuda_detail {

/// One axis as the host sees it.
struct Axis {
    Index extent = 1;
    Index from_stride = 0;
    Index to_stride = 0;
};

/// Where an element is in both arrays.
struct Places {
    Index from;
    Index to;
};

/// Axes from the outermost to the innermost.
class Axes {
public:
    Axes() = default;
    explicit Axes(const StridedAxes& axes) {
        for (std::size_t i = 0; i < axes.rank; ++i) {
            add({axes.extents[i], axes.from_strides[i], axes.to_strides[i]});
        }
    }

    /// One of extent 1 is none.
    void add(const Axis& axis) {
        if (axis.extent != 1) axes_[static_cast<std::size_t>(count_++)] = axis;
    }
    [[nodiscard]] int count() const { return count_; }
    [[nodiscard]] Axis& operator[](int i) { return axes_[static_cast<std::size_t>(i)]; }
    [[nodiscard]] const Axis& operator[](int i) const { return axes_[static_cast<std::size_t>(i)]; }
    [[nodiscard]] Axis last() const { return count_ == 0 ? Axis{} : (*this)[count_ - 1]; }
    [[nodiscard]] Index elements() const {
        Index elements = 1;
        for (int i = 0; i < count_; ++i) elements *= (*this)[i].extent;
        return elements;
    }

    /// Puts axes with smaller strides further in, and makes one of two that are walked as one.
    void simplify(Index Axis::*stride) {
        for (int i = 1; i < count_; ++i) {
            for (int k = i; k > 0 && (*this)[k - 1].*stride < (*this)[k].*stride; --k) {
                std::swap((*this)[k - 1], (*this)[k]);
            }
        }
        int kept = 0;
        for (int i = 1; i < count_; ++i) {
            Axis& outer = (*this)[kept];
            const Axis inner = (*this)[i];
            if (outer.from_stride == inner.from_stride * inner.extent &&
                outer.to_stride == inner.to_stride * inner.extent) {
                outer = {outer.extent * inner.extent, inner.from_stride, inner.to_stride};
            } else {
                (*this)[++kept] = inner;
            }
        }
        if (count_ > 0) count_ = kept + 1;
    }
    /// Takes an axis out.
    [[nodiscard]] Axis take(int i) {
        const Axis taken = (*this)[i];
        for (int k = i; k + 1 < count_; ++k) (*this)[k] = (*this)[k + 1];
        --count_;
        return taken;
    }
    /// f(axes, where they begin) for both halves of the longest axis.
    template <class F>
    void in_halves(const F& f) const {
        int longest = 0;
        for (int i = 1; i < count_; ++i) {
            if ((*this)[i].extent > (*this)[longest].extent) longest = i;
        }
        Axes part = *this;
        const Axis whole = part[longest];
        const Index half = whole.extent / 2;
        part[longest].extent = half;
        f(part, Places{0, 0});
        part[longest].extent = whole.extent - half;
        f(part, Places{half * whole.from_stride, half * whole.to_stride});
    }

private:
    std::array<Axis, most_axes> axes_{};
    int count_ = 0;
};

/// Axes as a kernel walks them: at most `divisible_numbers` elements.
struct Walk {
    int count = 0;
    Divisor extents[most_axes]{};
    Index from_strides[most_axes]{};
    Index to_strides[most_axes]{};

    Walk() = default;
    explicit Walk(const Axes& axes) : count(axes.count()) {
        for (int i = 0; i < count; ++i) {
            // Of nothing, no element is asked for.
            extents[i] = Divisor(std::max<Index>(1, axes[i].extent));
            from_strides[i] = axes[i].from_stride;
            to_strides[i] = axes[i].to_stride;
        }
    }

    /// Of the element with that number, counted from the innermost axis on.
    [[nodiscard]] KASMINA_DEVICE Places at(std::uint32_t number) const {
        Places places{0, 0};
        for (int i = count - 1; i > 0; --i) {
            const std::uint32_t rest = extents[i].quotient(number);
            const Index index = number - rest * extents[i].value();
            places.from += index * from_strides[i];
            places.to += index * to_strides[i];
            number = rest;
        }
        if (count > 0) {
            places.from += Index{number} * from_strides[0];
            places.to += Index{number} * to_strides[0];
        }
        return places;
    }
};

}  // namespace kasmina::backends::cuda_detail
