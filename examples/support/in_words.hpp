// What the system says of a failure, in words.
#pragma once

#include <string>
#include <system_error>

namespace kasmina::examples {

/// `cause` is an errno.
[[nodiscard]] inline std::string in_words(int cause) {
    return std::generic_category().message(cause);
}

}  // namespace kasmina::examples
