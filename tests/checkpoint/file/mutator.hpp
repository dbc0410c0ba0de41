// Mutator: files that are almost right, by changes that know how a safetensors file is built.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/random/generator.hpp>

namespace kasmina::test {

/// Changes a file a little: a token of its JSON, a piece of it (left out, doubled, exchanged), its
/// lengths, or single bytes. What it changes around the header it mends as a rule, so that changes
/// reach the rules behind the first one.
class Mutator {
public:
    explicit Mutator(std::uint64_t seed) : random_(seed) {}

    /// A file that breaks no rule, of a few tensors and metadata.
    [[nodiscard]] std::string valid_file() {
        std::string header = "{";
        const auto comma = [&header] {
            if (header.size() > 1) header += ',';
        };
        if (one_in(2)) {
            header += R"("__metadata__":{"kasmina":"{\"schema\":1,\"slots\":[{\"alpha\":0.5}]}")";
            for (std::uint32_t i = random_.below(3); i-- > 0;) {
                header += ",\"m" + std::to_string(i) + "\":\"text\"";
            }
            header += '}';
        }
        std::uint64_t offset = 0;
        struct Type {
            std::string_view name;
            std::uint64_t bytes;
        };
        constexpr std::array<Type, 6> types{
            {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"U8", 1}, {"BOOL", 1}}};
        std::uint32_t type = 0;
        for (std::uint32_t i = random_.below(6); i-- > 0;) {
            type = std::min<std::uint32_t>(type + random_.below(3), types.size() - 1);
            std::uint64_t bytes = types[type].bytes;
            std::string shape;
            for (std::uint32_t axis = random_.below(4); axis-- > 0;) {
                const std::uint32_t extent = random_.below(4);
                bytes *= extent;
                shape += (shape.empty() ? "" : ",") + std::to_string(extent);
            }
            comma();
            header += "\"host/w" + std::to_string(i) + "\":{\"dtype\":\"" +
                      std::string(types[type].name) + "\",\"shape\":[" + shape +
                      "],\"data_offsets\":[" + std::to_string(offset) + "," +
                      std::to_string(offset + bytes) + "]}";
            offset += bytes;
        }
        header += '}';
        if (one_in(2)) header.resize((header.size() + 7) / 8 * 8, ' ');
        return assembled(header, std::string(static_cast<std::size_t>(offset), '\x3c'));
    }

    /// The file with one to four changes.
    [[nodiscard]] std::string mutated(const std::string& file) {
        std::uint64_t length = 0;
        for (std::size_t i = 8; i-- > 0;) {
            length = length << 8 | (i < file.size() ? static_cast<unsigned char>(file[i]) : 0u);
        }
        const std::size_t begin = std::min<std::size_t>(8, file.size());
        const std::size_t end =
            begin + static_cast<std::size_t>(std::min<std::uint64_t>(length, file.size() - begin));
        std::string header = file.substr(begin, end - begin);
        std::string data = file.substr(end);
        for (std::uint32_t i = 1 + random_.below(4); i-- > 0;) {
            if (one_in(8)) {
                data.resize(random_.below(static_cast<std::uint32_t>(data.size()) + 9), '\x3c');
            } else {
                change(header);
            }
        }
        std::string changed = assembled(header, data);
        if (one_in(16)) {
            const std::string number = odd_number();
            const auto odd = static_cast<std::uint64_t>(std::strtoull(number.c_str(), nullptr, 10));
            for (std::size_t i = 0; i < 8; ++i) changed[i] = static_cast<char>(odd >> (8 * i));
        }
        if (one_in(16)) changed.resize(below(changed.size() + 1));
        return changed;
    }

private:
    using Piece = std::pair<std::size_t, std::size_t>;  // from, to

    [[nodiscard]] bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
    [[nodiscard]] std::size_t below(std::size_t bound) {
        return random_.below(static_cast<std::uint32_t>(bound));
    }

    [[nodiscard]] static std::string assembled(const std::string& header, const std::string& data) {
        std::string file;
        for (std::size_t i = 0; i < 8; ++i) {
            file += static_cast<char>(static_cast<std::uint64_t>(header.size()) >> (8 * i) & 0xff);
        }
        return file + header + data;
    }

    [[nodiscard]] std::string odd_number() {
        static constexpr std::array<std::string_view, 16> numbers{"0",
                                                                  "1",
                                                                  "2",
                                                                  "3",
                                                                  "4",
                                                                  "7",
                                                                  "8",
                                                                  "-1",
                                                                  "-0",
                                                                  "1.0",
                                                                  "1e3",
                                                                  "4294967296",
                                                                  "9223372036854775807",
                                                                  "9223372036854775808",
                                                                  "18446744073709551615",
                                                                  "18446744073709551616"};
        return std::string(numbers[below(numbers.size())]);
    }

    [[nodiscard]] std::string odd_value() {
        static constexpr std::array<std::string_view, 22> values{"null",
                                                                 "true",
                                                                 "[]",
                                                                 "{}",
                                                                 "\"\"",
                                                                 "\"F32\"",
                                                                 "\"F64\"",
                                                                 "\"BF16\"",
                                                                 "\"F8\"",
                                                                 "\"__metadata__\"",
                                                                 "\"dtype\"",
                                                                 "\"shape\"",
                                                                 "\"data_offsets\"",
                                                                 "\"host/w0\"",
                                                                 "\"\\u0068ost/w0\"",
                                                                 "\"\\ud800\"",
                                                                 "\"\xff\"",
                                                                 "[[[[[[[[",
                                                                 "NaN",
                                                                 "\"x\":",
                                                                 "\xEF\xBB\xBF",
                                                                 "/**/"};
        if (one_in(3)) return odd_number();
        if (one_in(32)) return std::string(200, '[');
        if (one_in(32)) return std::string(1, '\0');
        return std::string(values[below(values.size())]);
    }

    /// Strings, numbers and words, and the punctuation between them.
    [[nodiscard]] static std::vector<Piece> tokens(const std::string& json) {
        std::vector<Piece> found;
        for (std::size_t at = 0; at < json.size();) {
            std::size_t to = at + 1;
            if (json[at] == '"') {
                while (to < json.size() && json[to] != '"') to += json[to] == '\\' ? 2u : 1u;
                to = std::min(to + 1, json.size());
            } else if (is_word(json[at])) {
                while (to < json.size() && is_word(json[to])) ++to;
            }
            found.emplace_back(at, to);
            at = to;
        }
        return found;
    }
    [[nodiscard]] static bool is_word(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '+';
    }

    /// From a token on, as far as its brackets reach, or up to the next comma of its level.
    [[nodiscard]] Piece balanced(const std::string& json, const std::vector<Piece>& found,
                                 std::size_t first) {
        int depth = 0;
        for (std::size_t i = first; i < found.size(); ++i) {
            const char c = json[found[i].first];
            if (c == '{' || c == '[') ++depth;
            if (c == '}' || c == ']') --depth;
            if (depth < 0 || (depth == 0 && c == ',')) return {found[first].first, found[i].first};
            if (depth == 0 && (c == '}' || c == ']')) return {found[first].first, found[i].second};
        }
        return {found[first].first, json.size()};
    }

    void change(std::string& json) {
        const std::vector<Piece> found = tokens(json);
        if (found.empty()) {
            json = odd_value();
            return;
        }
        const std::size_t which = below(found.size());
        const auto [from, to] = found[which];
        const std::size_t size = to - from;
        switch (random_.below(10)) {
            case 0:
            case 1: json.replace(from, size, odd_number()); break;
            case 2: json.replace(from, size, odd_value()); break;
            case 3: json.insert(from, odd_value()); break;
            case 4: json.erase(from, size); break;
            case 5: {  // a piece twice
                const Piece piece = balanced(json, found, which);
                const std::string copy = json.substr(piece.first, piece.second - piece.first);
                json.insert(piece.second, (one_in(4) ? "" : ",") + copy);
                break;
            }
            case 6: {  // a piece, and as a rule the comma behind it, left out
                Piece piece = balanced(json, found, which);
                if (piece.second < json.size() && json[piece.second] == ',' && !one_in(4)) {
                    ++piece.second;
                }
                json.erase(piece.first, piece.second - piece.first);
                break;
            }
            case 7: {  // a piece in another's place
                const Piece piece = balanced(json, found, which);
                const std::string copy = json.substr(piece.first, piece.second - piece.first);
                const Piece other = balanced(json, found, below(found.size()));
                json.replace(other.first, other.second - other.first, copy);
                break;
            }
            case 8: json.insert(below(json.size() + 1), 1, one_in(2) ? ' ' : '\n'); break;
            default: json[below(json.size())] = static_cast<char>(random_.below(256)); break;
        }
        if (json.size() > 100'000) json.resize(100'000);
    }

    Generator random_;
};

}  // namespace kasmina::test
