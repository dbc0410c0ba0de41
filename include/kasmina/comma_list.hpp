// append_to_list: names in a message, one after another with commas between.
#pragma once

#include <kasmina/requirements.hpp>

#include <string>
#include <string_view>

#include <kasmina/code_size.hpp>

namespace kasmina {

/// Puts `item` at the end of `list`: "a", "a, b", "a, b, c".
KASMINA_COLD constexpr void append_to_list(std::string& list, std::string_view item) {
    if (!list.empty()) list += ", ";
    list += item;
}

}  // namespace kasmina
