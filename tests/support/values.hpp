// Values of states and of all that a module owns, on the host, to be compared.
#pragma once

#include <vector>

#include <kasmina/nn/parameters.hpp>

namespace kasmina::test {

/// A state's values, of whatever element type.
template <class B>
[[nodiscard]] std::vector<double> values_of(typename B::Context& context,
                                            const nn::AnyState<B>& state) {
    return state.visit([&context](const auto& value) {
        const auto read = value.to_host(context);
        return std::vector<double>(read.begin(), read.end());
    });
}

/// The values of all parameters of a module, in visiting order.
template <class B>
[[nodiscard]] std::vector<std::vector<typename B::Scalar>> parameter_values(
    typename B::Context& context, const std::vector<nn::NamedParameter<B>>& parameters) {
    std::vector<std::vector<typename B::Scalar>> values;
    for (const auto& named : parameters)
        values.push_back(named.parameter->value().to_host(context));
    return values;
}

/// The values of all states of a module, in visiting order.
template <class B>
[[nodiscard]] std::vector<std::vector<double>> state_values(
    typename B::Context& context, const std::vector<nn::NamedState<B>>& states) {
    std::vector<std::vector<double>> values;
    for (const auto& named : states) values.push_back(values_of<B>(context, named.state));
    return values;
}

}  // namespace kasmina::test
