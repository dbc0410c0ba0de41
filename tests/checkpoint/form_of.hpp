// The form that a struct has in a checkpoint, in words: names and kinds of its fields.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include <kasmina/checkpoint/record/kinds.hpp>
#include <kasmina/checkpoint/record/schema.hpp>
#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::test {

template <class T>
[[nodiscard]] std::string kind_of();

/// "{first: real, second: [text]}"; a struct with a schema of its own has its form elsewhere.
template <class Struct>
[[nodiscard]] std::string form_of() {
    std::string text;
    const Struct value{};
    reflect::for_each_field(value, [&text]<class Field>(std::string_view name, const Field&) {
        text += (text.empty() ? "" : ", ") + std::string(name) + ": " + kind_of<Field>();
    });
    return "{" + text + "}";
}

template <class T>
std::string kind_of() {
    namespace record = checkpoint::record;
    if constexpr (std::same_as<T, bool>) {
        return "flag";
    } else if constexpr (std::is_enum_v<T>) {
        return "name";
    } else if constexpr (std::integral<T>) {
        return "whole";
    } else if constexpr (std::floating_point<T>) {
        return "real";
    } else if constexpr (std::same_as<T, std::string>) {
        return "text";
    } else if constexpr (std::same_as<T, record::TimePoint>) {
        return "time";
    } else if constexpr (record::is_tensor<T> || record::is_any_tensor<T>) {
        return "tensor";
    } else if constexpr (record::is_optional<T>) {
        return kind_of<typename T::value_type>() + "?";
    } else if constexpr (record::is_list<T>) {
        return "[" + kind_of<typename T::value_type>() + "]";
    } else if constexpr (record::is_map<T>) {
        return "by name [" + kind_of<typename T::mapped_type>() + "]";
    } else if constexpr (record::is_variant<T>) {
        return "one of" + [&]<class... Ts>(std::type_identity<std::variant<Ts...>>) {
            return ((" " + std::string(record::alternative_name<Ts>())) + ...);
        }(std::type_identity<T>{});
    } else if constexpr (record::Versioned<T>) {
        return "record";
    } else {
        return form_of<T>();
    }
}

/// A line for each schema that is read, the newest first: "GovernorState 2 {...}".
template <class Struct>
[[nodiscard]] std::string forms_of(std::string_view name) {
    std::string lines =
        std::string(name) + " " + std::to_string(Struct::schema) + " " + form_of<Struct>() + "\n";
    if constexpr (checkpoint::record::Migrated<Struct>)
        lines += forms_of<typename Struct::Before>(name);
    return lines;
}

}  // namespace kasmina::test
