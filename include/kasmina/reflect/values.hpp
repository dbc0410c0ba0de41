// Values: the fields of a plain struct as a list of names and values, for what does not know its
// type.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::reflect {

/// Yes or no, a whole number, a number, or a text; enumerations are texts.
using Value = std::variant<bool, std::int64_t, double, std::string>;

/// One field.
struct NamedValue {
    std::string name{};
    Value value{};
    using Fields = List<&NamedValue::name, &NamedValue::value>;

    friend bool operator==(const NamedValue&, const NamedValue&) = default;
};

/// All fields of a struct in its order.
using Values = std::vector<NamedValue>;

/// What a field must be to be such a value; of whole numbers, those that 64 bits with a sign hold.
template <class Field>
concept PlainValue =
    (std::integral<Field> && (std::is_signed_v<Field> || sizeof(Field) < 8)) ||
    std::floating_point<Field> || std::same_as<Field, std::string> || Enumerated<Field>;

namespace detail {

template <class Struct>
consteval bool has_plain_values_only() {
    if constexpr (Reflected<Struct>) {
        return []<auto... Pointers>(std::type_identity<List<Pointers...>>) {
            return (PlainValue<TypeOfField<Pointers>> && ...);
        }(std::type_identity<typename ListOf<Struct>::Type>{});
    } else {
        return false;
    }
}

template <PlainValue Field>
[[nodiscard]] Value value_of(const Field& field) {
    if constexpr (std::same_as<Field, bool> || std::same_as<Field, std::string>) {
        return field;
    } else if constexpr (std::is_enum_v<Field>) {
        return std::string(name_of(field));
    } else if constexpr (std::integral<Field>) {
        return static_cast<std::int64_t>(field);
    } else {
        return static_cast<double>(field);
    }
}

[[nodiscard]] inline std::string in_words(const Value& value) {
    return std::visit(
        []<class Held>(const Held& held) -> std::string {
            if constexpr (std::same_as<Held, std::string>) {
                return "\"" + held + "\"";
            } else if constexpr (std::same_as<Held, bool>) {
                return held ? "true" : "false";
            } else if constexpr (std::same_as<Held, double>) {
                return number_text(held);
            } else {
                return std::to_string(held);
            }
        },
        value);
}

/// What a field takes; for messages.
template <PlainValue Field>
[[nodiscard]] std::string expected_of() {
    if constexpr (std::same_as<Field, bool>) {
        return "true or false";
    } else if constexpr (std::same_as<Field, std::string>) {
        return "a text";
    } else if constexpr (std::is_enum_v<Field>) {
        return names_in_words(enumerators<Field>);
    } else if constexpr (std::integral<Field>) {
        return "a whole number that fits";
    } else {
        return "a number";
    }
}

/// Whether the value fits the field, which then has it.
template <PlainValue Field>
[[nodiscard]] bool assign(Field& field, const Value& value) {
    if constexpr (std::same_as<Field, bool> || std::same_as<Field, std::string>) {
        const Field* held = std::get_if<Field>(&value);
        if (held != nullptr) field = *held;
        return held != nullptr;
    } else if constexpr (std::is_enum_v<Field>) {
        const auto* name = std::get_if<std::string>(&value);
        const auto known = name == nullptr ? std::nullopt : enumerator_named<Field>(*name);
        if (known) field = *known;
        return known.has_value();
    } else if constexpr (std::integral<Field>) {
        const auto* held = std::get_if<std::int64_t>(&value);
        if (held == nullptr || !std::in_range<Field>(*held)) return false;
        field = static_cast<Field>(*held);
        return true;
    } else {
        const auto* whole = std::get_if<std::int64_t>(&value);
        const auto* held = std::get_if<double>(&value);
        if (whole != nullptr) field = static_cast<Field>(*whole);
        if (held != nullptr) field = static_cast<Field>(*held);
        return whole != nullptr || held != nullptr;
    }
}

}  // namespace detail

/// A struct whose fields are all plain values: options, above all.
template <class Struct>
concept PlainStruct = detail::has_plain_values_only<std::remove_cv_t<Struct>>();

/// The fields of a struct as values.
template <PlainStruct Struct>
[[nodiscard]] Values values_of(const Struct& object) {
    Values values;
    for_each_field(object, [&values](std::string_view name, const auto& field) {
        values.push_back({std::string(name), detail::value_of(field)});
    });
    return values;
}

/// The struct that has these values. Errors: OptionError naming the field, for one that is
/// missing, one that the struct has not, and one whose value does not fit.
template <PlainStruct Struct>
[[nodiscard]] Struct from_values(const Values& values, const std::string& where) {
    Struct object{};
    std::string names;
    for_each_field(object, [&](std::string_view name, auto& field) {
        append_to_list(names, name);
        const auto found = std::ranges::find(values, name, &NamedValue::name);
        using Field = std::remove_reference_t<decltype(field)>;
        if (found == values.end()) {
            throw OptionError("the option " + std::string(name) + " is missing", where,
                              detail::expected_of<Field>(), "nothing", "give every option a value");
        }
        if (!detail::assign(field, found->value)) {
            throw OptionError("the option " + std::string(name) + " does not fit", where,
                              detail::expected_of<Field>(), detail::in_words(found->value),
                              "give it a value of its kind");
        }
    });
    for (const NamedValue& given : values) {
        if (std::ranges::find(field_names<Struct>, given.name) != field_names<Struct>.end() &&
            std::ranges::count(values, given.name, &NamedValue::name) == 1) {
            continue;
        }
        throw OptionError("an option of no use", where,
                          names.empty() ? "no options" : "each once of " + names, given.name,
                          "leave it out, or look whether it is another blueprint's");
    }
    return object;
}

}  // namespace kasmina::reflect
