// Checks an optimiser's state against the parameters that it is restored for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/optim/tracked.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::optim::detail {

/// Errors: StateError for a state of another rule.
KASMINA_RARE inline void check_rule(std::string_view rule, const std::string& rule_of_state) {
    if (rule_of_state == rule) return;
    constexpr std::size_t most = 80;  // it may be anybody's text
    const std::string was = name_or_none(std::string_view(rule_of_state).substr(0, most));
    throw StateError("the state is of an optimiser with another rule", optimiser_of(rule),
                     std::string(rule) + ", the rule of the optimiser that is given", was,
                     "give an optimiser with the rule " + was +
                         ", or restore the model alone and let a new optimiser begin anew");
}

/// Errors: StateError for a state of another rule or another number of groups.
KASMINA_RARE inline void check_kind(std::string_view rule, const std::string& rule_of_state,
                                    std::size_t groups, std::size_t groups_of_state) {
    check_rule(rule, rule_of_state);
    if (groups_of_state != groups) {
        throw StateError("the state has another number of groups", optimiser_of(rule),
                         std::to_string(groups), std::to_string(groups_of_state),
                         "add the groups, and synchronise them, before restoring");
    }
}

/// Errors: UnknownNameError, always.
[[noreturn]] KASMINA_COLD inline void refuse_unknown(std::string_view rule, const std::string& name,
                                                     const std::string& expected) {
    throw UnknownNameError("the state speaks of a parameter that is not stepped",
                           optimiser_of(rule), expected, "\"" + name + "\"",
                           "restore the model first, and synchronise the group with it");
}

template <class B>
[[nodiscard]] KASMINA_COLD std::string names_of(const std::vector<Tracked<B>>& tracked) {
    std::string names;
    for (const Tracked<B>& known : tracked) append_to_list(names, known.name);
    return names.empty() ? "no parameter at all" : "one of " + names;
}

/// Where the parameter of that name is. Errors: UnknownNameError when there is none, or none left.
template <class B>
[[nodiscard]] KASMINA_RARE std::size_t place_of(std::string_view rule, const std::string& name,
                                                const std::vector<Tracked<B>>& tracked) {
    const auto place = std::ranges::find(tracked, name, &Tracked<B>::name);
    if (name.empty() || place == tracked.end() || place->parameter.expired()) {
        refuse_unknown(rule, name, names_of(tracked));
    }
    return static_cast<std::size_t>(place - tracked.begin());
}

/// Errors: StateError for an entry without one of its `moments`, with one too many, or with less
/// than no steps; ShapeError for a moment of another shape than its parameter.
template <class B, class Entry>
KASMINA_RARE void check_complete(std::string_view rule, const Entry& entry, int moments,
                                 const ParameterState<B>& parameter) {
    const int expected = entry.steps > 0 ? moments : 0;
    if (entry.steps < 0 || entry.first.empty() != (expected < 1) ||
        entry.second.empty() != (expected < 2)) {
        throw StateError("the state of a parameter is incomplete", optimiser_of(rule),
                         std::to_string(expected) + " moments of \"" + entry.name + "\" after " +
                             std::to_string(entry.steps) + " steps",
                         std::to_string(!entry.first.empty() + !entry.second.empty()),
                         "restore what state() returned");
    }
    for (const Tensor<B>* moment : {&entry.first, &entry.second}) {
        if (moment->empty() || moment->shape() == parameter.value.shape()) continue;
        throw ShapeError("a moment does not fit its parameter \"" + entry.name + "\"",
                         optimiser_of(rule), to_string(parameter.value.shape()),
                         to_string(moment->shape()),
                         "restore a state of a model with the same shapes");
    }
}

}  // namespace kasmina::optim::detail
