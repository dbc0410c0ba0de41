// Visiting: one mechanism that names every parameter and state of a module, dotted.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/autodiff/state.hpp>
#include <kasmina/code_size.hpp>

/// \file
/// A module has `visit(visitor)`, which calls `visitor.parameter(name, Parameter<B>&)` and
/// `visitor.state(name, State<B, T>&)` (const ones from a const module) for all it owns, in a fixed
/// order, with names like "blocks.0.conv.weight". Most modules list their members and inherit the
/// rest from Visitable; anything with such a `visit` will do. What a module owns is settled when it
/// is made: no parameter or state comes or goes later.
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
        visitor_.parameter(full(name), parameter);
    }

    template <class S>
    void state(std::string_view name, S& state) {
        visitor_.state(full(name), state);
    }

    /// One that adds more to the prefix: of the same type, so that a module is compiled for one
    /// visitor however deep it lies.
    [[nodiscard]] KASMINA_RARE Prefixed inside(std::string_view name) const {
        return {visitor_, full(name) + "."};
    }

private:
    [[nodiscard]] KASMINA_RARE std::string full(std::string_view name) const {
        return prefix_ + std::string(name);
    }

    Visitor& visitor_;
    std::string prefix_;
};

/// The visitor for what lies inside the member `name` of what `visitor` visits.
template <class Visitor>
[[nodiscard]] Prefixed<Visitor> inside(Visitor& visitor, std::string_view name) {
    return {visitor, std::string(name) + "."};
}

template <class Visitor>
[[nodiscard]] Prefixed<Visitor> inside(Prefixed<Visitor>& visitor, std::string_view name) {
    return visitor.inside(name);
}

template <class Visitor, class B>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name, Parameter<B>& member) {
    visitor.parameter(name, member);
}

template <class Visitor, class B>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name,
                               const Parameter<B>& member) {
    visitor.parameter(name, member);
}

template <class Visitor, class B, class T>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name, State<B, T>& member) {
    visitor.state(name, member);
}

template <class Visitor, class B, class T>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name, const State<B, T>& member) {
    visitor.state(name, member);
}

template <class Visitor, class Module>
    requires requires(Visitor& visitor, Module& module) { module.visit(visitor); }
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name, Module& member) {
    auto inner = inside(visitor, name);
    member.visit(inner);
}

template <class Visitor, class T>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name, std::optional<T>& member) {
    if (member) visit_member(visitor, name, *member);
}

template <class Visitor, class T>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name,
                               const std::optional<T>& member) {
    if (member) visit_member(visitor, name, *member);
}

/// A part that is shared with others, who keep it alive; it is one part of the module all the same.
template <class Visitor, class T>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name,
                               std::shared_ptr<T>& member) {
    visit_member(visitor, name, *member);
}

template <class Visitor, class T>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name,
                               const std::shared_ptr<T>& member) {
    visit_member(visitor, name, std::as_const(*member));
}

template <class Visitor, class T>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name, std::vector<T>& member) {
    for (std::size_t i = 0; i < member.size(); ++i) {
        visit_member(visitor, std::string(name) + "." + std::to_string(i), member[i]);
    }
}

template <class Visitor, class T>
KASMINA_RARE void visit_member(Visitor& visitor, std::string_view name,
                               const std::vector<T>& member) {
    for (std::size_t i = 0; i < member.size(); ++i) {
        visit_member(visitor, std::string(name) + "." + std::to_string(i), member[i]);
    }
}

/// Members in the order in which they are visited; called with a function, it calls that with each.
template <class ForEach>
struct MemberList : ForEach {};

template <class ForEach>
MemberList(ForEach) -> MemberList<ForEach>;

namespace detail {

template <class Listed>
inline constexpr bool is_member = false;
template <class Class, class Type>
inline constexpr bool is_member<Member<Class, Type>> = true;

struct NoMemberList {};

template <class List>
inline constexpr bool is_member_list = false;
template <class ForEach>
inline constexpr bool is_member_list<MemberList<ForEach>> = true;

}  // namespace detail

/// The members of a module, each an nn::Member. Of anything else it makes no list, which whoever
/// visits the module tells by its rule.
template <class... Listed>
[[nodiscard]] constexpr auto members(Listed... listed) {
    if constexpr ((detail::is_member<Listed> && ...)) {
        return MemberList{[=](auto&& f) { (f(listed), ...); }};
    } else {
        return detail::NoMemberList{};
    }
}

template <class Derived>
struct Visitable;

/// A module that inherits Visitable lists its members in a static function.
template <class M>
concept ListsItsMembers = !std::derived_from<M, Visitable<M>> || requires {
    requires detail::is_member_list<std::remove_cvref_t<decltype(M::members())>>;
};

/// Gives `Derived` its `visit` from a static `members()`, which returns `nn::members(...)`.
template <class Derived>
struct Visitable {
    template <class Visitor>
    KASMINA_RARE void visit(Visitor&& visitor) {
        visit_all(static_cast<Derived&>(*this), visitor);
    }

    template <class Visitor>
    KASMINA_RARE void visit(Visitor&& visitor) const {
        visit_all(static_cast<const Derived&>(*this), visitor);
    }

private:
    template <class Self, class Visitor>
    static void visit_all(Self& self, Visitor& visitor) {
        Derived::members()(
            [&](const auto& member) { visit_member(visitor, member.name, self.*member.pointer); });
    }
};

}  // namespace kasmina::nn
