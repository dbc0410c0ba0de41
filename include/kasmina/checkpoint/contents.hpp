// Contents on their way to a file: parameters and states of a module, by name.
#pragma once

#include <kasmina/checkpoint/file/plan.hpp>
#include <kasmina/checkpoint/tensors.hpp>
#include <kasmina/nn/parameters.hpp>

namespace kasmina::checkpoint {

/// Lists the values of `contents`, of which each is there once. They are read when the plan is
/// written, and must live and stay as they are until then.
template <class B>
void plan_values(typename B::Context& context, const nn::Contents<B>& contents, file::Plan& plan) {
    TensorWriter<B> tensors(context, plan);
    for (const auto& [name, parameter] : contents.parameters) tensors.add(name, parameter->value());
    for (const auto& [name, state] : contents.states) {
        state.visit([&, &its = name](const auto& value) { tensors.add(its, value); });
    }
}

}  // namespace kasmina::checkpoint
