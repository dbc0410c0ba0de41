// Stage: the ten resting places of a slot, their names and the encoding that observers read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

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

/// All valid stages in value order; a stage's place here is its observer index (L-6, version 1).
inline constexpr std::array all_stages{
    Stage::unknown, Stage::dormant,    Stage::germinated, Stage::training,  Stage::blending,
    Stage::holding, Stage::fossilized, Stage::pruned,     Stage::embargoed, Stage::resetting};

/// Version of the index encoding below.
inline constexpr int stage_encoding_version = 1;

[[nodiscard]] constexpr std::string_view name_of(Stage stage) noexcept {
    constexpr std::array<std::string_view, 11> names{
        "unknown", "dormant",    "germinated", "training",  "blending", "(retired)",
        "holding", "fossilized", "pruned",     "embargoed", "resetting"};
    const auto value = static_cast<std::size_t>(stage);
    return value < names.size() ? names[value] : "(invalid)";
}

/// The stage of a stored value; absent for the retired 5 and anything out of range.
[[nodiscard]] constexpr std::optional<Stage> stage_from_value(int value) noexcept {
    if (value < 0 || value > 10 || value == 5) return std::nullopt;
    return static_cast<Stage>(value);
}

/// The stage of that name; absent when there is none.
[[nodiscard]] constexpr std::optional<Stage> stage_from_name(std::string_view name) noexcept {
    for (const Stage stage : all_stages) {
        if (name_of(stage) == name) return stage;
    }
    return std::nullopt;
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

/// Observer index 0..9 of a stage (L-6); absent for values that are no stage.
[[nodiscard]] constexpr std::optional<std::size_t> stage_index(Stage stage) noexcept {
    for (std::size_t index = 0; index < all_stages.size(); ++index) {
        if (all_stages[index] == stage) return index;
    }
    return std::nullopt;
}

/// The stage of an observer index; absent above 9.
[[nodiscard]] constexpr std::optional<Stage> stage_from_index(std::size_t index) noexcept {
    if (index >= all_stages.size()) return std::nullopt;
    return all_stages[index];
}

/// One-hot encoding over the ten indices; all zero for a value that is no stage.
[[nodiscard]] constexpr std::array<float, all_stages.size()> stage_one_hot(Stage stage) noexcept {
    std::array<float, all_stages.size()> encoding{};
    if (const auto index = stage_index(stage)) encoding[*index] = 1.0F;
    return encoding;
}

}  // namespace kasmina
