// parameters, buffers and counts: what most callers want from visiting a module.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::nn {

template <class B>
struct NamedParameter {
    std::string name;
    Parameter<B>* parameter;
};

template <class B>
struct NamedBuffer {
    std::string name;
    Tensor<B>* buffer;
};

/// Calls `on_parameter(name, parameter)` and `on_buffer(name, tensor)`.
template <class OnParameter, class OnBuffer>
struct Visitor {
    OnParameter on_parameter;
    OnBuffer on_buffer;

    template <class P>
    void parameter(std::string_view name, P& parameter) {
        on_parameter(name, parameter);
    }

    template <class T>
    void buffer(std::string_view name, T& buffer) {
        on_buffer(name, buffer);
    }
};

template <class OnParameter, class OnBuffer>
Visitor(OnParameter, OnBuffer) -> Visitor<OnParameter, OnBuffer>;

/// For the half of a visitor that has nothing to do.
inline constexpr auto ignore = [](std::string_view, const auto&) {};

/// Stands for any visitor in the concept below.
template <class B>
struct AnyVisitor {
    void parameter(std::string_view name, const Parameter<B>& parameter);
    void buffer(std::string_view name, const Tensor<B>& buffer);
};

/// Owns parameters and buffers of backend B, and shows them.
template <class M, class B>
concept VisitableModule = requires(M& module, const M& constant, AnyVisitor<B>& visitor) {
    module.visit(visitor);
    constant.visit(visitor);
};

/// All that a module owns, in visiting order; itself the visitor that lists it, so that modules
/// are compiled for this one visitor and not for each use.
template <class B>
struct Contents {
    std::vector<NamedParameter<B>> parameters{};
    std::vector<NamedBuffer<B>> buffers{};

    void parameter(std::string_view name, Parameter<B>& parameter) {
        parameters.push_back({std::string(name), &parameter});
    }
    void buffer(std::string_view name, Tensor<B>& buffer) {
        buffers.push_back({std::string(name), &buffer});
    }
};

/// Parameters and buffers of a module. The pointers are valid until the module moves.
template <class B, VisitableModule<B> M>
[[nodiscard]] Contents<B> contents(M& module) {
    Contents<B> found;
    module.visit(found);
    return found;
}

/// All parameters of a module in visiting order. The pointers are valid until the module moves.
template <class B, VisitableModule<B> M>
[[nodiscard]] std::vector<NamedParameter<B>> parameters(M& module) {
    return contents<B>(module).parameters;
}

/// All buffers of a module in visiting order. The pointers are valid until the module moves.
template <class B, VisitableModule<B> M>
[[nodiscard]] std::vector<NamedBuffer<B>> buffers(M& module) {
    return contents<B>(module).buffers;
}

/// Number of values in a module's parameters, frozen ones included (I-6).
template <class M>
[[nodiscard]] Index parameter_count(const M& module) {
    Index count = 0;
    module.visit(Visitor{
        [&count](std::string_view, const auto& parameter) { count += parameter.size(); }, ignore});
    return count;
}

/// Number of values in the parameters that are not frozen.
template <class M>
[[nodiscard]] Index trainable_parameter_count(const M& module) {
    Index count = 0;
    module.visit(Visitor{[&count](std::string_view, const auto& parameter) {
                             if (parameter.trainable()) count += parameter.size();
                         },
                         ignore});
    return count;
}

/// Freezes or thaws all parameters of a module.
template <class M>
void set_trainable(M& module, bool trainable) {
    module.visit(Visitor{
        [trainable](std::string_view, auto& parameter) { parameter.set_trainable(trainable); },
        ignore});
}

/// The next backward pass overwrites all gradients of a module.
template <class M>
void zero_gradients(M& module) {
    module.visit(
        Visitor{[](std::string_view, auto& parameter) { parameter.zero_gradient(); }, ignore});
}

}  // namespace kasmina::nn
