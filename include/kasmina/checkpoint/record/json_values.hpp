// Plain values in JSON: each kind written in one way, and read back in that way alone.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/record/place.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>

/// \file
/// No templates: what walks over structs is compiled for each of them, and calls these.
namespace kasmina::checkpoint::record {

using Json = nlohmann::json;

/// A value as a message shows it.
[[nodiscard]] KASMINA_COLD inline std::string shown(const Json& value) {
    switch (value.type()) {
        case Json::value_t::object:
            return "an object of " + std::to_string(value.size()) + " fields";
        case Json::value_t::array: return "a list of " + std::to_string(value.size());
        case Json::value_t::string: return file::in_quotes(value.get_ref<const std::string&>());
        default: return value.dump();
    }
}

[[nodiscard]] inline bool read_bool(const Json& value, const Place& place) {
    if (!value.is_boolean()) {
        place.refuse("a field of another kind", "true or false", shown(value));
    }
    return value.get<bool>();
}

[[noreturn]] KASMINA_COLD inline void refuse_whole(const Json& value, const Place& place,
                                                   std::int64_t least, std::uint64_t most) {
    place.refuse(value.is_number_integer() ? "a number out of range" : "a field of another kind",
                 "a whole number from " + std::to_string(least) + " to " + std::to_string(most),
                 shown(value));
}

/// A whole number that fits between both ends.
[[nodiscard]] inline std::int64_t read_signed(const Json& value, const Place& place,
                                              std::int64_t least, std::int64_t most) {
    const auto end = static_cast<std::uint64_t>(most);
    if (!value.is_number_integer()) refuse_whole(value, place, least, end);
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > end) {
        refuse_whole(value, place, least, end);
    }
    const auto number = value.get<std::int64_t>();
    if (number < least || number > most) refuse_whole(value, place, least, end);
    return number;
}

/// One of 0 or more.
[[nodiscard]] inline std::uint64_t read_unsigned(const Json& value, const Place& place,
                                                 std::uint64_t most) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) {
        refuse_whole(value, place, 0, most);
    }
    return value.get<std::uint64_t>();
}

inline constexpr std::string_view infinity_text = "infinity";
inline constexpr std::string_view negative_infinity_text = "-infinity";
inline constexpr std::string_view not_a_number_text = "not a number";

/// A number; one that is not finite is a text, and only where it may be.
[[nodiscard]] inline double read_real(const Json& value, const Place& place,
                                      bool may_be_not_finite) {
    if (value.is_number_float()) return value.get<double>();
    if (may_be_not_finite && value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        constexpr double infinity = std::numeric_limits<double>::infinity();
        if (text == infinity_text) return infinity;
        if (text == negative_infinity_text) return -infinity;
        if (text == not_a_number_text) return std::numeric_limits<double>::quiet_NaN();
    }
    place.refuse("a field of another kind",
                 may_be_not_finite ? "a number with a point or an exponent, or \"infinity\", "
                                     "\"-infinity\" or \"not a number\""
                                   : "a number with a point or an exponent",
                 shown(value));
}

/// The shortest text that reads as the same double. Errors: NumericError for one that is not finite
/// where none may be: it would not be read back.
[[nodiscard]] inline Json write_real(double value, const Place& place, bool may_be_not_finite) {
    if (is_finite(value)) return value;
    if (!may_be_not_finite) {
        throw NumericError("a state holds what is no finite number",
                           std::string(place.source()) + ": " + place.path().text(),
                           "a finite number", is_nan(value) ? "not a number" : "infinity",
                           "save a state of a run that is sound");
    }
    if (is_nan(value)) return not_a_number_text;
    return value > 0.0 ? infinity_text : negative_infinity_text;
}

/// Errors: CheckpointError for a text that is not UTF-8: JSON has no others.
[[nodiscard]] inline Json write_text(const std::string& value, const Place& place) {
    Json text = value;
    try {
        static_cast<void>(text.dump());
    } catch (const Json::type_error&) {
        throw CheckpointError("a text that is not UTF-8",
                              std::string(place.source()) + ": " + place.path().text(), "UTF-8",
                              shown(text), "change what is to be saved");
    }
    return text;
}

[[nodiscard]] inline const std::string& read_text(const Json& value, const Place& place) {
    if (!value.is_string()) place.refuse("a field of another kind", "a text", shown(value));
    return value.get_ref<const std::string&>();
}

[[nodiscard]] inline const Json::array_t& read_list(const Json& value, const Place& place) {
    if (!value.is_array()) place.refuse("a field of another kind", "a list", shown(value));
    return value.get_ref<const Json::array_t&>();
}

[[nodiscard]] inline const Json::object_t& read_object(const Json& value, const Place& place) {
    if (!value.is_object()) place.refuse("a field of another kind", "an object", shown(value));
    return value.get_ref<const Json::object_t&>();
}

/// The value of a field that must be there.
[[nodiscard]] inline const Json& field_of(const Json::object_t& object, std::string_view name,
                                          const Place& place) {
    const auto found = object.find(std::string(name));
    if (found == object.end()) {
        place.refuse("a field is missing", "the field " + std::string(name), "none of that name");
    }
    return found->second;
}

inline constexpr std::string_view schema_field = "schema";

/// Errors: CheckpointError for a field that is none of `names`, nor the schema where there is one.
inline void check_no_more(const Json::object_t& object, std::span<const std::string_view> names,
                          bool has_schema, const Place& place) {
    if (object.size() == names.size() + (has_schema ? 1 : 0)) return;  // each name was found
    std::string known;
    for (const std::string_view name : names) append_to_list(known, name);
    for (const auto& [key, value] : object) {
        bool is_known = has_schema && key == schema_field;
        for (const std::string_view name : names) is_known = is_known || key == name;
        if (!is_known) {
            place.refuse("a field that is not known", known.empty() ? "no fields" : "only " + known,
                         file::in_quotes(key));
        }
    }
}

/// The schema that an object was written in. Errors: CheckpointError for one that is none, and for
/// a newer one, with both numbers.
[[nodiscard]] inline int read_schema(const Json::object_t& object, int newest, const Place& place) {
    const Json& value = field_of(object, schema_field, place);
    const Place field(place, schema_field);
    const auto schema =
        static_cast<int>(read_signed(value, field, 1, std::numeric_limits<int>::max()));
    if (schema > newest) {
        throw CheckpointError("this was written by a newer version of the library",
                              std::string(field.source()) + ": " + field.path().text(),
                              "schema " + std::to_string(newest) + " or older",
                              "schema " + std::to_string(schema),
                              "read it with the version that wrote it, or a later one");
    }
    return schema;
}

[[noreturn]] KASMINA_COLD inline void refuse_old_schema(int schema, int oldest,
                                                        const Place& place) {
    place.refuse("there is no way from this schema",
                 "schema " + std::to_string(oldest) + " or newer",
                 "schema " + std::to_string(schema));
}

}  // namespace kasmina::checkpoint::record
