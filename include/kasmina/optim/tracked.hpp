// Tracked: what an optimiser remembers of a parameter, and who is in which group.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/shape.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::optim {

/// What an optimiser remembers of one parameter.
template <class B>
struct Tracked {
    std::weak_ptr<ParameterState<B>> parameter;
    std::string name{};      ///< empty when it was given without one
    std::int64_t steps = 0;  ///< steps taken so far
    Tensor<B> first{};       ///< momentum, or the first moment; empty before the first step
    Tensor<B> second{};      ///< the second moment
};

namespace detail {

/// "Optimiser (sgd)", as messages say where something happened.
[[nodiscard]] KASMINA_COLD inline std::string optimiser_of(std::string_view rule) {
    return "Optimiser (" + std::string(rule) + ")";
}

[[noreturn]] KASMINA_COLD inline void refuse_name(std::string_view rule, const std::string& name) {
    throw DuplicateNameError("two parameters go by one name", optimiser_of(rule),
                             "one parameter for each name", "a second one called \"" + name + "\"",
                             "put the name of its owner in front");
}

[[noreturn]] KASMINA_COLD inline void refuse_second_group(std::string_view rule, const Shape& shape,
                                                          std::size_t first, std::size_t second) {
    throw OptionError("a parameter is in another group already", optimiser_of(rule),
                      "each parameter in one group",
                      "one of shape " + to_string(shape) + " in the groups " +
                          std::to_string(first) + " and " + std::to_string(second),
                      "synchronise the other group without it first");
}

/// Whether it is of that parameter.
template <class B>
[[nodiscard]] bool is_of(const Tracked<B>& tracked,
                         const std::shared_ptr<ParameterState<B>>& parameter) noexcept {
    return !tracked.parameter.owner_before(parameter) && !parameter.owner_before(tracked.parameter);
}

/// Adds a parameter to those that a group is to step, unless it is one of them. Errors:
/// DuplicateNameError for another one of that name.
template <class B>
KASMINA_RARE void want(std::string_view rule, std::vector<Tracked<B>>& wanted,
                       const std::shared_ptr<ParameterState<B>>& parameter, std::string name) {
    for (const Tracked<B>& other : wanted) {
        if (is_of(other, parameter)) return;
        if (!name.empty() && other.name == name) refuse_name(rule, name);
    }
    wanted.push_back({parameter, std::move(name)});
}

/// Errors: OptionError for a parameter of group `second` that group `first` steps already;
/// DuplicateNameError for one that has the name of a parameter of that group.
template <class B>
KASMINA_RARE void check_apart(std::string_view rule, const std::vector<Tracked<B>>& others,
                              std::size_t first, const Tracked<B>& wanted, std::size_t second) {
    const auto parameter = wanted.parameter.lock();
    for (const Tracked<B>& other : others) {
        if (is_of(other, parameter)) {
            refuse_second_group(rule, parameter->value.shape(), first, second);
        }
        const bool taken = !wanted.name.empty() && other.name == wanted.name;
        if (taken && !other.parameter.expired()) refuse_name(rule, wanted.name);
    }
}

/// Puts `wanted` in the place of `present`, with what that remembers of the same parameters.
template <class B>
KASMINA_RARE void replace_tracked(std::vector<Tracked<B>>& present,
                                  std::vector<Tracked<B>> wanted) {
    for (Tracked<B>& tracked : wanted) {
        const auto parameter = tracked.parameter.lock();
        const auto known = std::ranges::find_if(
            present, [&](const Tracked<B>& other) { return is_of(other, parameter); });
        if (known == present.end()) continue;
        tracked.steps = known->steps;
        tracked.first = std::move(known->first);
        tracked.second = std::move(known->second);
    }
    present = std::move(wanted);
}

}  // namespace detail
}  // namespace kasmina::optim
