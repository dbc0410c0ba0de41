// TableOfParts: the first record of a checkpoint, which says what else there is.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/reflect/fields.hpp>

namespace kasmina::checkpoint {

/// As it was in schema 1.
struct TableOfPartsBefore2 {
    std::vector<std::string> parts{};

    using Fields = reflect::List<&TableOfPartsBefore2::parts>;
    static constexpr int schema = 1;
};

/// What was saved, by which library, and what its owner wanted to remember of it.
struct TableOfParts {
    std::string library{};             ///< its version; empty where schema 1 did not say
    std::string note{};                ///< the user's
    std::vector<std::string> parts{};  ///< names, in the order in which they were given

    using Fields = reflect::List<&TableOfParts::library, &TableOfParts::note, &TableOfParts::parts>;

    /// Of its form in a checkpoint. 1: parts. 2: the library's version and a note.
    static constexpr int schema = 2;
    using Before = TableOfPartsBefore2;
    [[nodiscard]] static TableOfParts migrated(Before&& before) {
        return {.library = {}, .note = {}, .parts = std::move(before.parts)};
    }
};

/// Under which name of the metadata it is.
inline constexpr std::string_view table_key = "kasmina";

/// Under which the record of a part is: "kasmina/trainer".
[[nodiscard]] inline std::string key_of_part(std::string_view part) {
    return std::string(table_key) + "/" + std::string(part);
}

}  // namespace kasmina::checkpoint
