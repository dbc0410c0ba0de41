// ForwardOnly: a backend on which nothing learns, so that no way back is compiled.
#pragma once

#include <kasmina/requirements.hpp>

namespace kasmina {

/// All that `B` is, with its kernels and contexts; but tapes on it record nothing, and operations
/// leave no closures in the program. For programs that run a trained network:
/// `hosts::Cnn<ForwardOnly<backends::Eigen<float>>>`.
template <class B>
struct ForwardOnly : B {
    static constexpr bool forward_only = true;
};

template <class B>
inline constexpr bool is_forward_only = [] {
    if constexpr (requires { B::forward_only; }) return B::forward_only;
    return false;
}();

}  // namespace kasmina
