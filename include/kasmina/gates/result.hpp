// GateResult: a gate's verdict with every check it made, without touching the heap.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/lasting_text.hpp>
#include <kasmina/lifecycle/gate.hpp>

namespace kasmina {

/// One check: a stable snake_case name, the value measured and the bound it was held against, or a
/// reason in words where no number says why it failed.
struct GateCheck {
    std::string_view name{};
    bool passed = false;
    double measured = 0.0;
    double bound = 0.0;
    std::string_view reason{};
};

/// The verdict of one gate. Passed when no check failed: a gate that asks for nothing is open.
class GateResult {
public:
    static constexpr std::size_t max_checks = 8;

    constexpr explicit GateResult(Gate gate) noexcept : gate_(gate) {}

    [[nodiscard]] constexpr Gate gate() const noexcept { return gate_; }
    [[nodiscard]] constexpr double score() const noexcept { return score_; }
    [[nodiscard]] constexpr std::size_t checks() const noexcept { return count_; }

    /// Check number `index`, in the order they were made. Errors: OptionError for one that was not
    /// made.
    [[nodiscard]] constexpr const GateCheck& check(std::size_t index) const {
        if (index >= count_) refuse_index(index, count_);
        return checks_[index];
    }

    [[nodiscard]] constexpr bool passed() const noexcept {
        for (std::size_t i = 0; i < count_; ++i) {
            if (!checks_[i].passed) return false;
        }
        return true;
    }

    /// The check of that name, null when it was not made.
    [[nodiscard]] constexpr const GateCheck* find(std::string_view name) const noexcept {
        for (std::size_t i = 0; i < count_; ++i) {
            if (checks_[i].name == name) return &checks_[i];
        }
        return nullptr;
    }

    [[nodiscard]] constexpr bool failed(std::string_view name) const noexcept {
        const GateCheck* check = find(name);
        return check != nullptr && !check->passed;
    }

    /// A yes-or-no check; with a reason for why not, where the name does not tell.
    constexpr GateResult& require(LastingText name, bool holds, LastingText reason = {}) noexcept {
        return add({name.view(), holds, holds ? 1.0 : 0.0, 1.0, reason.view()});
    }

    /// measured >= bound; a value that is not finite fails (G-7).
    constexpr GateResult& require_at_least(LastingText name, double measured,
                                           double bound) noexcept {
        return add({name.view(), is_finite(measured) && measured >= bound, measured, bound});
    }

    /// measured <= bound; a value that is not finite fails (G-7).
    constexpr GateResult& require_at_most(LastingText name, double measured,
                                          double bound) noexcept {
        return add({name.view(), is_finite(measured) && measured <= bound, measured, bound});
    }

    /// Clamped to [0, 1]; a score that is not finite is 0.
    constexpr GateResult& with_score(double score) noexcept {
        score_ = is_finite(score) && score > 0.0 ? (score < 1.0 ? score : 1.0) : 0.0;
        return *this;
    }

private:
    [[noreturn]] KASMINA_COLD static void refuse_index(std::size_t index, std::size_t count) {
        throw OptionError("a gate made no such check", "GateResult::check",
                          "an index below " + std::to_string(count), std::to_string(index),
                          "ask checks() first");
    }

    /// A check beyond the last place overwrites it with a failure: no check is lost silently.
    constexpr GateResult& add(const GateCheck& check) noexcept {
        if (count_ < max_checks) {
            checks_[count_++] = check;
        } else {
            checks_[max_checks - 1] = {"too_many_checks", false, 0.0, 0.0};
        }
        return *this;
    }

    Gate gate_;
    double score_ = 0.0;
    std::array<GateCheck, max_checks> checks_{};
    std::size_t count_ = 0;
};

}  // namespace kasmina
