// system_message: what the system says of a failed call, in words.
#pragma once

#include <kasmina/requirements.hpp>

#include <string>
#include <system_error>

#include <kasmina/code_size.hpp>

namespace kasmina {

/// `error` is what errno was.
[[nodiscard]] KASMINA_COLD inline std::string system_message(int error) {
    return std::generic_category().message(error);
}

}  // namespace kasmina
