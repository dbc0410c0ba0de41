// offset_by: a place some elements behind another, in memory that may be none.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// `count` elements behind `first`. Behind nothing (values that nobody kept, a tensor without
/// elements) is nothing: to add to a null pointer is undefined, also where nobody reads there.
template <class T>
[[nodiscard]] constexpr T* offset_by(T* first, Index count) noexcept {
    return first == nullptr ? nullptr : first + count;
}

}  // namespace kasmina
