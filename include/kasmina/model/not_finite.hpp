// find_not_finite: where a network has stopped being made of numbers.
#pragma once

#include <algorithm>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/tensor/pending.hpp>

namespace kasmina {

/// The name of a parameter or state with a value that is not finite (or too large to be squared in
/// double); absent when all are sane. One pass over all of them and one wait, and one more for
/// each state of doubles on a backend of floats.
template <class B>
    requires MultiTensorBackend<B>
[[nodiscard]] std::optional<std::string> find_not_finite(typename B::Context& context,
                                                         const nn::Contents<B>& contents) {
    using Scalar = typename B::Scalar;
    std::vector<TensorSlice<Scalar>> slices;
    std::vector<const std::string*> names;
    std::optional<std::string> broken;
    for (const nn::NamedParameter<B>& named : contents.parameters) {
        if (named.parameter->size() == 0) continue;
        slices.push_back({named.parameter->value().data(), named.parameter->size()});
        names.push_back(&named.name);
    }
    for (const nn::NamedState<B>& named : contents.states) {
        named.state.visit([&]<class T>(const Tensor<B, T>& value) {
            if (value.size() == 0) return;
            if constexpr (std::same_as<T, Scalar>) {
                slices.push_back({value.data(), value.size()});
                names.push_back(&named.name);
            } else if constexpr (std::floating_point<T>) {
                const std::vector<T> values = value.to_host(context);
                const auto is_sane = [](T each) { return kasmina::is_finite(each); };
                if (!std::ranges::all_of(values, is_sane)) broken = named.name;
            }
        });
    }
    if (broken || slices.empty()) return broken;
    const Index count = static_cast<Index>(slices.size());
    auto norms = B::template acquire<double>(context, count);
    B::squared_norms(context, SquaredNorms<Scalar>{.tensors = slices, .norms = norms.data()});
    Pending<B, double> pending(context, norms.data(), count);
    const std::span<const double> squares = pending.values();
    const auto is_broken = [](double square) { return !is_finite(square); };
    const auto place = std::ranges::find_if(squares, is_broken);
    if (place == squares.end()) return std::nullopt;
    return *names[static_cast<std::size_t>(place - squares.begin())];
}

}  // namespace kasmina
