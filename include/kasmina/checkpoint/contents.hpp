// Contents on their way to a file: each parameter and state of a module once, by its first name.
#pragma once

#include <utility>

#include <kasmina/checkpoint/file/plan.hpp>
#include <kasmina/checkpoint/tensors.hpp>
#include <kasmina/model/model_restore.hpp>
#include <kasmina/nn/parameters.hpp>

namespace kasmina::checkpoint {

/// Each once, by the first of its names.
template <class B>
[[nodiscard]] nn::Contents<B> each_once(nn::Contents<B> all) {
    all.parameters = nn::each_once(std::move(all.parameters));
    all.states = states_each_once(all.states);
    return all;
}

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
