// Fields of plain structs: their names, from pointers to members, and one way to walk over them.
#pragma once

#include <kasmina/requirements.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include <kasmina/reflect/name_letter.hpp>

/// \file
/// A plain struct says once what it has:
///
///     struct Options {
///         Index hidden = 8;
///         bool bias = true;
///         using Fields = reflect::List<&Options::hidden, &Options::bias>;
///     };
///
/// A name is never written: it is read off the pointer, so no two can be swapped. A field that the
/// list leaves out, or names twice, does not compile where the struct is walked. A struct without
/// fields needs no list.
namespace kasmina::reflect {

namespace detail {

/// The compiler's text for this function ends in the pointer's spelling and a bracket.
template <auto Pointer>
constexpr auto spelling_of() {
    return std::string_view(__PRETTY_FUNCTION__);
}

constexpr std::string_view last_name(std::string_view text) {
    std::size_t end = text.size();
    while (end > 0 && !is_name_letter(text[end - 1])) --end;
    std::size_t begin = end;
    while (begin > 0 && is_name_letter(text[begin - 1])) --begin;
    return text.substr(begin, end - begin);
}

template <class Pointer>
struct MemberOf;

template <class Struct, class Value>
struct MemberOf<Value Struct::*> {
    using Type = Value;
};

/// Gives a reference to anything, as an initialiser that fits every field.
struct Anything {
    template <class Value>
    operator Value&() const&;
    template <class Value>
    operator Value&() const&&;
};

/// Whether values of these types, in braces, make a struct.
template <class Struct, class... Values>
inline constexpr bool initialised_by = requires { Struct{std::declval<Values>()...}; };

}  // namespace detail

/// The name of the field that a pointer to member points to.
template <auto Pointer>
    requires std::is_member_object_pointer_v<decltype(Pointer)>
inline constexpr std::string_view name_of_field = detail::last_name(detail::spelling_of<Pointer>());

/// The type of that field.
template <auto Pointer>
    requires std::is_member_object_pointer_v<decltype(Pointer)>
using TypeOfField = typename detail::MemberOf<decltype(Pointer)>::Type;

/// Where a field lies in an object of a struct; for code that does not know the struct.
using FieldAddress = const void* (*)(const void* object) noexcept;

/// `Pointer` may be to a member of a base of `Struct`.
template <class Struct, auto Pointer>
    requires std::is_member_object_pointer_v<decltype(Pointer)>
[[nodiscard]] const void* address_of_field(const void* object) noexcept {
    return &(static_cast<const Struct*>(object)->*Pointer);
}

/// The fields of a struct, each by a pointer to it.
template <auto... Pointers>
struct List {
    static constexpr std::size_t size = sizeof...(Pointers);
    static constexpr std::array<std::string_view, size> names{name_of_field<Pointers>...};

    /// `f(name, field)` for each field of `object`, in the list's order.
    template <class Struct, class F>
    static constexpr void walk(Struct& object, F& f) {
        (f(name_of_field<Pointers>, object.*Pointers), ...);
    }

    /// `f(name, field of left, field of right)` for each field.
    template <class Left, class Right, class F>
    static constexpr void walk(Left& left, Right& right, F& f) {
        (f(name_of_field<Pointers>, left.*Pointers, right.*Pointers), ...);
    }

    /// Whether these are all fields of `Struct`: a value of each initialises it, and there is no
    /// place for one more.
    template <class Struct>
    static constexpr bool covers =
        detail::initialised_by<Struct, typename detail::MemberOf<decltype(Pointers)>::Type...> &&
        !detail::initialised_by<Struct, typename detail::MemberOf<decltype(Pointers)>::Type...,
                                detail::Anything>;

    static consteval bool has_each_once() {
        for (std::size_t i = 0; i < size; ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                if (names[i] == names[j]) return false;
            }
        }
        return true;
    }
};

/// Has a list of its fields, or none of either. One with constructors is made empty, and then each
/// of its fields is set.
template <class Struct>
concept Reflected = requires { typename Struct::Fields; } ||
                    (std::is_aggregate_v<std::remove_cv_t<Struct>> && std::is_empty_v<Struct>);

namespace detail {

template <class Struct>
struct ListOf {
    using Type = List<>;
};

template <class Struct>
    requires requires { typename Struct::Fields; }
struct ListOf<Struct> {
    using Type = typename Struct::Fields;
};

}  // namespace detail

/// The fields of a struct; a list that is not whole does not compile.
template <Reflected Struct>
struct FieldsOf : detail::ListOf<std::remove_cv_t<Struct>>::Type {
    using List = typename detail::ListOf<std::remove_cv_t<Struct>>::Type;
    static_assert(List::has_each_once(), "Fields names a field twice: name each field once");
    static_assert(!List::has_each_once() || List::template covers<std::remove_cv_t<Struct>>,
                  "Fields must name each field of the struct, in the struct's order: add what it "
                  "leaves out");
};

/// The names of a struct's fields, in its order.
template <Reflected Struct>
inline constexpr auto& field_names = FieldsOf<Struct>::names;

/// `f(std::string_view name, auto& field)` for each field of a struct, in its order.
template <Reflected Struct, class F>
constexpr void for_each_field(Struct& object, F&& f) {
    FieldsOf<Struct>::walk(object, f);
}

/// `f(std::string_view name, auto& left, auto& right)` for each field of two structs of one type.
template <Reflected Struct, class F>
constexpr void for_each_field(const Struct& left, const Struct& right, F&& f) {
    FieldsOf<Struct>::walk(left, right, f);
}

}  // namespace kasmina::reflect
