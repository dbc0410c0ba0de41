// The signed integer type of sizes and positions.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstddef>

namespace kasmina {

/// Sizes and positions of tensors: signed, so that differences are safe.
using Index = std::ptrdiff_t;

}  // namespace kasmina
