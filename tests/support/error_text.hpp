// The text of the error that a call throws, the same under Catch2 versions 2 and 3.
#pragma once

#include <string>

#include <kasmina/error.hpp>

namespace kasmina::test {

/// What the `Expected` that `call` throws says; empty when it throws none.
template <class Expected = Error, class Call>
[[nodiscard]] std::string error_text(Call&& call) {
    try {
        call();
    } catch (const Expected& error) {
        return error.what();
    }
    return {};
}

/// Whether an error's text mentions a word.
[[nodiscard]] inline bool mentions(const std::string& text, const std::string& word) {
    return text.find(word) != std::string::npos;
}

}  // namespace kasmina::test
