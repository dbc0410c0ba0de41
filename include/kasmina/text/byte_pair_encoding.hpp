// BytePairEncoding: GPT-2's vocabulary of pieces of words, read from its two files.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/tensor/index.hpp>
#include <kasmina/text/utf8.hpp>
#include <kasmina/text/vocabulary.hpp>
#include <kasmina/text/word_pieces.hpp>

namespace kasmina::text {
namespace detail {

/// The character that stands for a byte in the files: itself where it can be seen, else one from
/// U+0100 on.
[[nodiscard]] constexpr std::array<char32_t, 256> characters_of_bytes() noexcept {
    std::array<char32_t, 256> characters{};
    char32_t next = 0x100;
    for (char32_t byte = 0; byte < 256; ++byte) {
        const bool seen = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
                          (byte >= 0xAE && byte <= 0xFF);
        characters[byte] = seen ? byte : next++;
    }
    return characters;
}

}  // namespace detail

/// A text is cut into words (word_pieces.hpp), and in each the neighbours that stand first in a
/// list of pairs become one, until none are left (Sennrich, Haddow and Birch, "Neural machine
/// translation of rare words with subword units", 2016; on bytes: Radford et al., 2019). Any text
/// can be encoded, and what was encoded is decoded to the same bytes.
class BytePairEncoding {
public:
    /// Reads "vocab.json", an object from pieces to ids 0, 1, ..., and "merges.txt", two pieces a
    /// line, the first to be joined first, below a line that begins with "#version". In both, bytes
    /// stand as printable characters. Errors: DataError for a file that cannot be read or is no
    /// such file: ids that are not 0 ... n - 1 each once, a byte without a piece, no pair at all, a
    /// pair of unknown pieces or one that makes an unknown piece.
    BytePairEncoding(const std::filesystem::path& vocabulary, const std::filesystem::path& merges) {
        read_vocabulary(vocabulary);
        read_merges(merges);
    }

    [[nodiscard]] Index size() const noexcept { return static_cast<Index>(pieces_.size()); }

    [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text) const {
        moved_from_.check("a byte-pair encoding");
        std::vector<std::int32_t> ids;
        Word word;
        while (!text.empty()) {
            const std::size_t length = first_word(text);
            encode_word(text.substr(0, length), word, ids);
            text.remove_prefix(length);
        }
        return ids;
    }

    /// The bytes of the pieces. Errors: NumericError for ids that are none.
    [[nodiscard]] std::string decode(std::span<const std::int32_t> ids) const {
        moved_from_.check("a byte-pair encoding");
        std::string text;
        for (const std::int32_t id : ids) {
            if (id < 0 || id >= size()) detail::refuse_id(where, id, size());
            text += pieces_[static_cast<std::size_t>(id)];
        }
        return text;
    }

private:
    static constexpr const char* where = "text::BytePairEncoding";
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    struct Merge {
        std::size_t rank;
        std::int32_t joined;
    };

    /// Pieces of a word as a list in which neighbours are joined.
    struct Piece {
        std::int32_t id;
        std::size_t before;
        std::size_t after;
    };
    struct Pair {
        std::size_t rank;
        std::size_t left;  ///< the first of the two, among the pieces
        std::int32_t first;
        std::int32_t second;

        /// For a queue: the lowest rank first, of equals the leftmost.
        [[nodiscard]] bool operator<(const Pair& other) const noexcept {
            return rank > other.rank || (rank == other.rank && left > other.left);
        }
    };
    struct Word {
        std::vector<Piece> pieces{};
        std::priority_queue<Pair> pairs{};
    };

    [[nodiscard]] static constexpr std::uint64_t key_of(std::int32_t first,
                                                        std::int32_t second) noexcept {
        return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(first)) << 32U) |
               static_cast<std::uint32_t>(second);
    }

    void note_pair(Word& word, std::size_t left) const {
        const std::size_t right = word.pieces[left].after;
        if (right == none) return;
        const std::int32_t first = word.pieces[left].id;
        const std::int32_t second = word.pieces[right].id;
        const auto found = merges_.find(key_of(first, second));
        if (found != merges_.end()) word.pairs.push({found->second.rank, left, first, second});
    }

    void encode_word(std::string_view bytes, Word& word, std::vector<std::int32_t>& ids) const {
        word.pieces.clear();
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            word.pieces.push_back({of_byte_[static_cast<std::uint8_t>(bytes[i])],
                                   i == 0 ? none : i - 1, i + 1 == bytes.size() ? none : i + 1});
        }
        for (std::size_t i = 0; i < bytes.size(); ++i) note_pair(word, i);
        while (!word.pairs.empty()) {
            const Pair pair = word.pairs.top();
            word.pairs.pop();
            Piece& left = word.pieces[pair.left];
            // One of the two may have been joined to another since.
            if (left.id != pair.first || left.after == none ||
                word.pieces[left.after].id != pair.second) {
                continue;
            }
            Piece& right = word.pieces[left.after];
            left.id = merges_.find(key_of(pair.first, pair.second))->second.joined;
            left.after = right.after;
            right.id = -1;
            if (left.after != none) word.pieces[left.after].before = pair.left;
            note_pair(word, pair.left);
            if (left.before != none) note_pair(word, left.before);
        }
        for (const Piece& piece : word.pieces) {
            if (piece.id >= 0) ids.push_back(piece.id);
        }
    }

    /// The bytes that a piece of a file stands for; as it is where it holds other characters, as
    /// the names of special tokens may.
    [[nodiscard]] static std::string bytes_of(std::string_view piece) {
        constexpr auto characters = detail::characters_of_bytes();
        std::string bytes;
        for (std::size_t at = 0; at < piece.size();) {
            const Character next = first_character(piece.substr(at));
            const auto found = std::ranges::find(characters, next.code);
            if (!next.valid || found == characters.end()) return std::string(piece);
            bytes.push_back(static_cast<char>(found - characters.begin()));
            at += next.bytes;
        }
        return bytes;
    }

    [[nodiscard]] static std::ifstream open(const std::filesystem::path& path) {
        std::ifstream file(path, std::ios::binary);
        if (!file) refuse(path, "a file that can be read", "none");
        return file;
    }

    /// A folder can be opened, and a disk can fail: what is read then ends as a file does.
    static void require_read(const std::ifstream& file, const std::filesystem::path& path) {
        if (file.bad()) refuse(path, "a file that can be read to its end", "none");
    }

    KASMINA_COLD [[noreturn]] static void refuse(const std::filesystem::path& path,
                                                 std::string_view expected, std::string_view got) {
        throw DataError("a vocabulary cannot be read", path.string(), expected, got,
                        "pass the vocab.json and merges.txt of one and the same model");
    }

    void read_vocabulary(const std::filesystem::path& path) {
        std::ifstream file = open(path);
        std::string content;  // by the stream, which says what goes wrong by a state
        for (std::string line; std::getline(file, line); content += '\n') content += line;
        require_read(file, path);
        const auto json = nlohmann::json::parse(content, nullptr, false);
        if (!json.is_object() || json.empty()) refuse(path, "a JSON object", "something else");
        pieces_.resize(json.size());
        std::vector<bool> seen(json.size());
        for (const auto& [name, value] : json.items()) {
            const bool counts = value.is_number_unsigned() &&
                                value.template get<std::uint64_t>() < json.size() &&
                                !seen[value.template get<std::size_t>()];
            if (!counts) {
                refuse(path, "each of 0 ... " + std::to_string(json.size() - 1) + " once",
                       "\"" + name + "\": " + value.dump());
            }
            const auto id = value.template get<std::size_t>();
            seen[id] = true;
            pieces_[id] = bytes_of(name);
            ids_.emplace(name, static_cast<std::int32_t>(id));
        }
        constexpr auto characters = detail::characters_of_bytes();
        for (std::size_t byte = 0; byte < characters.size(); ++byte) {
            std::string name;
            append_character(name, characters[byte]);
            of_byte_[byte] = id_of(path, name, "a piece for each byte");
        }
    }

    [[nodiscard]] std::int32_t id_of(const std::filesystem::path& path, const std::string& piece,
                                     std::string_view expected) const {
        const auto found = ids_.find(piece);
        if (found == ids_.end()) refuse(path, expected, "no piece \"" + piece + "\"");
        return found->second;
    }

    void read_merges(const std::filesystem::path& path) {
        std::ifstream file = open(path);
        std::string line;
        for (std::size_t number = 1; std::getline(file, line); ++number) {
            if (line.ends_with('\r')) line.pop_back();
            if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
            const std::size_t blank = line.find(' ');
            if (blank == std::string::npos || line.find(' ', blank + 1) != std::string::npos) {
                refuse(path, "two pieces a line", "line " + std::to_string(number));
            }
            const std::string first = line.substr(0, blank);
            const std::string second = line.substr(blank + 1);
            constexpr std::string_view known = "pairs of known pieces that make a known piece";
            const std::uint64_t key = key_of(id_of(path, first, known), id_of(path, second, known));
            merges_.emplace(key, Merge{merges_.size(), id_of(path, first + second, known)});
        }
        require_read(file, path);
        // As of a file of which nothing came: each byte would be a token.
        if (merges_.empty()) refuse(path, "one pair or more", "none");
    }

    MovedFrom moved_from_{};
    std::vector<std::string> pieces_{};  ///< their bytes
    std::unordered_map<std::string, std::int32_t> ids_{};
    std::array<std::int32_t, 256> of_byte_{};
    std::unordered_map<std::uint64_t, Merge> merges_{};
};

}  // namespace kasmina::text
