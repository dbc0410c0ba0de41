// Errors for what stands where an enumeration's value should: which values there are, in words.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/enumerators.hpp>

namespace kasmina::reflect {

/// An enumeration's value for messages, whatever the enumeration.
struct Enumerator {
    std::string_view name;
    int number;
};

template <Enumerated Enumeration>
inline constexpr auto enumerators = [] {
    constexpr auto all = Enumerators<Enumeration>::all;
    std::array<Enumerator, all.size()> known{};
    for (std::size_t i = 0; i < all.size(); ++i) {
        known[i] = {name_of(all[i]), static_cast<int>(all[i])};
    }
    return known;
}();

/// "add (1), multiply (2), gate (3)"; for messages.
[[nodiscard]] KASMINA_COLD inline std::string in_words(std::span<const Enumerator> enumerators) {
    std::string list;
    for (const Enumerator known : enumerators) {
        append_to_list(list, std::string(known.name) + " (" + std::to_string(known.number) + ")");
    }
    return list;
}

/// "one of add, multiply, gate"; for messages of what is read by name.
[[nodiscard]] KASMINA_COLD inline std::string names_in_words(
    std::span<const Enumerator> enumerators) {
    std::string list;
    for (const Enumerator known : enumerators) {
        append_to_list(list, known.name);
    }
    return "one of " + list;
}

[[noreturn]] KASMINA_COLD inline void refuse_enumerator(int value, std::string_view what,
                                                        std::string_view where,
                                                        std::span<const Enumerator> enumerators) {
    throw OptionError(std::string(what) + " has a value that does not exist", where,
                      in_words(enumerators), std::to_string(value), "use one of the named values");
}

/// Errors: OptionError that names the valid values, for a value outside the enumeration. `what`
/// is the option's name.
template <Enumerated Enumeration>
constexpr void check_enumerator(Enumeration value, std::string_view what, std::string_view where) {
    if (is_enumerator(value)) return;
    refuse_enumerator(static_cast<int>(value), what, where, enumerators<Enumeration>);
}

}  // namespace kasmina::reflect
