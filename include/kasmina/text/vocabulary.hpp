// Vocabularies: texts as whole numbers and back, by their bytes or by the characters they hold.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/text/utf8.hpp>

namespace kasmina::text {

/// Texts as ids in 0 ... size() - 1, and back: what was encoded is decoded to the same text.
template <class V>
concept Vocabulary =
    requires(const V& vocabulary, std::string_view text, std::span<const std::int32_t> ids) {
        { vocabulary.size() } -> std::convertible_to<Index>;
        { vocabulary.encode(text) } -> std::same_as<std::vector<std::int32_t>>;
        { vocabulary.decode(ids) } -> std::same_as<std::string>;
    };

namespace detail {

[[noreturn]] KASMINA_COLD inline void refuse_id(const char* where, std::int32_t id, Index size) {
    throw NumericError("an id is not in the vocabulary", where, "0 ... " + std::to_string(size - 1),
                       std::to_string(id), "decode what this vocabulary encoded");
}

}  // namespace detail

/// One id per byte: any text, in any encoding.
struct ByteVocabulary {
    [[nodiscard]] static constexpr Index size() noexcept { return 256; }

    [[nodiscard]] static std::vector<std::int32_t> encode(std::string_view text) {
        std::vector<std::int32_t> ids(text.size());
        std::ranges::transform(text, ids.begin(),
                               [](char byte) { return static_cast<std::uint8_t>(byte); });
        return ids;
    }

    /// Errors: NumericError for ids that are none.
    [[nodiscard]] static std::string decode(std::span<const std::int32_t> ids) {
        std::string text;
        for (const std::int32_t id : ids) {
            if (id < 0 || id >= size()) detail::refuse_id("text::ByteVocabulary", id, size());
            text.push_back(static_cast<char>(id));
        }
        return text;
    }
};

/// One id per character of a text that it is made from, in the order of their code points.
class CharacterVocabulary {
public:
    /// Errors: DataError for a text without characters, or that is no UTF-8.
    explicit CharacterVocabulary(std::string_view text) {
        each_character(text, [this](char32_t code, std::size_t) { characters_.push_back(code); });
        std::ranges::sort(characters_);
        const auto repeated = std::ranges::unique(characters_);
        characters_.erase(repeated.begin(), repeated.end());
        characters_.shrink_to_fit();
        if (!characters_.empty()) return;
        throw DataError("there is no text", where, "a text of one character or more", "none",
                        "make the vocabulary from the text that is learned");
    }

    [[nodiscard]] Index size() const noexcept { return static_cast<Index>(characters_.size()); }

    /// Errors: DataError for a character that the vocabulary does not have, with its place, or for
    /// a text that is no UTF-8.
    [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text) const {
        std::vector<std::int32_t> ids;
        ids.reserve(text.size());
        each_character(text, [&](char32_t code, std::size_t at) {
            const auto found = std::ranges::lower_bound(characters_, code);
            if (found == characters_.end() || *found != code) refuse_character(code, at);
            ids.push_back(static_cast<std::int32_t>(found - characters_.begin()));
        });
        return ids;
    }

    /// Errors: NumericError for ids that are none.
    [[nodiscard]] std::string decode(std::span<const std::int32_t> ids) const {
        std::string text;
        for (const std::int32_t id : ids) {
            if (id < 0 || id >= size()) detail::refuse_id(where, id, size());
            append_character(text, characters_[static_cast<std::size_t>(id)]);
        }
        return text;
    }

private:
    static constexpr const char* where = "text::CharacterVocabulary";

    template <class F>
    static void each_character(std::string_view text, F&& f) {
        for (std::size_t at = 0; at < text.size();) {
            const Character next = first_character(text.substr(at));
            if (!next.valid) refuse_bytes(at);
            f(next.code, at);
            at += next.bytes;
        }
    }

    KASMINA_COLD [[noreturn]] static void refuse_bytes(std::size_t at) {
        throw DataError("a text is no UTF-8", where, "UTF-8",
                        "something else at byte " + std::to_string(at),
                        "convert the text, or use text::ByteVocabulary");
    }

    KASMINA_COLD [[noreturn]] void refuse_character(char32_t code, std::size_t at) const {
        std::string shown;
        append_character(shown, code);
        throw DataError("the vocabulary is too small for the text", where,
                        "one of its " + std::to_string(size()) + " characters",
                        "\"" + shown + "\" at byte " + std::to_string(at),
                        "make the vocabulary from a text that has all characters, or use "
                        "text::ByteVocabulary");
    }

    std::vector<char32_t> characters_{};
};

}  // namespace kasmina::text
