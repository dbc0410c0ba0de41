// write: a plain struct as JSON; tensors in it become tensors of the file, referred to by name.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include <kasmina/checkpoint/record/json_values.hpp>
#include <kasmina/checkpoint/record/kinds.hpp>
#include <kasmina/checkpoint/record/place.hpp>
#include <kasmina/checkpoint/record/schema.hpp>
#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::checkpoint::record {

/// For records without tensors.
struct NoTensors {
    template <class T>
    void add(const std::string&, const T&) const {
        static_assert(unsupported<T>,
                      "this part holds tensors: pass the model on whose backend they are too");
    }
};

/// The name of an element of a list: its field `name`, where it has one.
template <class Element>
[[nodiscard]] std::string_view label_of(const Element& element) {
    if constexpr (requires {
                      { element.name } -> std::same_as<const std::string&>;
                  }) {
        return element.name;
    } else {
        return {};
    }
}

/// The value as JSON. `tensors.add(name, tensor)` is called for each tensor in it that is not
/// empty. Enumerations are texts, absent values null, variants objects of one field. Errors:
/// NumericError for numbers that are not finite where none may be; CheckpointError for texts that
/// are not UTF-8.
template <class T, class Tensors>
[[nodiscard]] Json write(const T& value, const Place& place, Tensors& tensors,
                         bool not_finite = false) {
    if constexpr (std::same_as<T, bool>) {
        return value;
    } else if constexpr (std::is_enum_v<T>) {
        return std::string(name_of(value));
    } else if constexpr (std::signed_integral<T>) {
        return static_cast<std::int64_t>(value);
    } else if constexpr (std::unsigned_integral<T>) {
        return static_cast<std::uint64_t>(value);
    } else if constexpr (std::floating_point<T>) {
        return write_real(static_cast<double>(value), place, not_finite);
    } else if constexpr (std::same_as<T, std::string>) {
        return write_text(value, place);
    } else if constexpr (std::same_as<T, TimePoint>) {
        return static_cast<std::int64_t>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(value.time_since_epoch()).count());
    } else if constexpr (is_optional<T>) {
        if (!value) return nullptr;
        return write(*value, place, tensors, not_finite);
    } else if constexpr (is_tensor<T>) {
        if (value.empty()) return nullptr;
        std::string name = place.tensor_name();
        tensors.add(name, value);
        return name;
    } else if constexpr (is_any_tensor<T>) {
        return std::visit([&](const auto& held) { return write(held, place, tensors); }, value);
    } else if constexpr (is_variant<T>) {
        return std::visit(
            [&]<class Held>(const Held& held) {
                Json object = Json::object();
                const Place below(place, alternative_name<Held>());
                object.emplace(std::string(alternative_name<Held>()),
                               write(held, below, tensors, not_finite));
                return object;
            },
            value);
    } else if constexpr (is_list<T>) {
        Json list = Json::array();
        for (std::size_t i = 0; i < value.size(); ++i) {
            const typename T::value_type& element = value[i];
            list.push_back(write(element, Place(place, i, label_of(element)), tensors, not_finite));
        }
        return list;
    } else if constexpr (is_map<T>) {
        Json object = Json::object();
        for (const auto& [key, each] : value) {
            const Place below(place, key);
            object.emplace(write_text(key, below), write(each, below, tensors, not_finite));
        }
        return object;
    } else if constexpr (reflect::Reflected<T>) {
        Json object = Json::object();
        if constexpr (Versioned<T>) object.emplace(std::string(schema_field), T::schema);
        reflect::for_each_field(value, [&](std::string_view name, const auto& field) {
            object.emplace(std::string(name),
                           write(field, Place(place, name), tensors, may_be_not_finite<T>(name)));
        });
        return object;
    } else {
        static_assert(unsupported<T>,
                      "a checkpoint cannot hold a field of this type: use numbers, texts, "
                      "enumerations with Enumerators, vectors, optionals, maps by text, tensors, "
                      "or structs with `using Fields = reflect::List<...>`");
    }
}

}  // namespace kasmina::checkpoint::record
