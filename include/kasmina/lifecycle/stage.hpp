// Stage: the ten resting places of a slot, and their names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <kasmina/reflect/enumerators.hpp>

namespace kasmina {

/// Where a slot stands (spec section 1). Value 5 is retired: it is rejected wherever a stage is
/// read.
enum class Stage : std::uint8_t {
    unknown = 0,     ///< never a resting place
    dormant = 1,     ///< empty slot
    germinated = 2,  ///< seed attached, does not touch the forward pass
    training = 3,    ///< learns behind the host
    blending = 4,    ///< alpha ramps
    holding = 6,     ///< full amplitude; last decision point
    fossilized = 7,  ///< permanent
    pruned = 8,      ///< module freed, record kept
    embargoed = 9,   ///< cooldown
    resetting = 10,  ///< one-tick clean-up
};

/// All valid stages in value order.
inline constexpr std::array all_stages{
    Stage::unknown, Stage::dormant,    Stage::germinated, Stage::training,  Stage::blending,
    Stage::holding, Stage::fossilized, Stage::pruned,     Stage::embargoed, Stage::resetting};

[[nodiscard]] constexpr std::string_view name_of(Stage stage) noexcept {
    constexpr std::array<std::string_view, 11> names{
        "unknown", "dormant",    "germinated", "training",  "blending", "(retired)",
        "holding", "fossilized", "pruned",     "embargoed", "resetting"};
    const auto value = static_cast<std::size_t>(stage);
    return value < names.size() ? names[value] : "(invalid)";
}

/// Stages that run the seed in forward (L-5).
[[nodiscard]] constexpr bool is_active(Stage stage) noexcept {
    return stage == Stage::training || stage == Stage::blending || stage == Stage::holding ||
           stage == Stage::fossilized;
}

/// Stages on the way from a prune back to dormant (L-5).
[[nodiscard]] constexpr bool is_failure(Stage stage) noexcept {
    return stage == Stage::pruned || stage == Stage::embargoed || stage == Stage::resetting;
}

}  // namespace kasmina

template <>
struct kasmina::reflect::Enumerators<kasmina::Stage> {
    static constexpr auto& all = kasmina::all_stages;
};
