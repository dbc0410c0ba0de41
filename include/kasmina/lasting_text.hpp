// LastingText: text that never ends, so that who keeps a view of it need not copy it.
#pragma once

#include <kasmina/requirements.hpp>

#include <string>
#include <string_view>

namespace kasmina {

/// Text that never ends, as a literal does: what keeps a view of it need not copy it. A std::string
/// is not taken for one.
class LastingText {
public:
    constexpr LastingText() = default;
    // Implicit: it stands where the text would.
    constexpr LastingText(const char* text) : view_(text) {}                // NOLINT
    constexpr LastingText(std::string_view text) noexcept : view_(text) {}  // NOLINT
    LastingText(const std::string& text) = delete;

    [[nodiscard]] constexpr std::string_view view() const noexcept { return view_; }

    friend constexpr bool operator==(const LastingText&, const LastingText&) = default;

private:
    std::string_view view_{};
};

}  // namespace kasmina
