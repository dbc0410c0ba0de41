// Header: the table of contents of a safetensors file, read strictly and written canonically.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/checkpoint/file/element_type.hpp>
#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/file/json_path.hpp>
#include <kasmina/checkpoint/file/strict_json.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

/// Texts by name. Sorted, so that the same metadata give the same bytes.
using Metadata = std::map<std::string, std::string, std::less<>>;

/// A tensor of a file: row-major, little-endian.
struct TensorEntry {
    std::string name{};
    ElementType type{};
    /// Outermost first; empty for a single element.
    std::vector<std::uint64_t> shape{};
    /// Where its bytes begin and end, counted from the end of the header.
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] std::uint64_t bytes() const noexcept { return end - begin; }

    friend bool operator==(const TensorEntry&, const TensorEntry&) = default;
};

/// "(2, 3)", as messages print it.
[[nodiscard]] inline std::string to_string(const std::vector<std::uint64_t>& shape) {
    std::string extents;
    for (std::size_t axis = 0; axis < std::min<std::size_t>(shape.size(), 8); ++axis) {
        append_to_list(extents, std::to_string(shape[axis]));
    }
    if (shape.size() > 8) append_to_list(extents, "...");
    return "(" + extents + ")";
}

/// Bytes of a tensor; none when they, or the product of its extents other than 0, are more than
/// 63 bits hold, in whatever order the extents stand.
[[nodiscard]] inline std::optional<std::uint64_t> bytes_of(
    ElementType type, const std::vector<std::uint64_t>& shape) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    std::uint64_t product = bytes_of(type);
    bool empty = false;
    for (const std::uint64_t extent : shape) {
        if (extent == 0) {
            empty = true;
        } else if (extent > most / product) {
            return std::nullopt;
        } else {
            product *= extent;
        }
    }
    return empty ? 0 : product;
}

/// What the format allows, and what this reader allows beyond it.
struct HeaderLimits {
    /// Of the header's text. The official reader's own limit.
    static constexpr std::uint64_t bytes = 100'000'000;
    static constexpr std::size_t rank = 64;
};

/// How much of a file is taken on trust.
struct HeaderRules {
    /// Every tensor begins at a multiple of its element's size, as the official writer has it.
    /// Some other writers do not keep to that.
    bool aligned = true;
};

/// What a file holds.
struct Header {
    Metadata metadata{};
    /// By name.
    std::vector<TensorEntry> tensors{};

    /// The tensor with this name; null when there is none.
    [[nodiscard]] const TensorEntry* find(std::string_view name) const noexcept {
        const auto place = std::ranges::lower_bound(tensors, name, {}, &TensorEntry::name);
        return place != tensors.end() && place->name == name ? &*place : nullptr;
    }
};

namespace detail {

[[noreturn]] KASMINA_COLD inline void throw_header_error(
    std::string_view source, std::string_view place, std::string_view what,
    std::string_view expected, std::string_view got,
    std::string_view mend = "take a whole file that has not been changed") {
    throw CheckpointError(what, std::string(source) + ": " + std::string(place), expected, got,
                          mend);
}

[[nodiscard]] inline std::string in_words(const TensorEntry& tensor) {
    return "tensor " + in_quotes(tensor.name);
}

/// Listens to nlohmann's parser and fills a header with what stands there, rule by rule; that the
/// tensors fit each other and the file is checked afterwards.
class HeaderBuilder {
public:
    HeaderBuilder(std::string_view source, Header& header) : source_(source), header_(header) {}

    bool null() { return unexpected("null"); }
    bool boolean(bool value) { return unexpected(value ? "true" : "false"); }
    bool number_integer(nlohmann::json::number_integer_t value) {
        return unexpected(std::to_string(value));
    }
    bool number_float(nlohmann::json::number_float_t, const std::string& text) {
        return unexpected(text);
    }
    bool binary(nlohmann::json::binary_t&) { return false; }

    bool number_unsigned(nlohmann::json::number_unsigned_t value) {
        TensorEntry& tensor = header_.tensors.empty() ? none_ : header_.tensors.back();
        if (place_ == Place::extents) {
            if (tensor.shape.size() == HeaderLimits::rank) {
                fail(path(), "too many extents", "at most " + std::to_string(HeaderLimits::rank),
                     "more");
            }
            tensor.shape.push_back(value);
        } else if (place_ == Place::offsets && offsets_ < 2) {
            (offsets_ == 0 ? tensor.begin : tensor.end) = value;
            ++offsets_;
        } else {
            return unexpected(std::to_string(value));
        }
        return true;
    }

    bool string(std::string& value) {
        if (place_ == Place::metadata_value) {
            header_.metadata.find(key_)->second = std::move(value);
            place_ = Place::metadata;
        } else if (place_ == Place::type) {
            const auto type = element_type_named(value);
            if (!type) {
                fail(path(), "an element type that is not known", "one of " + element_type_names(),
                     in_quotes(value));
            }
            header_.tensors.back().type = *type;
            place_ = Place::tensor;
        } else {
            return unexpected(in_quotes(value));
        }
        return true;
    }

    bool start_object(std::size_t) {
        if (place_ == Place::before) {
            place_ = Place::names;
        } else if (place_ == Place::metadata_object) {
            place_ = Place::metadata;
        } else if (place_ == Place::tensor_object) {
            place_ = Place::tensor;
        } else {
            return unexpected("an object");
        }
        return true;
    }

    bool end_object() {
        if (place_ == Place::tensor) {
            for (std::size_t i = 0; i < fields.size(); ++i) {
                if (seen_[i]) continue;
                fail(path(), "a field is missing", std::string(fields[i]), "nothing");
            }
        }
        place_ = place_ == Place::names ? Place::after : Place::names;
        return true;
    }

    bool start_array(std::size_t) {
        if (place_ == Place::shape) {
            place_ = Place::extents;
        } else if (place_ == Place::offset_pair) {
            place_ = Place::offsets;
            offsets_ = 0;
        } else {
            return unexpected("an array");
        }
        return true;
    }

    bool end_array() {
        if (place_ == Place::offsets && offsets_ != 2) {
            fail(path(), "an offset is missing", "a begin and an end",
                 std::to_string(offsets_) + " numbers");
        }
        place_ = Place::tensor;
        return true;
    }

    bool key(std::string& name) {
        switch (place_) {
            case Place::names: return begin_entry(name);
            case Place::metadata: {
                const auto [entry, is_new] = header_.metadata.try_emplace(name);
                key_ = name;
                if (!is_new) fail_twice(path() / std::string_view(name), name);
                place_ = Place::metadata_value;
                return true;
            }
            default: return begin_field(name);
        }
    }

    bool parse_error(std::size_t position, const std::string& token,
                     const nlohmann::json::exception&) {
        fail(path(), "the header is not JSON", "JSON",
             in_quotes(token) + " at byte " + std::to_string(position));
    }

private:
    /// Where the parser stands; a name says what is due next or what has just been opened.
    enum class Place {
        before,
        names,
        metadata_object,
        metadata,
        metadata_value,
        tensor_object,
        tensor,
        type,
        shape,
        extents,
        offset_pair,
        offsets,
        after
    };

    static constexpr std::array<std::string_view, 3> fields{"dtype", "shape", "data_offsets"};
    static constexpr std::string_view metadata_key = "__metadata__";

    bool begin_entry(std::string& name) {
        in_metadata_ = name == metadata_key;
        if (in_metadata_) {
            if (has_metadata_) fail_twice(JsonPath() / metadata_key, name);
            has_metadata_ = true;
            place_ = Place::metadata_object;
            return true;
        }
        if (name.empty()) {
            fail(JsonPath() / std::string_view(name), "a tensor without a name", "a name",
                 "an empty text");
        }
        header_.tensors.emplace_back().name = std::move(name);
        seen_ = {};
        place_ = Place::tensor_object;
        return true;
    }

    bool begin_field(const std::string& name) {
        const auto field = std::ranges::find(fields, name);
        if (field == fields.end()) {
            fail(path() / std::string_view(name), "an unknown field",
                 "dtype, shape and data_offsets", in_quotes(name));
        }
        const auto index = static_cast<std::size_t>(field - fields.begin());
        if (seen_[index]) fail_twice(path() / std::string_view(name), name);
        seen_[index] = true;
        constexpr std::array<Place, 3> places{Place::type, Place::shape, Place::offset_pair};
        place_ = places[index];
        return true;
    }

    KASMINA_COLD bool unexpected(const std::string& got) const {
        std::string_view expected = "nothing";
        switch (place_) {
            case Place::before:
            case Place::metadata_object:
            case Place::tensor_object: expected = "an object"; break;
            case Place::metadata_value: expected = "a text"; break;
            case Place::type: expected = "an element type's name"; break;
            case Place::shape: expected = "an array of extents"; break;
            case Place::extents: expected = "a whole number from 0 to 2^64 - 1"; break;
            case Place::offset_pair: expected = "an array of begin and end"; break;
            case Place::offsets: expected = "two whole numbers from 0 to 2^64 - 1"; break;
            default: break;
        }
        fail(path(), "a value of the wrong kind", expected, got);
    }

    [[nodiscard]] KASMINA_COLD JsonPath path() const {
        JsonPath path;
        if (place_ == Place::before || place_ == Place::names || place_ == Place::after) {
            return path;
        }
        if (in_metadata_) {
            path = path / metadata_key;
            return place_ == Place::metadata_value ? path / std::string_view(key_) : path;
        }
        const TensorEntry& tensor = header_.tensors.back();
        path = path / std::string_view(tensor.name);
        switch (place_) {
            case Place::type: return path / fields[0];
            case Place::shape: return path / fields[1];
            case Place::extents: return path / fields[1] / tensor.shape.size();
            case Place::offset_pair: return path / fields[2];
            case Place::offsets: return path / fields[2] / offsets_;
            default: return path;
        }
    }

    [[noreturn]] KASMINA_COLD void fail(const JsonPath& where, std::string_view what,
                                        std::string_view expected, const std::string& got) const {
        throw_header_error(source_, "header " + where.text(), what, expected, got);
    }

    [[noreturn]] KASMINA_COLD void fail_twice(const JsonPath& where,
                                              const std::string& name) const {
        fail(where, "a key that stands twice", "every key once", "a second " + in_quotes(name));
    }

    std::string_view source_;
    Header& header_;
    TensorEntry none_;
    Place place_ = Place::before;
    bool in_metadata_ = false;
    bool has_metadata_ = false;
    std::string key_;
    std::array<bool, 3> seen_{};
    std::size_t offsets_ = 0;
};

/// Sorts the tensors by name; none may have another's. Where each goes is found first, since a
/// tensor is larger than its place.
inline void sort_by_name(Header& header, std::string_view source) {
    if (!std::ranges::is_sorted(header.tensors, {}, &TensorEntry::name)) {
        std::vector<TensorEntry*> order;
        order.reserve(header.tensors.size());
        for (TensorEntry& tensor : header.tensors) order.push_back(&tensor);
        std::ranges::sort(
            order, [](const TensorEntry* a, const TensorEntry* b) { return a->name < b->name; });
        std::vector<TensorEntry> sorted;
        sorted.reserve(order.size());
        for (TensorEntry* tensor : order) sorted.push_back(std::move(*tensor));
        header.tensors = std::move(sorted);
    }
    const auto twice = std::ranges::adjacent_find(header.tensors, {}, &TensorEntry::name);
    if (twice != header.tensors.end()) {
        throw_header_error(source, in_words(*twice), "a tensor that stands twice",
                           "every name once", "a second " + in_quotes(twice->name));
    }
}

/// That a tensor's own numbers fit each other and the file.
inline void check_tensor(const TensorEntry& tensor, std::uint64_t data_bytes,
                         const HeaderRules& rules, std::string_view source) {
    const auto fail = [&](std::string_view what, const std::string& expected,
                          const std::string& got) {
        throw_header_error(source, in_words(tensor), what, expected, got);
    };
    const std::optional<std::uint64_t> bytes = bytes_of(tensor.type, tensor.shape);
    if (!bytes) {
        fail("a shape whose size overflows", "fewer than 2^63 bytes", to_string(tensor.shape));
    }
    if (tensor.begin > tensor.end) {
        fail("offsets in the wrong order", "a begin up to the end, " + std::to_string(tensor.end),
             std::to_string(tensor.begin));
    }
    if (tensor.end > data_bytes) {
        fail("a tensor that ends behind the file",
             "an end of at most " + std::to_string(data_bytes), std::to_string(tensor.end));
    }
    if (tensor.bytes() != *bytes) {
        fail("offsets that do not fit the shape",
             std::to_string(*bytes) + " bytes for " + std::string(name_of(tensor.type)) + " " +
                 to_string(tensor.shape),
             std::to_string(tensor.bytes()) + " bytes");
    }
    if (rules.aligned && tensor.begin % bytes_of(tensor.type) != 0) {
        fail("a tensor that is not aligned",
             "a begin at a multiple of " + std::to_string(bytes_of(tensor.type)),
             std::to_string(tensor.begin));
    }
}

/// That the tensors lie one behind the other and fill the file.
inline void check_cover(const Header& header, std::uint64_t data_bytes, std::string_view source) {
    std::vector<const TensorEntry*> by_place;
    by_place.reserve(header.tensors.size());
    for (const TensorEntry& tensor : header.tensors) by_place.push_back(&tensor);
    std::ranges::sort(by_place, [](const TensorEntry* a, const TensorEntry* b) {
        return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
    });
    std::uint64_t covered = 0;
    const TensorEntry* before = nullptr;
    for (const TensorEntry* tensor : by_place) {
        if (tensor->begin < covered) {
            throw_header_error(source, in_words(*tensor), "two tensors that overlap",
                               "a begin of at least " + std::to_string(covered) + ", the end of " +
                                   in_quotes(before->name),
                               std::to_string(tensor->begin));
        }
        if (tensor->begin > covered) {
            throw_header_error(source, in_words(*tensor), "bytes that belong to no tensor",
                               "a begin of " + std::to_string(covered),
                               std::to_string(tensor->begin));
        }
        covered = tensor->end;
        before = tensor;
    }
    if (covered != data_bytes) {
        throw_header_error(source, "end of the file", "bytes behind the last tensor",
                           std::to_string(covered) + " bytes of tensors",
                           std::to_string(data_bytes) + " bytes");
    }
}

/// The text without the spaces that pad it.
[[nodiscard]] inline std::string_view without_padding(std::string_view text,
                                                      std::string_view source) {
    const std::size_t end = text.find_last_not_of(' ');
    if (text.empty() || text.front() != '{' || text[end] != '}') {
        throw_header_error(
            source, "header", "the header is not an object",
            "{ first, and nothing but spaces behind the last }",
            text.empty()
                ? "nothing"
                : in_quotes(text.substr(0, 16)) + " ... " +
                      in_quotes(text.substr(text.size() - std::min<std::size_t>(text.size(), 16))));
    }
    return text.substr(0, end + 1);
}

}  // namespace detail

/// Parses the JSON header of a safetensors file strictly: every rule of the format, and where the
/// official reader is lax more than that: names once and not empty, known fields only, sizes that
/// do not overflow whatever the order of extents, aligned tensors (HeaderRules). `data_bytes` is
/// what follows the header in the file; `source` is what messages call the file. Time n log n;
/// memory at most about six times the text's. Errors: CheckpointError; `where()` names the file and
/// the JSON path or the tensor.
[[nodiscard]] inline Header parse_header(std::string_view text, std::uint64_t data_bytes,
                                         std::string_view source, const HeaderRules& rules = {}) {
    const std::string_view json = detail::without_padding(text, source);
    detail::require_plain_text(json, source);
    Header header;
    detail::HeaderBuilder builder(source, header);
    nlohmann::json::sax_parse(json.begin(), json.end(), &builder);
    detail::sort_by_name(header, source);
    for (const TensorEntry& tensor : header.tensors) {
        detail::check_tensor(tensor, data_bytes, rules, source);
    }
    detail::check_cover(header, data_bytes, source);
    return header;
}

}  // namespace kasmina::checkpoint::file
