// ScoreKind: what a network is scored in: the name, the unit, whether less is better (spec N-3).
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/lasting_text.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina {

/// What a score is. A model is told once (`ModelOptions::score`), and all that grow it look there.
///
/// Scores themselves are in their unit, as they were measured. Differences of scores (improvements,
/// contributions, dependences, readiness, interactions) are *gains*: in that unit too, and above 0
/// where the network is better, whichever way the score goes.
struct ScoreKind {
    LastingText name = "score";
    LastingText unit{};  ///< "%"; empty for a number without one
    bool falls = false;  ///< better when it is less, as a loss is
    /// How much of the unit stands for one point of an accuracy: bounds that are given in points
    /// (`points(0.25)`), as all defaults are, follow it.
    double point = 1.0;
    /// How far apart two scores can be. A bound beyond it is a mistake.
    double span = std::numeric_limits<double>::infinity();

    friend constexpr bool operator==(const ScoreKind&, const ScoreKind&) = default;

    /// In percentage points; the default of all that grows.
    [[nodiscard]] static constexpr ScoreKind accuracy() noexcept {
        return {.name = "accuracy", .unit = "%", .falls = false, .point = 1.0, .span = 100.0};
    }

    /// How much better `now` is than `then`.
    [[nodiscard]] constexpr double gain(double then, double now) const noexcept {
        return falls ? then - now : now - then;
    }

    /// A gain in the scale of +-1 that observers read: 1 from 10 points on.
    [[nodiscard]] constexpr double scaled(double gain) const noexcept {
        return std::clamp(gain / (10.0 * point), -1.0, 1.0);
    }
};

/// A bound that gains are held against: a number in the score's unit, or so many of its points.
struct ScoreBound {
    double value = 0.0;
    bool in_points = false;

    constexpr ScoreBound() = default;
    // Implicit: a number stands for itself, in the score's unit.
    constexpr ScoreBound(double in_unit) noexcept : value(in_unit) {}  // NOLINT
    constexpr ScoreBound(double number, bool of_points) noexcept
        : value(number), in_points(of_points) {}

    /// In the unit of a score of which a point is worth so much.
    [[nodiscard]] constexpr double in_unit(double point) const noexcept {
        return in_points ? value * point : value;
    }

    using Fields = reflect::List<&ScoreBound::value, &ScoreBound::in_points>;
    friend constexpr bool operator==(const ScoreBound&, const ScoreBound&) = default;
};

/// So many points, whatever a point of the score is worth (`ScoreKind::point`).
[[nodiscard]] constexpr ScoreBound points(double number) noexcept {
    return {number, true};
}

/// Errors: OptionError for a kind without a name, a point that is not above 0 and finite, or a span
/// that is less than a point.
KASMINA_RARE inline void check_score(const ScoreKind& kind, std::string_view where) {
    if (kind.name.view().empty()) {
        throw OptionError("a score has no name", where, "what it is called", "nothing",
                          "give ScoreKind::name, as \"validation loss\"");
    }
    check_option(where, "the score's point", kind.point, OptionRange::above(0.0),
                 "say how much of the score's unit is worth a point of accuracy");
    if (kind.span >= kind.point) return;
    throw OptionError("the score's span is out of range", where,
                      "a number of at least its point, " + number_text(kind.point),
                      number_text(kind.span), "say how far apart two scores can be, or nothing");
}

/// Errors: OptionError naming the bound, for one that no gain of such a score could be held
/// against: out of range, or further than two scores can be apart.
KASMINA_RARE inline void check_score_bound(std::string_view where, std::string_view option,
                                           const ScoreBound& bound, const ScoreKind& kind,
                                           const OptionRange& range) {
    check_option(where, option, bound.value, range, "choose a bound in the range");
    const double in_unit = bound.in_unit(kind.point);
    if (is_finite(in_unit) && in_unit <= kind.span && in_unit >= -kind.span) return;
    throw OptionError(std::string(option) + " cannot be in the unit of the score", where,
                      "a bound within " + number_text(kind.span) + ", for that is how far " +
                          std::string(kind.name.view()) + " can change",
                      number_text(in_unit),
                      "give the bound in the score's unit, or in points: points(0.25)");
}

/// A score in words: "accuracy 63.0 %", "validation loss 0.0312 (falls)". It has the digits that
/// show a tenth of a point.
[[nodiscard]] KASMINA_RARE inline std::string score_text(const ScoreKind& kind, double score) {
    const int digits = std::clamp(1 - static_cast<int>(std::floor(std::log10(kind.point))), 0, 17);
    std::string text(kind.name.view());
    text += ' ' + fixed_number_text(score, digits);
    if (!kind.unit.view().empty()) text += ' ' + std::string(kind.unit.view());
    if (kind.falls) text += " (falls)";
    return text;
}

}  // namespace kasmina
