// read: a plain struct out of JSON, strictly: every field once, of its type and in its range.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <kasmina/checkpoint/record/json_values.hpp>
#include <kasmina/checkpoint/record/kinds.hpp>
#include <kasmina/checkpoint/record/place.hpp>
#include <kasmina/checkpoint/record/schema.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::checkpoint::record {

/// Reads `value` into `into`. A tensor is `tensors.template read<T>(name, place)`. Errors:
/// CheckpointError with the JSON path, what was expected and what is there.
template <class T, class Tensors>
void read(const Json& value, T& into, const Place& place, Tensors& tensors,
          bool not_finite = false);

namespace detail {

template <reflect::Enumerated T>
[[nodiscard]] T read_enumerator(const Json& value, const Place& place) {
    const std::string& name = read_text(value, place);
    const std::optional<T> known = reflect::enumerator_named<T>(name);
    if (!known)
        place.refuse("a name that is not known", reflect::names_in_words(reflect::enumerators<T>),
                     shown(value));
    return *known;
}

/// A name of an element before the element is read; for the names of tensors.
[[nodiscard]] inline std::string_view label_in(const Json& element) {
    if (!element.is_object()) return {};
    const auto found = element.find("name");
    if (found == element.end() || !found->is_string()) return {};
    return found->get_ref<const std::string&>();
}

/// Once the field that tells a struct's kind is read, before those whose form it says. Errors:
/// CheckpointError for another kind than the struct that is read into.
template <HasKind Struct>
void check_kind(const Struct& value, std::string_view field, const Place& place) {
    if (field != Struct::Kind::names[0]) return;
    try {
        value.check_kind();
    } catch (const StateError& error) {
        throw CheckpointError(error.what_happened(),
                              std::string(place.source()) + ": " + place.path().text(),
                              error.expected(), error.got(), error.mend());
    }
}

template <class Struct, class Tensors>
void read_fields(const Json::object_t& object, Struct& into, const Place& place, Tensors& tensors) {
    reflect::for_each_field(into, [&](std::string_view name, auto& field) {
        const Place below(place, name);
        read(field_of(object, name, place), field, below, tensors, may_be_not_finite<Struct>(name));
        if constexpr (HasKind<Struct>) check_kind(into, name, below);
    });
    check_no_more(object, reflect::field_names<Struct>, Versioned<Struct>, place);
}

template <class Struct, class Tensors>
void read_struct(const Json::object_t& object, int schema, Struct& into, const Place& place,
                 Tensors& tensors) {
    if constexpr (Versioned<Struct>) {
        if (schema < Struct::schema) {
            if constexpr (Migrated<Struct>) {
                typename Struct::Before before{};
                read_struct(object, schema, before, place, tensors);
                into = Struct::migrated(std::move(before));
                return;
            } else {
                refuse_old_schema(schema, Struct::schema, place);
            }
        }
    }
    read_fields(object, into, place, tensors);
}

template <class Variant, class Tensors, std::size_t... Is>
void read_variant(const Json& value, Variant& into, const Place& place, Tensors& tensors,
                  bool not_finite, std::index_sequence<Is...>) {
    const Json::object_t& object = read_object(value, place);
    const auto try_one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
        using Held = std::variant_alternative_t<I, Variant>;
        constexpr std::string_view name = alternative_name<Held>();
        const auto found = object.find(std::string(name));
        if (object.size() != 1 || found == object.end()) return false;
        Held held{};
        read(found->second, held, Place(place, name), tensors, not_finite);
        into.template emplace<I>(std::move(held));
        return true;
    };
    if ((try_one(std::integral_constant<std::size_t, Is>{}) || ...)) return;
    std::string names;
    (append_to_list(names, alternative_name<std::variant_alternative_t<Is, Variant>>()), ...);
    place.refuse("none of the alternatives", "an object with one of " + names, shown(value));
}

}  // namespace detail

template <class T, class Tensors>
void read(const Json& value, T& into, const Place& place, Tensors& tensors, bool not_finite) {
    if constexpr (std::same_as<T, bool>) {
        into = read_bool(value, place);
    } else if constexpr (std::is_enum_v<T>) {
        into = detail::read_enumerator<T>(value, place);
    } else if constexpr (std::signed_integral<T>) {
        into = static_cast<T>(read_signed(value, place, std::numeric_limits<T>::min(),
                                          std::numeric_limits<T>::max()));
    } else if constexpr (std::unsigned_integral<T>) {
        into = static_cast<T>(read_unsigned(value, place, std::numeric_limits<T>::max()));
    } else if constexpr (std::floating_point<T>) {
        const double number = read_real(value, place, not_finite);
        into = static_cast<T>(number);
        if (static_cast<double>(into) != number && number == number) {
            place.refuse("a number that does not fit", "one of single precision", shown(value));
        }
    } else if constexpr (std::same_as<T, std::string>) {
        into = read_text(value, place);
    } else if constexpr (std::same_as<T, TimePoint>) {
        using Limits = std::numeric_limits<std::int64_t>;
        into = TimePoint(std::chrono::duration_cast<TimePoint::duration>(
            std::chrono::nanoseconds(read_signed(value, place, Limits::min(), Limits::max()))));
    } else if constexpr (is_optional<T>) {
        into.reset();
        if (!value.is_null()) read(value, into.emplace(), place, tensors, not_finite);
    } else if constexpr (is_tensor<T> || is_any_tensor<T>) {
        into = T{};
        if (value.is_null()) return;
        const std::string& name = read_text(value, place);
        if (name != place.tensor_name()) {
            place.refuse("a tensor of another name", file::in_quotes(place.tensor_name()),
                         shown(value));
        }
        into = tensors.template read<T>(name);
    } else if constexpr (is_variant<T>) {
        detail::read_variant(value, into, place, tensors, not_finite,
                             std::make_index_sequence<std::variant_size_v<T>>{});
    } else if constexpr (is_list<T>) {
        const Json::array_t& list = read_list(value, place);
        into.clear();
        into.reserve(list.size());
        for (std::size_t i = 0; i < list.size(); ++i) {
            typename T::value_type element{};
            read(list[i], element, Place(place, i, detail::label_in(list[i])), tensors, not_finite);
            into.push_back(std::move(element));
        }
    } else if constexpr (is_map<T>) {
        into.clear();
        for (const auto& [key, each] : read_object(value, place)) {
            read(each, into[key], Place(place, key), tensors, not_finite);
        }
    } else if constexpr (reflect::Reflected<T>) {
        const Json::object_t& object = read_object(value, place);
        int schema = 0;
        if constexpr (Versioned<T>) schema = read_schema(object, T::schema, place);
        detail::read_struct(object, schema, into, place, tensors);
    } else {
        static_assert(unsupported<T>,
                      "a checkpoint cannot hold a field of this type: use numbers, texts, "
                      "enumerations with Enumerators, vectors, optionals, maps by text, tensors, "
                      "or structs with `using Fields = reflect::List<...>`");
    }
}

}  // namespace kasmina::checkpoint::record
