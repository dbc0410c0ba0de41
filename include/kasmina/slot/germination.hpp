// What makes a germination's module one way or the other.
#pragma once

#include <kasmina/blueprints/registry.hpp>
#include <kasmina/slot/options.hpp>

namespace kasmina::slot_detail {

/// A seed that is blended by multiplication is born quietly (B-5).
[[nodiscard]] constexpr Birth birth_of(const GerminationOptions& options) noexcept {
    return options.algorithm == BlendAlgorithm::multiply ? Birth::quiet : Birth::own;
}

}  // namespace kasmina::slot_detail
