// Mode: whether a pass trains or evaluates, and what norms with running statistics go by.
#pragma once

#include <kasmina/requirements.hpp>

#include <array>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>

namespace kasmina {

/// What a pass is for. Whether it records gradients is the tape's affair: evaluation with
/// gradients is possible, and so is training without.
enum class Mode : std::uint8_t {
    training,  ///< dropout drops; norms use the batch's statistics and move the running ones
    training_frozen_statistics,  ///< dropout drops; norms use the running statistics as they are
    evaluation,                  ///< nothing random, running statistics; changes no state (H-6)
};

[[nodiscard]] constexpr std::string_view name_of(Mode mode) noexcept {
    switch (mode) {
        case Mode::training: return "training";
        case Mode::training_frozen_statistics: return "training_frozen_statistics";
        case Mode::evaluation: return "evaluation";
    }
    return "(invalid)";
}

template <>
struct reflect::Enumerators<Mode> {
    static constexpr std::array all{Mode::training, Mode::training_frozen_statistics,
                                    Mode::evaluation};
};

}  // namespace kasmina
