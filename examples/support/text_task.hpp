// A text to learn: where it comes from, its characters, and its parts.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/system_message.hpp>
#include <kasmina/telemetry/crc32c.hpp>
#include <kasmina/text/utf8.hpp>
#include <kasmina/text/vocabulary.hpp>

#include "files.hpp"

namespace kasmina::examples {

/// Of each text the first nine tenths train, the next twentieth says whether a seed helps, and the
/// last is looked at once, at the end.
struct TextTask {
    std::string name;
    std::vector<std::filesystem::path> files;
    text::CharacterVocabulary vocabulary;
    std::vector<std::int32_t> training;
    std::vector<std::int32_t> validation;
    std::vector<std::int32_t> test;
    std::uint32_t checksum = 0;  ///< of the whole text
};

/// What networks are scored on after each epoch: so many characters of the validation part, in
/// order.
[[nodiscard]] inline std::span<const std::int32_t> validated(const TextTask& task) {
    constexpr std::size_t most = 20000;
    return std::span(task.validation).first(std::min(most, task.validation.size()));
}

/// What a file or a pipe holds. Errors: DataError with the cause, for one that cannot be read; a
/// device may never end, and is refused.
[[nodiscard]] inline std::string read_text(const std::filesystem::path& path) {
    const auto refuse = [&path](const std::string& got) {
        throw DataError("a text cannot be read", path.string(), "a file of text", got,
                        "check the path, and who may read it");
    };
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored) &&
        !std::filesystem::is_fifo(path, ignored)) {
        refuse(what_is_there(path));
    }
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(file), {}};
    if (!file) refuse(system_message(errno == 0 ? EIO : errno));
    return content;
}

/// The project's own headers and pages, in the order of their names.
[[nodiscard]] inline std::vector<std::filesystem::path> own_texts(
    const std::filesystem::path& project) {
    std::vector<std::filesystem::path> found;
    for (const char* folder : {"include", "docs"}) {
        std::error_code missing;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(project / folder, missing)) {
            const auto ending = entry.path().extension();
            if (ending == ".hpp" || ending == ".md") found.push_back(entry.path());
        }
    }
    std::ranges::sort(found);
    return found;
}

/// Errors: DataError naming the file, for one that is no UTF-8.
inline void require_utf8(const std::filesystem::path& path, std::string_view content) {
    for (std::size_t at = 0; at < content.size();) {
        const text::Character next = text::first_character(content.substr(at));
        if (!next.valid) {
            throw DataError("a text is no UTF-8", path.string(), "UTF-8",
                            "something else at byte " + std::to_string(at),
                            "convert the file, say with iconv");
        }
        at += next.bytes;
    }
}

/// Errors: DataError for files that cannot be read, are no UTF-8, hold not two different
/// characters, or are too short for windows of `time` characters.
[[nodiscard]] inline TextTask load_text(std::string name, std::vector<std::filesystem::path> files,
                                        std::size_t time) {
    std::string content;
    for (const auto& file : files) {
        const std::string part = read_text(file);
        require_utf8(file, part);
        content += part;
    }
    if (content.empty()) {
        throw DataError("there is no text", files.empty() ? name : files.front().string(),
                        "a text of two different characters or more", "an empty one",
                        "pass --text with a file that holds some");
    }
    text::CharacterVocabulary vocabulary(content);
    if (vocabulary.size() < 2) {
        throw DataError("there is nothing to learn in the text", files.front().string(),
                        "two different characters or more", "one, over and over",
                        "use another text");
    }
    const std::vector<std::int32_t> all = vocabulary.encode(content);
    const std::size_t first = all.size() - all.size() / 10;
    const std::size_t second = first + (all.size() - first) / 2;
    if (second - first <= time || all.size() - second <= time) {
        throw DataError("the text is too short", files.size() == 1 ? files.front().string() : name,
                        "more than " + std::to_string(20 * (time + 1)) + " characters",
                        std::to_string(all.size()), "use a longer text, or a smaller --time");
    }
    const auto part = [&all](std::size_t from, std::size_t to) {
        return std::vector<std::int32_t>(all.begin() + static_cast<std::ptrdiff_t>(from),
                                         all.begin() + static_cast<std::ptrdiff_t>(to));
    };
    return {
        std::move(name),     std::move(files),         std::move(vocabulary),     part(0, first),
        part(first, second), part(second, all.size()), telemetry::crc32c(content)};
}

}  // namespace kasmina::examples
