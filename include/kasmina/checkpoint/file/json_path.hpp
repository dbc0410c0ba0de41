// JsonPath: where in a JSON document something stands, as messages name it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/reflect/name_letter.hpp>

namespace kasmina::checkpoint::file {

/// `$` is the whole document, `$.slots[2].stage` a field of it. Keys that are not made of letters,
/// digits and underscores are quoted: `$["host/weight"]`.
class JsonPath {
public:
    JsonPath() = default;

    /// The path of the value under `key` of the object that this path names.
    [[nodiscard]] JsonPath operator/(std::string_view key) const {
        JsonPath longer = *this;
        if (is_word(key)) {
            longer.text_.append(".").append(key);
        } else {
            longer.text_ += '[' + in_quotes(key) + ']';
        }
        return longer;
    }

    /// The path of the element `index` of the array that this path names.
    [[nodiscard]] JsonPath operator/(std::size_t index) const {
        JsonPath longer = *this;
        longer.text_ += '[' + std::to_string(index) + ']';
        return longer;
    }

    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    [[nodiscard]] static bool is_word(std::string_view key) {
        return !key.empty() && key.size() <= 80 &&
               std::ranges::all_of(key, reflect::is_name_letter);
    }

    std::string text_ = "$";
};

}  // namespace kasmina::checkpoint::file
