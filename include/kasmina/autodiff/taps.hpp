// Taps: what layers made on the way of a pass, for whoever asks by name.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/variable.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>

namespace kasmina {

/// Asks for activations by their names and receives them: `Pass::listening(taps)` makes a pass in
/// which hosts, slots and modules hand over what they make (`Pass::tap`); one that nobody listens
/// to does nothing of it. A model offers "host/stem", "slots/<id>" (the features there, with the
/// slot's influence), "slots/<id>/seed" (what the seed alone makes, where it runs) and "host/..."
/// as the host names its own. What is received lives as long as the tape's values; a pass that is
/// recomputed hands over nothing.
template <class B>
class Taps {
public:
    explicit Taps(std::vector<std::string> names) : wanted_(std::move(names)) {
        received_.resize(wanted_.size());
    }

    /// What came by that name. Errors: UnknownNameError for a name that was not asked for, or that
    /// nothing in the last pass goes by; it lists what does.
    [[nodiscard]] const Variable<B>& at(std::string_view name) const {
        const auto place = std::ranges::find(wanted_, name);
        if (place == wanted_.end()) refuse(name, "was not asked for");
        const auto& value = received_[static_cast<std::size_t>(place - wanted_.begin())];
        if (!value) refuse(name, "did not come by");
        return *value;
    }

    /// The names of all that came by in the last pass, asked for or not.
    [[nodiscard]] const std::vector<std::string>& offered() const noexcept { return offered_; }

    // ---- for whoever runs a pass --------------------------------------------------------------

    /// Lets go of what came before.
    KASMINA_RARE void forget() noexcept {
        offered_.clear();
        for (auto& value : received_) value.reset();
    }

    KASMINA_RARE void offer(std::string_view prefix, std::string_view name,
                            const Variable<B>& value) {
        std::string full = std::string(prefix) + std::string(name);
        for (std::size_t i = 0; i < wanted_.size(); ++i) {
            if (wanted_[i] == full) received_[i] = value;
        }
        if (std::ranges::find(offered_, full) == offered_.end()) {
            offered_.push_back(std::move(full));
        }
    }

    /// Errors: UnknownNameError for a name that was asked for and did not come by.
    KASMINA_RARE void check_all_came() const {
        for (std::size_t i = 0; i < wanted_.size(); ++i) {
            if (!received_[i]) refuse(wanted_[i], "did not come by");
        }
    }

private:
    [[noreturn]] KASMINA_COLD void refuse(std::string_view name, std::string_view why) const {
        std::string available;
        for (const std::string& each : offered_) append_to_list(available, each);
        throw UnknownNameError(
            "there is no such activation", "Taps",
            available.empty() ? "a pass that has been run" : "one of " + available,
            "\"" + std::string(name) + "\", which " + std::string(why),
            "ask for names that the pass offers");
    }

    std::vector<std::string> wanted_;
    std::vector<std::optional<Variable<B>>> received_{};
    std::vector<std::string> offered_{};
};

}  // namespace kasmina
