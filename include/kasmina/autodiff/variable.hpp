// Variable and Edge: a counted handle on a value of a tape, and the mere way of its gradient.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/pending.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina {

template <class B>
class Tape;
template <class B>
class InnerTape;
template <class B>
class Variable;

namespace detail {

inline constexpr std::uint32_t no_node = 0xffffffffU;

/// A value of a tape, and the gradient on its way to it.
template <class B>
struct TapeNode {
    using Buffer = typename B::template Buffer<typename B::Scalar>;

    Shape shape;
    const typename B::Scalar* value = nullptr;
    Buffer owned{};                                ///< empty when the value belongs to another
    Buffer gradient{};                             ///< empty until a gradient arrives
    std::shared_ptr<ParameterState<B>> parameter;  ///< where the gradient goes instead
    std::uint32_t source = no_node;                ///< the node whose memory the value is
    std::uint32_t holders = 0;                     ///< handles and aliases
    bool requires_gradient = false;
    bool has_gradient = false;
};

/// What handles reach, so that one that outlives its tape finds out instead of reading garbage.
/// One thread at a time, as the tape.
template <class B>
struct TapeCore {
    Tape<B>* tape = nullptr;  ///< null when the tape has gone
    std::vector<TapeNode<B>> nodes;
    std::size_t handles = 0;  ///< on nodes of any generation
    std::uint32_t generation = 0;

    /// One holder fewer; the last one lets the value's memory go.
    void let_go(std::uint32_t index) noexcept;
};

template <class B>
void TapeCore<B>::let_go(std::uint32_t index) noexcept {
    while (index != no_node && --nodes[index].holders == 0) {
        TapeNode<B>& node = nodes[index];
        node.owned = {};
        node.value = nullptr;
        index = std::exchange(node.source, no_node);
    }
}

/// Errors: TapeError, always. For a handle whose tape was cleared (neither `moved` nor `gone`).
[[noreturn]] KASMINA_COLD inline void throw_stale_variable(bool moved, bool gone) {
    throw TapeError("a variable is used after what it refers to has gone", "Variable",
                    "a variable of its tape's current step",
                    moved  ? "a variable that was moved from"
                    : gone ? "a variable whose tape was destroyed"
                           : "a variable of an earlier step",
                    moved  ? "use the variable that it was moved to"
                    : gone ? "read the values while the tape lives"
                           : "run the forward pass again after Tape::clear");
}

/// Errors: ShapeError, always.
[[noreturn]] KASMINA_COLD inline void throw_no_single_value(const Shape& shape) {
    throw ShapeError("item() needs a single value", "Variable::item", "one element",
                     "shape " + to_string(shape), "reduce the variable first");
}

}  // namespace detail

/// The way of a gradient to a value of a tape, without a hold on the value: what an operation
/// keeps of an input that its pullback does not read. Valid until the tape is cleared.
template <class B>
class Edge {
public:
    // Implicit: wherever only the way is needed, a variable will do.
    Edge(const Variable<B>& variable) noexcept  // NOLINT(google-explicit-constructor)
        : core_(variable.core_), node_(variable.node_), generation_(variable.generation_) {}

    friend bool operator==(const Edge&, const Edge&) noexcept = default;

private:
    friend class Tape<B>;
    friend class InnerTape<B>;
    const detail::TapeCore<B>* core_;
    std::uint32_t node_;
    std::uint32_t generation_;
};

/// A value on a tape. A handle that is counted: the value's memory lives while a variable, an
/// operation that will read it on the way back, or an alias holds it, and is free for the next
/// value after that. A variable that is kept longer than the tape's step is harmless; touching it
/// then is a TapeError. Copies are cheap; one thread at a time uses the variables of a tape.
template <class B>
class Variable {
public:
    using Scalar = typename B::Scalar;

    KASMINA_APART Variable(const Variable& other) noexcept;
    KASMINA_APART Variable(Variable&& other) noexcept;
    KASMINA_APART Variable& operator=(const Variable& other) noexcept;
    KASMINA_APART Variable& operator=(Variable&& other) noexcept;
    KASMINA_APART ~Variable();

    /// Errors of all of these: TapeError for a variable whose tape was cleared or has gone, or
    /// that was moved from.
    [[nodiscard]] KASMINA_APART Tape<B>& tape() const {
        check();
        return *core_->tape;
    }
    [[nodiscard]] KASMINA_APART const Shape& shape() const& {
        check();
        return shape_;
    }
    [[nodiscard]] Shape shape() && {
        check();
        return shape_;
    }
    /// The backend's memory.
    [[nodiscard]] KASMINA_APART const Scalar* data() const { return node().value; }
    [[nodiscard]] KASMINA_APART bool requires_gradient() const { return node().requires_gradient; }
    [[nodiscard]] Edge<B> edge() const noexcept { return *this; }

    /// Starts to read the values, in row-major order.
    Pending<B> read() const {
        const detail::TapeNode<B>& known = node();
        return {core_->tape->context(), known.value, known.shape.elements()};
    }

    /// The values in row-major order, waited for.
    [[nodiscard]] std::vector<Scalar> to_host() const {
        if (shape().elements() == 0) return {};
        Pending<B> pending = read();
        const std::span<const Scalar> values = pending.values();
        return {values.begin(), values.end()};
    }

    /// The value of a one-element variable, waited for. Errors: ShapeError for any other size.
    [[nodiscard]] Scalar item() const {
        if (shape().elements() != 1) detail::throw_no_single_value(shape_);
        return read().get();
    }

    friend bool operator==(const Variable& a, const Variable& b) noexcept {
        return a.core_ == b.core_ && a.node_ == b.node_ && a.generation_ == b.generation_;
    }

private:
    friend class Tape<B>;
    friend class InnerTape<B>;
    friend class Edge<B>;
    using Core = detail::TapeCore<B>;

    Variable(Core* core, std::uint32_t node) noexcept
        : core_(core), node_(node), generation_(core->generation), shape_(core->nodes[node].shape) {
        take_hold();
    }

    void take_hold() noexcept;
    void drop() noexcept;

    void swap(Variable& other) noexcept {
        std::swap(core_, other.core_);
        std::swap(node_, other.node_);
        std::swap(generation_, other.generation_);
        std::swap(shape_, other.shape_);
    }

    [[nodiscard]] bool current() const noexcept {
        return core_->tape != nullptr && generation_ == core_->generation;
    }

    void check() const {
        if (core_ == nullptr || !current()) throw_stale();
    }

    [[noreturn]] void throw_stale() const {
        detail::throw_stale_variable(core_ == nullptr, core_ != nullptr && core_->tape == nullptr);
    }

    [[nodiscard]] const detail::TapeNode<B>& node() const {
        check();
        return core_->nodes[node_];
    }

    Core* core_;
    std::uint32_t node_;
    std::uint32_t generation_;
    Shape shape_;
};

template <class B>
Variable<B>::Variable(const Variable& other) noexcept
    : core_(other.core_), node_(other.node_), generation_(other.generation_), shape_(other.shape_) {
    take_hold();
}

template <class B>
Variable<B>::Variable(Variable&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)),
      node_(other.node_),
      generation_(other.generation_),
      shape_(other.shape_) {}

template <class B>
Variable<B>& Variable<B>::operator=(const Variable& other) noexcept {
    Variable copy(other);
    swap(copy);
    return *this;
}

template <class B>
Variable<B>& Variable<B>::operator=(Variable&& other) noexcept {
    Variable taken(std::move(other));
    swap(taken);
    return *this;
}

template <class B>
Variable<B>::~Variable() {
    if (core_ != nullptr) drop();
}

template <class B>
void Variable<B>::take_hold() noexcept {
    if (core_ == nullptr) return;
    ++core_->handles;
    if (current()) ++core_->nodes[node_].holders;
}

template <class B>
void Variable<B>::drop() noexcept {
    if (current()) core_->let_go(node_);
    if (--core_->handles == 0 && core_->tape == nullptr) delete core_;
    core_ = nullptr;
}

}  // namespace kasmina
