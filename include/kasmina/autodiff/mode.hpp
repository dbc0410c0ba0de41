// Mode: whether a pass trains or evaluates, and what norms with running statistics go by.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

namespace kasmina {

/// What a pass is for. Whether it records gradients is the tape's affair: evaluation with
/// gradients is possible, and so is training without.
enum class Mode : std::uint8_t {
    training,  ///< dropout drops; norms use the batch's statistics and move the running ones
    training_frozen_statistics,  ///< dropout drops; norms use the running statistics as they are
    evaluation,                  ///< nothing random, running statistics; changes no state (H-6)
};

}  // namespace kasmina
