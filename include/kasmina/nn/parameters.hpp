// Contents of a module: its parameters and states with their names, and what is done with all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/any_state.hpp>
#include <kasmina/nn/visit.hpp>

namespace kasmina::nn {

/// Points to a parameter, and shares it with the module that owns it: a copy of it is valid
/// wherever the module moves, and when the module has gone. `P` is Parameter<B>, or const of it.
template <class P>
class SharedParameter {
    using Own = std::remove_const_t<P>;

public:
    // Implicit: it stands where a pointer would.
    SharedParameter(P* parameter)  // NOLINT(google-explicit-constructor)
        : parameter_(parameter->state()) {}
    SharedParameter(const SharedParameter& other) : parameter_(other.parameter_.state()) {}
    SharedParameter(SharedParameter&&) noexcept = default;
    SharedParameter& operator=(const SharedParameter& other) {
        if (this != &other) parameter_ = Own(other.parameter_.state());
        return *this;
    }
    SharedParameter& operator=(SharedParameter&&) noexcept = default;
    ~SharedParameter() = default;

    [[nodiscard]] P* operator->() const noexcept { return &parameter_; }
    /// One more handle on it.
    [[nodiscard]] P operator*() const { return P(parameter_.state()); }
    operator P*() const& noexcept { return &parameter_; }  // NOLINT(google-explicit-constructor)
    operator P*() const&& = delete;

    /// Whether both are the same parameter.
    friend bool operator==(const SharedParameter& a, const SharedParameter& b) {
        return a.parameter_.state() == b.parameter_.state();
    }

private:
    mutable Own parameter_;
};

template <class B>
struct NamedParameter {
    std::string name;
    SharedParameter<Parameter<B>> parameter;
};

/// The same of a module that is only looked at.
template <class B>
struct NamedConstParameter {
    std::string name;
    SharedParameter<const Parameter<B>> parameter;
};

template <class B>
struct NamedState {
    std::string name;
    AnyState<B> state;
};

/// Calls `on_parameter(name, parameter)` and `on_state(name, state)`.
template <class OnParameter, class OnState>
struct Visitor {
    OnParameter on_parameter;
    OnState on_state;

    template <class P>
    void parameter(std::string_view name, P& parameter) {
        on_parameter(name, parameter);
    }

    template <class S>
    void state(std::string_view name, S& state) {
        on_state(name, state);
    }
};

template <class OnParameter, class OnState>
Visitor(OnParameter, OnState) -> Visitor<OnParameter, OnState>;

/// For the half of a visitor that has nothing to do.
inline constexpr auto ignore = [](std::string_view, const auto&) {};

/// Stands for any visitor in the concept below.
template <class B>
struct AnyVisitor {
    void parameter(std::string_view name, const Parameter<B>& parameter);
    template <class T>
    void state(std::string_view name, const State<B, T>& state);
};

/// Owns parameters and states of backend B, and shows them.
template <class M, class B>
concept VisitableModule =
    ListsItsMembers<M> && requires(M& module, const M& constant, AnyVisitor<B>& visitor) {
        module.visit(visitor);
        constant.visit(visitor);
    };

/// All that a module owns, in visiting order; itself the visitor that lists it, so that modules
/// are compiled for this one visitor and not for each use.
template <class B>
struct Contents {
    std::vector<NamedParameter<B>> parameters{};
    std::vector<NamedState<B>> states{};

    KASMINA_RARE void parameter(std::string_view name, Parameter<B>& parameter) {
        parameters.push_back({std::string(name), &parameter});
    }
    template <class T>
    KASMINA_RARE void state(std::string_view name, State<B, T>& state) {
        states.push_back({std::string(name), AnyState<B>(state)});
    }

    /// All of another module, each name behind `prefix`.
    KASMINA_RARE void append(std::string_view prefix, const Contents& other) {
        const std::string before(prefix);
        for (const auto& [name, owned] : other.parameters) {
            parameters.push_back({before + name, owned});
        }
        for (const auto& [name, owned] : other.states) states.push_back({before + name, owned});
    }
};

/// Parameters and states of a module, shared with it.
template <class B, VisitableModule<B> M>
[[nodiscard]] KASMINA_RARE Contents<B> contents(M& module) {
    Contents<B> found;
    module.visit(found);
    return found;
}

/// All parameters of a module in visiting order, shared with it.
template <class B, VisitableModule<B> M>
[[nodiscard]] std::vector<NamedParameter<B>> parameters(M& module) {
    return contents<B>(module).parameters;
}

/// All states of a module in visiting order, shared with it.
template <class B, VisitableModule<B> M>
[[nodiscard]] std::vector<NamedState<B>> states(M& module) {
    return contents<B>(module).states;
}

/// Each parameter once, by the first of its names, where several members are tied to one.
template <class B>
[[nodiscard]] KASMINA_RARE std::vector<NamedParameter<B>> each_once(
    std::vector<NamedParameter<B>> all) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        bool seen = false;
        for (std::size_t other = 0; other < kept; ++other) {
            seen = seen || all[other].parameter->state() == all[i].parameter->state();
        }
        if (seen) continue;
        if (kept != i) std::swap(all[kept], all[i]);
        ++kept;
    }
    while (all.size() > kept) all.pop_back();
    return all;
}

/// Each state once, by the first of its names.
template <class B>
[[nodiscard]] KASMINA_RARE std::vector<NamedState<B>> each_once(std::vector<NamedState<B>> all) {
    std::vector<NamedState<B>> once;
    for (NamedState<B>& named : all) {
        const bool known = std::ranges::any_of(
            once, [&named](const NamedState<B>& seen) { return seen.state == named.state; });
        if (!known) once.push_back(std::move(named));
    }
    return once;
}

/// Each parameter and state once, by the first of its names.
template <class B>
[[nodiscard]] KASMINA_RARE Contents<B> each_once(Contents<B> all) {
    return {each_once(std::move(all.parameters)), each_once(std::move(all.states))};
}

/// The same parameters, to be looked at.
template <class B>
[[nodiscard]] KASMINA_RARE std::vector<NamedConstParameter<B>> as_const(
    std::vector<NamedParameter<B>> all) {
    std::vector<NamedConstParameter<B>> found;
    found.reserve(all.size());
    for (NamedParameter<B>& named : all)
        found.push_back({std::move(named.name), named.parameter.operator->()});
    return found;
}

namespace detail {

/// A tensor of a module by its place in visiting order, parameters first.
template <class B>
struct Listed {
    const Contents<B>& contents;
    std::size_t place;

    [[nodiscard]] bool is_parameter() const { return place < contents.parameters.size(); }
    [[nodiscard]] std::size_t number() const {
        return is_parameter() ? place : place - contents.parameters.size();
    }
    [[nodiscard]] const std::string& name() const {
        return is_parameter() ? contents.parameters[number()].name : contents.states[number()].name;
    }
    [[nodiscard]] KASMINA_COLD std::string in_words() const {
        const Shape& shape = is_parameter() ? contents.parameters[number()].parameter->shape()
                                            : contents.states[number()].state.shape();
        return (is_parameter() ? "parameter " : "state ") + std::to_string(number()) + " " +
               to_string(shape);
    }
};

template <class B>
[[noreturn]] KASMINA_COLD void throw_one_name(const Listed<B>& first, const Listed<B>& second,
                                              std::string_view where) {
    throw DuplicateNameError(
        "two tensors go by one name", std::string(where), "each name once",
        first.name() + " for " + first.in_words() + " and " + second.in_words(),
        "give one of the members another name in `members()`");
}

}  // namespace detail

/// Errors: DuplicateNameError when two parameters or states have one name; it says which, by their
/// places in visiting order. `where` is for the message.
template <class B>
KASMINA_RARE void require_distinct_names(const Contents<B>& contents, std::string_view where) {
    const std::size_t count = contents.parameters.size() + contents.states.size();
    for (std::size_t i = 0; i < count; ++i) {
        const detail::Listed<B> later{contents, i};
        for (std::size_t earlier = 0; earlier < i; ++earlier) {
            const detail::Listed<B> other{contents, earlier};
            if (other.name() == later.name()) detail::throw_one_name(other, later, where);
        }
    }
}

/// Number of values in a module's parameters, frozen ones included (I-6).
template <class B>
[[nodiscard]] Index parameter_count(const Contents<B>& contents) {
    Index count = 0;
    for (const NamedParameter<B>& named : contents.parameters) count += named.parameter->size();
    return count;
}

/// The same, counted on the module itself.
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
