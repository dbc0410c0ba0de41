// Estimate: a value that was measured several times, and by what.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include <kasmina/finite.hpp>
#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::judge {

/// A value that was measured several times.
struct Estimate {
    double value = 0.0;
    /// Such that the truth lies within two of them in about 95 of 100 cases, however few the
    /// measurements: a quantile of Student's t is in it. Infinite below three measurements.
    double standard_error = std::numeric_limits<double>::infinity();
    int count = 0;  ///< measurements

    /// Whether there were enough measurements to say how good the value is.
    [[nodiscard]] constexpr bool has_error() const noexcept { return is_finite(standard_error); }

    using Fields = reflect::List<&Estimate::value, &Estimate::standard_error, &Estimate::count>;
    /// Fields that may hold what is no finite number.
    using MayBeNotFinite = reflect::List<&Estimate::standard_error>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;

    friend bool operator==(const Estimate&, const Estimate&) = default;
};

/// What a contribution was measured by (spec J-1).
enum class MeasureKind : std::uint8_t {
    none = 0,
    /// The network with the seed against a copy that has trained without it: help.
    shadow = 1,
    /// The network against itself with the seed's amplitude at 0: dependence, which is not help.
    ablation = 2,
    own = 3,  ///< a user's
};

[[nodiscard]] constexpr std::string_view name_of(MeasureKind kind) noexcept {
    switch (kind) {
        case MeasureKind::shadow: return "shadow";
        case MeasureKind::ablation: return "ablation";
        case MeasureKind::own: return "own";
        case MeasureKind::none: return "none";
    }
    return "(invalid)";
}

}  // namespace kasmina::judge

template <>
struct kasmina::reflect::Enumerators<kasmina::judge::MeasureKind> {
    static constexpr std::array all{
        kasmina::judge::MeasureKind::none, kasmina::judge::MeasureKind::shadow,
        kasmina::judge::MeasureKind::ablation, kasmina::judge::MeasureKind::own};
};
