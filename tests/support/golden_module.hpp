// Golden modules: sets a module's parameters from a recorded case and compares its gradients.
#pragma once

#include <cstddef>
#include <string>

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
        case 4: return {extent(0), extent(1), extent(2), extent(3)};
        default: throw GoldenError("(a tensor)", "rank is none of 1, 2, 4");
    }
}

/// Parameters from "param.", buffers from "buffer.", each followed by `prefix` and the name.
template <class B, class Module>
void load_golden(Module& module, const GoldenCase& golden, const std::string& prefix = "") {
    using Scalar = typename B::Scalar;
    for (const auto& [name, parameter] : nn::parameters<B>(module)) {
        const GoldenTensor& recorded = golden.at("param." + prefix + name);
        INFO(name);
        REQUIRE(shape_of(recorded) == parameter->shape());
        parameter->value().assign(recorded.as<Scalar>());
    }
    for (const auto& [name, buffer] : nn::buffers<B>(module)) {
        const GoldenTensor& recorded = golden.at("buffer." + prefix + name);
        buffer->assign(recorded.as<Scalar>());
    }
}

/// Every parameter's gradient agrees with the recorded "grad." one.
template <class B, class Module>
void check_golden_gradients(Module& module, const GoldenCase& golden,
                            const std::string& prefix = "") {
    for (const auto& [name, parameter] : nn::parameters<B>(module)) {
        INFO(golden.file() << " " << name);
        REQUIRE(parameter->has_gradient());
        const GoldenTensor& recorded = golden.at("grad." + prefix + name);
        CAPTURE(relative_error(parameter->gradient().to_host(), recorded));
        CHECK(agrees(parameter->gradient().to_host(), recorded));
    }
}

}  // namespace kasmina::test
