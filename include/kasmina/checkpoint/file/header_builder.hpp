// HeaderBuilder: fills a header with what stands in its JSON, rule by rule.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <kasmina/checkpoint/file/element_type.hpp>
#include <kasmina/checkpoint/file/header.hpp>
#include <kasmina/checkpoint/file/header_error.hpp>
#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/file/json_path.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file::detail {

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

}  // namespace kasmina::checkpoint::file::detail
