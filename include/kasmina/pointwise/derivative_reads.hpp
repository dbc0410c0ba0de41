// derivative_reads: which operands the derivative of a pointwise callable looks at.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>

namespace kasmina {

/// Whether any derivative of a pointwise `Function` depends on the value of operand `index`: the
/// way back has to keep those values and no others. A callable says so by a member, one entry for
/// each operand,
///
///     static constexpr std::array derivative_reads{false, true, true};  // a + factor * b
///
/// and is taken to read all of them where it has none. What it says is not checked: where an
/// operand is said not to be read, any numbers may stand in its place on the way back.
template <class Function>
[[nodiscard]] constexpr bool derivative_reads(std::size_t index) noexcept {
    if constexpr (requires { Function::derivative_reads[index]; }) {
        return Function::derivative_reads[index];
    } else {
        return true;
    }
}

}  // namespace kasmina
