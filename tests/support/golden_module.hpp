// Golden modules: sets a module's parameters from a recorded case and compares its gradients.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <kasmina/nn/parameters.hpp>
#include <kasmina/tensor/shape.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"

namespace kasmina::test {

[[nodiscard]] inline Shape shape_of(const GoldenTensor& tensor) {
    const auto extent = [&tensor](std::size_t axis) {
        return static_cast<Index>(tensor.shape.at(axis));
    };
    switch (tensor.shape.size()) {
        case 1: return {extent(0)};
        case 2: return {extent(0), extent(1)};
        case 3: return {extent(0), extent(1), extent(2)};
        case 4: return {extent(0), extent(1), extent(2), extent(3)};
        default: throw GoldenError("(a tensor)", "rank is none of 1, 2, 3, 4");
    }
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
