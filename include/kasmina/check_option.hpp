// check_option: the one place where a number of a user's is held against its range.
#pragma once

#include <concepts>
#include <limits>
#include <string>
#include <string_view>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/number_text.hpp>

namespace kasmina {

/// The finite numbers that an option may be.
class OptionRange {
public:
    [[nodiscard]] static constexpr OptionRange any() noexcept {
        return {std::numeric_limits<double>::lowest(), true};
    }
    [[nodiscard]] static constexpr OptionRange at_least(double low) noexcept { return {low, true}; }
    [[nodiscard]] static constexpr OptionRange above(double low) noexcept { return {low, false}; }

    /// Those of them that are below `high`, or at most that.
    [[nodiscard]] constexpr OptionRange below(double high) const noexcept {
        return bounded(high, false);
    }
    [[nodiscard]] constexpr OptionRange at_most(double high) const noexcept {
        return bounded(high, true);
    }

    /// Those of them that do not become infinite as a `Scalar`, nor 0 where that is left out: a
    /// backend's kernels may take a number below the least normal one for 0.
    template <std::floating_point Scalar>
    [[nodiscard]] constexpr OptionRange as() const noexcept {
        constexpr double most = std::numeric_limits<Scalar>::max();
        constexpr double least = std::numeric_limits<Scalar>::min();
        OptionRange range = *this;
        if (range.low_ == 0.0 && !range.with_low_) range = at_least(least).with_high_of(range);
        if (range.low_ < -most) range = at_least(-most).with_high_of(range);
        const bool is_held =
            range.has_high_ ? range.high_ <= most : most == std::numeric_limits<double>::max();
        return is_held ? range : range.at_most(most);
    }

    /// A NaN is in no range.
    [[nodiscard]] constexpr bool contains(double value) const noexcept {
        if (!is_finite(value)) return false;
        if (with_low_ ? value < low_ : value <= low_) return false;
        return !has_high_ || (with_high_ ? value <= high_ : value < high_);
    }

    /// "a finite number of at least 0 and below 1"; for messages.
    [[nodiscard]] KASMINA_COLD std::string in_words() const {
        std::string text = "a finite number";
        if (low_ > std::numeric_limits<double>::lowest()) {
            text += (with_low_ ? " of at least " : " above ") + number_text(low_);
        }
        if (has_high_) text += (with_high_ ? " and at most " : " and below ") + number_text(high_);
        return text;
    }

private:
    constexpr OptionRange(double low, bool with_low) noexcept : low_(low), with_low_(with_low) {}

    [[nodiscard]] constexpr OptionRange with_high_of(const OptionRange& other) const noexcept {
        OptionRange range = other;
        range.low_ = low_;
        range.with_low_ = with_low_;
        return range;
    }

    [[nodiscard]] constexpr OptionRange bounded(double high, bool with_high) const noexcept {
        OptionRange range = *this;
        range.high_ = high;
        range.has_high_ = true;
        range.with_high_ = with_high;
        return range;
    }

    double low_;
    double high_ = 0.0;
    bool with_low_;
    bool has_high_ = false;
    bool with_high_ = false;
};

namespace detail {

[[noreturn]] KASMINA_COLD inline void refuse_option(std::string_view where, std::string_view option,
                                                    double value, const OptionRange& range,
                                                    std::string_view mend) {
    throw OptionError(std::string(option) + " is out of range", where, range.in_words(),
                      number_text(value), mend);
}

}  // namespace detail

/// Errors: OptionError naming the option of `where`, its range and the value, for one that is no
/// number or outside.
constexpr void check_option(std::string_view where, std::string_view option, double value,
                            const OptionRange& range,
                            std::string_view mend = "choose a value in the range") {
    if (!range.contains(value)) detail::refuse_option(where, option, value, range, mend);
}

}  // namespace kasmina
