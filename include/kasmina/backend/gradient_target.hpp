// GradientTarget: where a kernel puts a gradient.
#pragma once

#include <kasmina/requirements.hpp>

namespace kasmina {

/// `data` null means that the gradient is not wanted; `accumulate` says whether to add to what is
/// there or to overwrite it. `data` is the backend's memory.
template <class T>
struct GradientTarget {
    T* data = nullptr;
    bool accumulate = false;

    [[nodiscard]] explicit operator bool() const noexcept { return data != nullptr; }
};

}  // namespace kasmina
