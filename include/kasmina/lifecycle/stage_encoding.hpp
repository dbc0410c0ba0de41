// Stages as stored values, names, indices and one-hot vectors, with errors for what is no stage
// (L-6).
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <kasmina/error.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/reflect/check_enumerator.hpp>

namespace kasmina {

/// Version of the encoding: a stage's place in `all_stages` is its observer index.
inline constexpr int stage_encoding_version = 1;

/// Errors: LifecycleError that names the valid stages.
[[noreturn]] KASMINA_COLD inline void throw_no_stage(std::string_view where, std::string got) {
    throw LifecycleError("not a stage", std::string(where),
                         reflect::in_words(reflect::enumerators<Stage>), std::move(got),
                         "use one of the valid stages");
}

/// The stage of a stored value. Errors: LifecycleError for the retired 5 and all other values that
/// are no stage, naming those that are.
[[nodiscard]] constexpr Stage stage_from_value(int value,
                                               std::string_view where = "stage_from_value") {
    for (const Stage stage : all_stages) {
        if (static_cast<int>(stage) == value) return stage;
    }
    throw_no_stage(where, std::to_string(value) + (value == 5 ? " (retired)" : ""));
}

/// The stage of that name. Errors: LifecycleError, as above.
[[nodiscard]] constexpr Stage stage_from_name(std::string_view name,
                                              std::string_view where = "stage_from_name") {
    for (const Stage stage : all_stages) {
        if (name_of(stage) == name) return stage;
    }
    throw_no_stage(where, "\"" + std::string(name) + "\"");
}

/// Observer index 0..9 of a stage. Errors: LifecycleError for a value that is no stage.
[[nodiscard]] constexpr std::size_t stage_index(Stage stage) {
    for (std::size_t index = 0; index < all_stages.size(); ++index) {
        if (all_stages[index] == stage) return index;
    }
    const int value = static_cast<int>(stage);
    throw_no_stage("stage_index", std::to_string(value) + (value == 5 ? " (retired)" : ""));
}

/// The stage of an observer index. Errors: LifecycleError above 9.
[[nodiscard]] constexpr Stage stage_from_index(std::size_t index) {
    if (index < all_stages.size()) return all_stages[index];
    throw_no_stage("stage_from_index",
                   "index " + std::to_string(index) + " of " + std::to_string(all_stages.size()));
}

/// One-hot encoding over the ten indices. Errors: LifecycleError for a value that is no stage.
[[nodiscard]] constexpr std::array<float, all_stages.size()> stage_one_hot(Stage stage) {
    std::array<float, all_stages.size()> encoding{};
    encoding[stage_index(stage)] = 1.0F;
    return encoding;
}

}  // namespace kasmina
