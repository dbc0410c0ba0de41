// IdleController: decides nothing, for a network that is trained as it is.
#pragma once

#include <vector>

#include <kasmina/policy/controller.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina {

/// Grows nothing and prunes nothing; gates, ramps and the governor do their part all the same.
struct IdleController {
    struct State {
        using Fields = reflect::List<>;
    };

    [[nodiscard]] std::vector<Decision> decide(const EpochObservation&) const { return {}; }
    [[nodiscard]] State state() const noexcept { return {}; }
    void restore(const State&) noexcept {}
};

}  // namespace kasmina
