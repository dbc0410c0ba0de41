// AlphaOverrides: other amplitudes for one forward pass, passed as an argument (spec A-8).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/check_option.hpp>
#include <kasmina/error.hpp>

namespace kasmina {

/// One slot's amplitude for one pass: a single value, or one per sample.
struct AlphaOverride {
    std::string slot;
    std::vector<double> values;

    [[nodiscard]] bool per_sample() const noexcept { return values.size() > 1; }
    [[nodiscard]] bool all_zero() const noexcept {
        for (const double value : values) {
            if (value != 0.0) return false;
        }
        return true;
    }
};

/// Amplitudes of a counterfactual configuration. Nothing is mutated by a pass that takes one, so
/// passes nest and run side by side.
class AlphaOverrides {
public:
    AlphaOverrides() = default;

    /// Adds a slot with one amplitude in [0, 1]. Errors: OptionError for a value outside, or a
    /// slot named twice; nothing is changed then.
    void add(std::string slot, double alpha) { add(std::move(slot), std::vector<double>{alpha}); }

    /// The same with one amplitude per sample.
    void add(std::string slot, std::vector<double> alphas) {
        for (const double alpha : alphas) {
            check_option(slot, "an alpha override", alpha, OptionRange::at_least(0.0).at_most(1.0),
                         "clamp the amplitude");
        }
        if (alphas.empty() || find(slot) != nullptr) {
            throw OptionError("an alpha override is not well formed", slot,
                              "each slot once, with at least one value",
                              alphas.empty() ? "no value" : "the slot a second time",
                              "name each slot once");
        }
        entries_.push_back({std::move(slot), std::move(alphas)});
    }

    /// These and one slot more, with one amplitude or one per sample. Errors: as `add`.
    [[nodiscard]] AlphaOverrides with(std::string slot, double alpha) const& {
        return AlphaOverrides(*this).with(std::move(slot), alpha);
    }
    [[nodiscard]] AlphaOverrides with(std::string slot, std::vector<double> alphas) const& {
        return AlphaOverrides(*this).with(std::move(slot), std::move(alphas));
    }
    [[nodiscard]] AlphaOverrides with(std::string slot, double alpha) && {
        add(std::move(slot), alpha);
        return std::move(*this);
    }
    [[nodiscard]] AlphaOverrides with(std::string slot, std::vector<double> alphas) && {
        add(std::move(slot), std::move(alphas));
        return std::move(*this);
    }

    [[nodiscard]] const AlphaOverride* find(std::string_view slot) const noexcept {
        for (const AlphaOverride& entry : entries_) {
            if (entry.slot == slot) return &entry;
        }
        return nullptr;
    }

    [[nodiscard]] std::span<const AlphaOverride> entries() const noexcept { return entries_; }

private:
    std::vector<AlphaOverride> entries_;
};

}  // namespace kasmina
