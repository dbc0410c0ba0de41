// Errors for what stands where an enumeration's value should: which values there are, in words.
#pragma once

#include <string>
#include <string_view>

#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/enumerators.hpp>

namespace kasmina::reflect {

/// "add (1), multiply (2), gate (3)"; for messages.
template <Enumerated Enumeration>
[[nodiscard]] KASMINA_COLD std::string enumerators_in_words() {
    std::string list;
    for (const Enumeration known : Enumerators<Enumeration>::all) {
        append_to_list(list, std::string(name_of(known)) + " (" +
                                 std::to_string(static_cast<int>(known)) + ")");
    }
    return list;
}

/// "one of add, multiply, gate"; for messages of what is read by name.
template <Enumerated Enumeration>
[[nodiscard]] KASMINA_COLD std::string enumerator_names() {
    std::string list;
    for (const Enumeration known : Enumerators<Enumeration>::all) {
        append_to_list(list, name_of(known));
    }
    return "one of " + list;
}

template <Enumerated Enumeration>
[[noreturn]] KASMINA_COLD void refuse_enumerator(Enumeration value, std::string_view what,
                                                 std::string_view where) {
    throw OptionError(std::string(what) + " has a value that does not exist", where,
                      enumerators_in_words<Enumeration>(), std::to_string(static_cast<int>(value)),
                      "use one of the named values");
}

/// Errors: OptionError that names the valid values, for a value outside the enumeration. `what`
/// is the option's name.
template <Enumerated Enumeration>
constexpr void check_enumerator(Enumeration value, std::string_view what, std::string_view where) {
    if (!is_enumerator(value)) refuse_enumerator(value, what, where);
}

}  // namespace kasmina::reflect
