// The kinds of fields that a record can hold, beside structs and plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::checkpoint::record {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

template <class T>
inline constexpr bool is_map = false;
template <class T>
inline constexpr bool is_map<std::map<std::string, T>> = true;

template <class T>
inline constexpr bool is_variant = false;
template <class... Ts>
inline constexpr bool is_variant<std::variant<Ts...>> = true;

template <class T>
inline constexpr bool is_tensor = false;
template <class B, class T>
inline constexpr bool is_tensor<Tensor<B, T>> = true;

/// A tensor of any element type.
template <class T>
inline constexpr bool is_any_tensor = false;
template <class... Ts>
inline constexpr bool is_any_tensor<std::variant<Ts...>> = (is_tensor<Ts> && ...);

using TimePoint = std::chrono::system_clock::time_point;

/// What a variant's alternative is called; a struct says it by `static constexpr std::string_view
/// alternative`.
template <class T>
[[nodiscard]] constexpr std::string_view alternative_name() {
    if constexpr (std::is_same_v<T, bool>) {
        return "flag";
    } else if constexpr (std::is_integral_v<T>) {
        return "whole";
    } else if constexpr (std::is_floating_point_v<T>) {
        return "number";
    } else if constexpr (std::is_same_v<T, std::string>) {
        return "text";
    } else {
        return T::alternative;
    }
}

/// Whether a field of a struct may hold what is no finite number: the struct lists it in
/// `using MayBeNotFinite = reflect::List<...>`.
template <class Struct>
[[nodiscard]] constexpr bool may_be_not_finite(std::string_view field) {
    if constexpr (requires { Struct::MayBeNotFinite::names; }) {
        for (const std::string_view name : Struct::MayBeNotFinite::names) {
            if (name == field) return true;
        }
    }
    return false;
}

/// A struct of which one field tells the form of those behind it: it names that field in `using
/// Kind = reflect::List<...>`, and its `check_kind()` throws a StateError for a kind that it is not
/// made for.
template <class Struct>
concept HasKind = requires(const Struct& value) {
    Struct::Kind::names;
    value.check_kind();
};

template <class>
inline constexpr bool unsupported = false;

}  // namespace kasmina::checkpoint::record
