// Mode: whether a forward pass trains or evaluates.
#pragma once

#include <cstdint>

namespace kasmina {

/// What batch statistics (and dropout) go by. Evaluation changes no state (spec H-6).
enum class Mode : std::uint8_t { training, evaluation };

}  // namespace kasmina
