// Visiting: one mechanism that names every parameter and buffer of a module, dotted.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/tensor/tensor.hpp>

/// \file
/// A module has `visit(visitor)`, which calls `visitor.parameter(name, Parameter<B>&)` and
/// `visitor.buffer(name, Tensor<B>&)` (const ones from a const module) for all it owns, in a fixed
/// order, with names like "blocks.0.conv.weight". Most modules list their members and inherit the
/// rest from Visitable; anything with such a `visit` will do.
namespace kasmina::nn {

/// A member of a module: its name and where it is.
template <class Class, class Type>
struct Member {
    std::string_view name;
    Type Class::*pointer;
};

template <class Class, class Type>
Member(std::string_view, Type Class::*) -> Member<Class, Type>;

/// Passes names on with a prefix.
template <class Visitor>
class Prefixed {
public:
    Prefixed(Visitor& visitor, std::string prefix)
        : visitor_(visitor), prefix_(std::move(prefix)) {}

    template <class P>
    void parameter(std::string_view name, P& parameter) {
        visitor_.parameter(prefix_ + std::string(name), parameter);
    }

    template <class T>
    void buffer(std::string_view name, T& buffer) {
        visitor_.buffer(prefix_ + std::string(name), buffer);
    }

private:
    Visitor& visitor_;
    std::string prefix_;
};

template <class Visitor, class B>
void visit_member(Visitor& visitor, std::string_view name, Parameter<B>& member) {
    visitor.parameter(name, member);
}

template <class Visitor, class B>
void visit_member(Visitor& visitor, std::string_view name, const Parameter<B>& member) {
    visitor.parameter(name, member);
}

/// State that training moves, such as running statistics: it is held by pointer, so that a const
/// forward pass may update it and a move leaves it at its address.
template <class Visitor, class B>
void visit_member(Visitor& visitor, std::string_view name, std::unique_ptr<Tensor<B>>& member) {
    visitor.buffer(name, *member);
}

template <class Visitor, class B>
void visit_member(Visitor& visitor, std::string_view name,
                  const std::unique_ptr<Tensor<B>>& member) {
    visitor.buffer(name, std::as_const(*member));
}

template <class Visitor, class Module>
    requires requires(Module& module, Prefixed<Visitor>& inner) { module.visit(inner); }
void visit_member(Visitor& visitor, std::string_view name, Module& member) {
    Prefixed<Visitor> inner(visitor, std::string(name) + ".");
    member.visit(inner);
}

template <class Visitor, class T>
void visit_member(Visitor& visitor, std::string_view name, std::optional<T>& member) {
    if (member) visit_member(visitor, name, *member);
}

template <class Visitor, class T>
void visit_member(Visitor& visitor, std::string_view name, const std::optional<T>& member) {
    if (member) visit_member(visitor, name, *member);
}

template <class Visitor, class T>
void visit_member(Visitor& visitor, std::string_view name, std::vector<T>& member) {
    for (std::size_t i = 0; i < member.size(); ++i) {
        visit_member(visitor, std::string(name) + "." + std::to_string(i), member[i]);
    }
}

template <class Visitor, class T>
void visit_member(Visitor& visitor, std::string_view name, const std::vector<T>& member) {
    for (std::size_t i = 0; i < member.size(); ++i) {
        visit_member(visitor, std::string(name) + "." + std::to_string(i), member[i]);
    }
}

/// Gives `Derived` its `visit` from a static `members()`, which returns a tuple of Member.
template <class Derived>
struct Visitable {
    template <class Visitor>
    void visit(Visitor&& visitor) {
        visit_all(static_cast<Derived&>(*this), visitor);
    }

    template <class Visitor>
    void visit(Visitor&& visitor) const {
        visit_all(static_cast<const Derived&>(*this), visitor);
    }

private:
    template <class Self, class Visitor>
    static void visit_all(Self& self, Visitor& visitor) {
        std::apply(
            [&](const auto&... member) {
                (visit_member(visitor, member.name, self.*member.pointer), ...);
            },
            Derived::members());
    }
};

}  // namespace kasmina::nn
