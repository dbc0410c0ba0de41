// Tape and Variable: reverse-mode differentiation over flat arrays, swept by a loop.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/arena.hpp>
#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/tensor/backend.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

template <class B>
class Tape;

/// A value on a tape: a handle that is valid until the tape is cleared.
template <class B>
class Variable {
public:
    using Scalar = typename B::Scalar;

    [[nodiscard]] Tape<B>& tape() const noexcept { return *tape_; }
    [[nodiscard]] const Shape& shape() const { return tape_->node(*this).shape; }
    [[nodiscard]] const Scalar* data() const { return tape_->node(*this).value; }
    [[nodiscard]] bool requires_gradient() const { return tape_->node(*this).requires_gradient; }

    /// The values in row-major order, copied to the host.
    [[nodiscard]] std::vector<Scalar> to_host() const {
        std::vector<Scalar> values(static_cast<std::size_t>(shape().elements()));
        if (!values.empty()) B::download(data(), values.data(), shape().elements());
        return values;
    }

    /// The value of a one-element variable. Errors: ShapeError for any other size.
    [[nodiscard]] Scalar item() const {
        if (shape().elements() != 1) {
            throw ShapeError("item() needs a single value", "Variable::item", "one element",
                             "shape " + to_string(shape()), "reduce the variable first");
        }
        Scalar value{};
        B::download(data(), &value, 1);
        return value;
    }

    friend bool operator==(const Variable&, const Variable&) noexcept = default;

private:
    friend class Tape<B>;
    Variable(Tape<B>* tape, std::uint32_t node, std::uint32_t generation) noexcept
        : tape_(tape), node_(node), generation_(generation) {}

    Tape<B>* tape_;
    std::uint32_t node_;
    std::uint32_t generation_;
};

/// The gradient that reached an op's output, during its pullback.
template <class B>
class Upstream {
public:
    using Scalar = typename B::Scalar;

    [[nodiscard]] const Scalar* data() const noexcept { return data_; }

    /// Adds the whole gradient to `input`'s.
    void add_to(const Variable<B>& input) { tape_.add_gradient(input, data_); }

    /// The same as the op's last use of the gradient: its memory moves on where it can.
    void pass_to(const Variable<B>& input) { tape_.pass_gradient(output_, input, data_); }

private:
    friend class Tape<B>;
    Upstream(Tape<B>& tape, std::uint32_t output, const Scalar* data) noexcept
        : tape_(tape), output_(output), data_(data) {}

    Tape<B>& tape_;
    std::uint32_t output_;
    const Scalar* data_;
};

/// A differentiable operation's backward half, with whatever it saved as members. This is the
/// extension point: record one with `Tape::record` or `Tape::record_alias`.
template <class Op, class B>
concept DifferentiableOperation =
    std::move_constructible<Op> &&
    requires(Op op, Tape<B>& tape, Upstream<B>& upstream) { op.pullback(tape, upstream); };

/// Whether a tape writes down what backward needs.
enum class Recording : std::uint8_t { gradients, none };

/// A program's values and, where a gradient is needed, the way back. Nodes and operations lie in
/// flat arrays that are kept by `clear`, closures in an arena, values in the context's pool: after
/// the first step of a training loop a step allocates nothing. Passed, never global; one tape is
/// used by one thread at a time.
template <class B>
class Tape {
public:
    using Scalar = typename B::Scalar;
    using Context = typename B::Context;
    using Buffer = typename B::Buffer;

    explicit Tape(Context& context, Recording recording = Recording::gradients)
        : context_(&context), recording_(recording) {}
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;
    ~Tape() { clear(); }

    [[nodiscard]] Context& context() const noexcept { return *context_; }
    [[nodiscard]] bool recording() const noexcept { return recording_ == Recording::gradients; }

    /// Number of values on the tape.
    [[nodiscard]] Index size() const noexcept { return static_cast<Index>(nodes_.size()); }

    /// Number of recorded operations: what needs no gradient records none.
    [[nodiscard]] Index operations() const noexcept { return static_cast<Index>(entries_.size()); }

    /// Forgets everything and keeps the memory. All variables of the tape become invalid.
    void clear() noexcept {
        for (const Entry& entry : entries_) {
            if (entry.closure != nullptr) entry.destroy(entry.closure);
        }
        entries_.clear();
        nodes_.clear();
        arena_.reset();
        swept_ = false;
        ++generation_;
    }

    /// A tensor that is read in place and needs no gradient. It must outlive the step.
    [[nodiscard]] Variable<B> constant(const Tensor<B>& tensor) {
        return push(tensor.shape(), tensor.data(), Buffer{}, false);
    }

    /// Values copied from the host; no gradient. Errors: ShapeError when the counts differ.
    [[nodiscard]] Variable<B> constant(const Shape& shape, std::span<const Scalar> values) {
        return push(shape, upload(shape, values), false);
    }

    /// Values copied from the host whose gradient is kept for `gradient`.
    [[nodiscard]] Variable<B> leaf(const Shape& shape, std::span<const Scalar> values) {
        return push(shape, upload(shape, values), recording());
    }

    /// A parameter, read in place; its gradient goes to the parameter. Frozen parameters and
    /// tapes that do not record need none.
    [[nodiscard]] Variable<B> parameter(const Parameter<B>& parameter) {
        ParameterState<B>& state = *parameter.state();
        const bool wanted = recording() && state.trainable;
        const Variable<B> variable =
            push(state.value.shape(), state.value.data(), Buffer{}, wanted);
        if (wanted) nodes_.back().parameter = &state;
        return variable;
    }

    /// Uninitialised pooled memory for an op's output or scratch.
    [[nodiscard]] Buffer acquire(Index elements) { return B::acquire(*context_, elements); }

    /// Puts an op's output on the tape. `op` is kept only when an input needs a gradient.
    template <DifferentiableOperation<B> Op>
    Variable<B> record(const Shape& shape, Buffer value, std::initializer_list<Variable<B>> inputs,
                       Op op) {
        const bool wanted = any_requires_gradient(inputs);
        const Variable<B> output = push(shape, std::move(value), wanted);
        if (wanted) add_entry(output.node_, std::move(op));
        return output;
    }

    /// The same for an output whose value is `source`'s own memory, with another way back.
    template <DifferentiableOperation<B> Op>
    Variable<B> record_alias(const Variable<B>& source, std::initializer_list<Variable<B>> inputs,
                             Op op) {
        return record_alias(Shape(source.shape()), source, inputs, std::move(op));
    }

    /// The same seen with another shape of as many elements; the caller checks that.
    template <DifferentiableOperation<B> Op>
    Variable<B> record_alias(const Shape& shape, const Variable<B>& source,
                             std::initializer_list<Variable<B>> inputs, Op op) {
        const bool wanted = any_requires_gradient(inputs);
        const Variable<B> output = push(shape, node(source).value, Buffer{}, wanted);
        if (wanted) add_entry(output.node_, std::move(op));
        return output;
    }

    /// `source`'s value with no way back: a structural detach (spec I-1).
    [[nodiscard]] Variable<B> detach(const Variable<B>& source) { return alias(source, false); }

    /// Runs the way back from a one-element variable, with gradient 1. Parameters' gradients are
    /// added to until they are zeroed. Errors: ShapeError when it is no single value; TapeError
    /// when it needs no gradient or the tape was swept already.
    void backward(const Variable<B>& loss) {
        if (loss.shape().elements() != 1) {
            throw ShapeError("backward starts from a single value", "Tape::backward", "one element",
                             "shape " + to_string(loss.shape()),
                             "reduce to a loss, or pass the upstream gradient");
        }
        const Scalar one{1};
        backward(loss, std::span<const Scalar>(&one, 1));
    }

    /// The same with the upstream gradient given, of the variable's shape.
    void backward(const Variable<B>& output, std::span<const Scalar> upstream) {
        check_sweepable(output);
        Node& last = nodes_[output.node_];
        last.gradient = upload(last.shape, upstream);
        last.has_gradient = true;
        swept_ = true;
        for (std::size_t left = entries_.size(); left > 0; --left) {
            Entry& entry = entries_[left - 1];
            Node& node = nodes_[entry.output];
            if (node.has_gradient) {
                Upstream<B> gradient(*this, entry.output, node.gradient.data());
                entry.pullback(entry.closure, *this, gradient);
                node.gradient = Buffer{};
                node.has_gradient = false;
            }
            entry.destroy(entry.closure);
            entry.closure = nullptr;
        }
    }

    /// Where a pullback writes `input`'s gradient: null when none is wanted, `accumulate` when
    /// there is one already. The caller must write all elements.
    [[nodiscard]] GradientTarget<Scalar> gradient_target(const Variable<B>& input) {
        Node& node = nodes_[input.node_];
        if (!node.requires_gradient) return {};
        if (node.parameter != nullptr) {
            ParameterState<B>& state = *node.parameter;
            if (state.gradient.empty()) {
                state.gradient = Tensor<B>::persistent(node.shape);
            } else {
                state.warm = state.warm || !state.has_gradient;
            }
            const bool accumulate = std::exchange(state.has_gradient, true);
            return {state.gradient.data(), accumulate};
        }
        const bool accumulate = std::exchange(node.has_gradient, true);
        if (!accumulate) node.gradient = acquire(node.shape.elements());
        return {node.gradient.data(), accumulate};
    }

    /// After backward, the gradient of a `leaf` (empty when none reached it), on the host.
    [[nodiscard]] std::vector<Scalar> gradient(const Variable<B>& leaf) const {
        const Node& node = this->node(leaf);
        if (!node.has_gradient) return {};
        std::vector<Scalar> values(static_cast<std::size_t>(node.shape.elements()));
        B::download(node.gradient.data(), values.data(), node.shape.elements());
        return values;
    }

private:
    friend class Variable<B>;
    friend class Upstream<B>;

    struct Node {
        Shape shape;
        const Scalar* value = nullptr;
        Buffer owned{};     // empty when the value belongs to somebody else
        Buffer gradient{};  // empty until a gradient arrives
        ParameterState<B>* parameter = nullptr;
        bool requires_gradient = false;
        bool has_gradient = false;
    };

    struct Entry {
        void* closure;
        void (*pullback)(void*, Tape&, Upstream<B>&);
        void (*destroy)(void*) noexcept;
        std::uint32_t output;
    };

    [[nodiscard]] const Node& node(const Variable<B>& variable) const {
        if (variable.tape_ != this || variable.generation_ != generation_) {
            throw TapeError("a variable is used after its tape was cleared, or on another tape",
                            "Tape", "a variable of this tape's current step",
                            variable.tape_ == this ? "a variable of an earlier step"
                                                   : "a variable of another tape",
                            "run the forward pass again after Tape::clear");
        }
        return nodes_[variable.node_];
    }

    void check_sweepable(const Variable<B>& output) const {
        const bool wanted = node(output).requires_gradient;
        if (!wanted || swept_) {
            throw TapeError(
                "backward has nothing to sweep", "Tape::backward",
                "a variable that depends on a trainable parameter, swept once",
                swept_ ? "a tape that was swept already" : "a variable that needs no gradient",
                swept_ ? "clear the tape and run the forward pass again"
                       : "record gradients, and use a trainable parameter or a leaf");
        }
    }

    [[nodiscard]] Buffer upload(const Shape& shape, std::span<const Scalar> values) {
        if (static_cast<Index>(values.size()) != shape.elements()) {
            throw ShapeError("values do not fill the shape", "Tape",
                             std::to_string(shape.elements()) + " values for " + to_string(shape),
                             std::to_string(values.size()) + " values",
                             "pass one value per element, in row-major order");
        }
        Buffer buffer = acquire(shape.elements());
        if (!values.empty()) B::upload(values.data(), buffer.data(), shape.elements());
        return buffer;
    }

    [[nodiscard]] bool any_requires_gradient(std::initializer_list<Variable<B>> inputs) const {
        bool wanted = false;
        for (const Variable<B>& input : inputs) wanted = node(input).requires_gradient || wanted;
        return wanted;
    }

    Variable<B> push(const Shape& shape, Buffer value, bool requires_gradient) {
        const Scalar* data = value.data();
        return push(shape, data, std::move(value), requires_gradient);
    }

    Variable<B> push(const Shape& shape, const Scalar* data, Buffer owned, bool requires_gradient) {
        Node node;
        node.shape = shape;
        node.value = data;
        node.owned = std::move(owned);
        node.requires_gradient = requires_gradient;
        nodes_.push_back(std::move(node));
        return Variable<B>(this, static_cast<std::uint32_t>(nodes_.size() - 1), generation_);
    }

    Variable<B> alias(const Variable<B>& source, bool requires_gradient) {
        const Node& original = node(source);
        return push(Shape(original.shape), original.value, Buffer{}, requires_gradient);
    }

    template <class Op>
    void add_entry(std::uint32_t output, Op op) {
        Op* closure = arena_.template create<Op>(std::move(op));
        entries_.push_back({closure,
                            [](void* self, Tape& tape, Upstream<B>& upstream) {
                                static_cast<Op*>(self)->pullback(tape, upstream);
                            },
                            [](void* self) noexcept { static_cast<Op*>(self)->~Op(); }, output});
    }

    void add_gradient(const Variable<B>& input, const Scalar* gradient) {
        const GradientTarget<Scalar> target = gradient_target(input);
        if (!target) return;
        const Index elements = nodes_[input.node_].shape.elements();
        if (target.accumulate) {
            B::add(*context_, gradient, target.data, elements);
        } else {
            B::copy(*context_, gradient, target.data, elements);
        }
    }

    void pass_gradient(std::uint32_t output, const Variable<B>& input, const Scalar* gradient) {
        Node& to = nodes_[input.node_];
        const bool movable = to.requires_gradient && to.parameter == nullptr && !to.has_gradient;
        if (!movable) return add_gradient(input, gradient);
        to.gradient = std::move(nodes_[output].gradient);
        to.has_gradient = true;
    }

    Context* context_;
    Recording recording_;
    std::vector<Node> nodes_;
    std::vector<Entry> entries_;
    Arena arena_;
    std::uint32_t generation_ = 0;
    bool swept_ = false;
};

}  // namespace kasmina
