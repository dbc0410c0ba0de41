// Enumerators: the values that an enumeration has, so that no other is taken for one of them.
#pragma once

#include <kasmina/requirements.hpp>

#include <concepts>
#include <optional>
#include <string_view>
#include <type_traits>

namespace kasmina::reflect {

/// Specialised beside an enumeration, with `static constexpr std::array all`; each value's name is
/// what `name_of(value)` says.
template <class Enumeration>
struct Enumerators;

/// An enumeration that says which values it has, and how they are called.
template <class Enumeration>
concept Enumerated = std::is_enum_v<Enumeration> && requires(Enumeration value) {
    Enumerators<Enumeration>::all;
    { name_of(value) } -> std::convertible_to<std::string_view>;
};

/// Whether a value is one of the enumeration's, and not just a number in its place.
template <Enumerated Enumeration>
[[nodiscard]] constexpr bool is_enumerator(Enumeration value) noexcept {
    for (const Enumeration known : Enumerators<Enumeration>::all) {
        if (known == value) return true;
    }
    return false;
}

/// The value of that name; absent when there is none.
template <Enumerated Enumeration>
[[nodiscard]] constexpr std::optional<Enumeration> enumerator_named(
    std::string_view name) noexcept {
    for (const Enumeration known : Enumerators<Enumeration>::all) {
        if (name_of(known) == name) return known;
    }
    return std::nullopt;
}

}  // namespace kasmina::reflect
