// Golden modules: sets a module's parameters from a recorded case and compares its gradients.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <kasmina/nn/parameters.hpp>
#include <kasmina/tensor/shape.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"

namespace kasmina::test {

[[nodiscard]] inline Shape shape_of(const GoldenTensor& tensor) {
    const std::vector<Index> extents(tensor.shape.begin(), tensor.shape.end());
    return Shape(std::span<const Index>(extents));
}

/// A state's values as the backend's scalars.
template <class B>
[[nodiscard]] std::vector<typename B::Scalar> scalars_of(typename B::Context& context,
                                                         const nn::AnyState<B>& state) {
    return state.visit([&context](const auto& value) {
        const auto read = value.to_host(context);
        return std::vector<typename B::Scalar>(read.begin(), read.end());
    });
}

/// Parameters from "param.", states from "buffer.", each followed by `prefix` and the name.
template <class B>
void load_golden(typename B::Context& context, const nn::Contents<B>& contents,
                 const GoldenCase& golden, const std::string& prefix = "") {
    for (const auto& [name, parameter] : contents.parameters) {
        const GoldenTensor& recorded = golden.at("param." + prefix + name);
        INFO(name);
        REQUIRE(shape_of(recorded) == parameter->shape());
        parameter->value().assign(context, recorded.as<typename B::Scalar>());
    }
    for (const auto& [name, state] : contents.states) {
        const GoldenTensor& recorded = golden.at("buffer." + prefix + name);
        state.visit([&]<class T>(Tensor<B, T>& value) {
            value.assign(context, recorded.template as<T>());
        });
    }
}

/// What a model's names begin with, taken off them: the recorded ones are the module's own.
template <class B>
[[nodiscard]] nn::Contents<B> without_prefix(const nn::Contents<B>& all,
                                             const std::string& prefix) {
    nn::Contents<B> found;
    for (const auto& [name, parameter] : all.parameters) {
        if (!name.starts_with(prefix)) continue;
        found.parameters.push_back({name.substr(prefix.size()), parameter});
    }
    for (const auto& [name, state] : all.states) {
        if (name.starts_with(prefix)) found.states.push_back({name.substr(prefix.size()), state});
    }
    return found;
}

/// Every parameter's gradient agrees with the recorded "grad." one.
template <class B>
void check_golden_gradients(typename B::Context& context, const nn::Contents<B>& contents,
                            const GoldenCase& golden, const std::string& prefix = "") {
    for (const auto& [name, parameter] : contents.parameters) {
        INFO(golden.file() << " " << name);
        REQUIRE(parameter->has_gradient());
        const GoldenTensor& recorded = golden.at("grad." + prefix + name);
        const auto gradient = parameter->gradient().to_host(context);
        CAPTURE(relative_error(gradient, recorded));
        CHECK(agrees(gradient, recorded));
    }
}

}  // namespace kasmina::test
