// Tape: reverse-mode differentiation over flat arrays, swept by a loop, letting go as it goes.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/arena.hpp>
#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/autodiff/variable.hpp>
#include <kasmina/backend/context_reference.hpp>
#include <kasmina/backend/forward_only.hpp>
#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backend/row_gradient.hpp>
#include <kasmina/backend/storage.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

template <class B>
class InnerTape;

/// The gradient that reached an op's output, during its pullback.
template <class B>
class Upstream {
public:
    using Scalar = typename B::Scalar;

    [[nodiscard]] const Scalar* data() const noexcept { return data_; }

    /// Adds the whole gradient to `input`'s.
    void add_to(const Edge<B>& input) { tape_.add_gradient(input, data_); }

    /// The same as the op's last use of the gradient: its memory moves on where it can.
    void pass_to(const Edge<B>& input) { tape_.pass_gradient(output_, input, data_); }

private:
    friend class Tape<B>;
    Upstream(Tape<B>& tape, std::uint32_t output, const Scalar* data) noexcept
        : tape_(tape), output_(output), data_(data) {}

    Tape<B>& tape_;
    std::uint32_t output_;
    const Scalar* data_;
};

/// A differentiable operation's backward half, with whatever it saved as members: as `Variable`
/// what its pullback reads, as `Edge` what only gets a gradient. This is the extension point:
/// record one with `Tape::record` or `Tape::record_alias`.
template <class Op, class B>
concept DifferentiableOperation =
    std::move_constructible<Op> &&
    requires(Op op, Tape<B>& tape, Upstream<B>& upstream) { op.pullback(tape, upstream); };

/// Whether a tape writes down what backward needs.
enum class Recording : std::uint8_t { gradients, none };

[[nodiscard]] constexpr std::string_view name_of(Recording recording) noexcept {
    switch (recording) {
        case Recording::gradients: return "gradients";
        case Recording::none: return "none";
    }
    return "(invalid)";
}

template <>
struct reflect::Enumerators<Recording> {
    static constexpr std::array all{Recording::gradients, Recording::none};
};

/// A program's values and, where a gradient is needed, the way back. Nodes and operations lie in
/// flat arrays that are kept by `clear`, closures in an arena, values in the context's pool: after
/// the first step of a training loop a step allocates nothing. A value's memory is let go after
/// its last reader (P-4): in a pass that does not record that is the next operation, in backward
/// the pullback that reads it last, and what the program holds as a Variable stays. Passed, never
/// global; one tape is used by one thread at a time.
template <class B>
class Tape {
public:
    using Scalar = typename B::Scalar;
    using Context = typename B::Context;
    using Buffer = typename B::template Buffer<Scalar>;

    /// Errors: OptionError for a recording that does not exist.
    explicit Tape(Context& context, Recording recording = Recording::gradients)
        : context_(&context), recording_(checked(recording)), core_(new Core) {
        core_->tape = this;
    }
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;
    KASMINA_RARE ~Tape();

    /// The one that it was made on. Errors, here and wherever the tape computes: LifetimeError when
    /// that has gone.
    [[nodiscard]] Context& context() const { return context_.get(); }
    /// Never on a backend on which nothing learns (backend/forward_only.hpp).
    [[nodiscard]] bool recording() const noexcept {
        return !is_forward_only<B> && recording_ == Recording::gradients;
    }

    /// Number of values that were put on the tape since it was cleared.
    [[nodiscard]] Index size() const noexcept { return static_cast<Index>(core_->nodes.size()); }

    /// Number of recorded operations: what needs no gradient records none.
    [[nodiscard]] Index operations() const noexcept { return static_cast<Index>(entries_.size()); }

    /// Forgets everything and keeps the memory. All variables of the tape become invalid.
    void clear() noexcept;

    /// A tensor that is read in place and needs no gradient. It may go before the tape is cleared,
    /// and be a temporary; its values must stay what they are until backward is over.
    [[nodiscard]] Variable<B> constant(const Tensor<B>& tensor) {
        keep(tensor.memory());
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
    /// tapes that do not record need none. The tape keeps the parameter's values alive until it is
    /// cleared, so its owner may go between forward and backward.
    [[nodiscard]] Variable<B> parameter(const Parameter<B>& parameter);

    /// The same as a constant, whether it is trainable or not.
    [[nodiscard]] Variable<B> constant(const Parameter<B>& parameter);

    /// Keeps `owner` alive until the tape is cleared: for what recorded operations refer to.
    void keep(std::shared_ptr<const void> owner) { kept_.push_back(std::move(owner)); }

    /// Plain values, make(0) ... make(count - 1), kept until the tape is cleared: for operations of
    /// any number of inputs.
    template <class T, class Make>
        requires std::is_trivially_copyable_v<T>
    [[nodiscard]] std::span<const T> keep_values(std::size_t count, const Make& make) {
        T* const values = static_cast<T*>(arena_.template allocate_for<T>(count));
        for (std::size_t i = 0; i < count; ++i) ::new (values + i) T(make(i));
        return {values, count};
    }

    /// Uninitialised pooled memory for an op's output or scratch.
    template <class T = Scalar>
    [[nodiscard]] KASMINA_APART typename B::template Buffer<T> acquire(Index elements) {
        return B::template acquire<T>(context(), elements);
    }

    /// Puts an op's output on the tape. `op` is kept only when an input needs a gradient.
    template <DifferentiableOperation<B> Op>
    Variable<B> record(const Shape& shape, Buffer&& value, std::initializer_list<Edge<B>> inputs,
                       Op op) {
        Variable<B> output = push(shape, std::move(value), any_requires_gradient(inputs));
        if (output.requires_gradient()) add_entry(output, op);
        return output;
    }

    /// The same where the op itself says whether a gradient is wanted from it.
    template <DifferentiableOperation<B> Op>
    Variable<B> record(const Shape& shape, Buffer&& value, bool requires_gradient, Op op) {
        const bool wanted = recording() && requires_gradient;
        Variable<B> output = push(shape, std::move(value), wanted);
        if (wanted) add_entry(output, op);
        return output;
    }

    /// The same for an op whose pullback reads its own output: `make(output)` gives it, where a
    /// gradient is needed.
    template <class Make>
    Variable<B> record_with_output(const Shape& shape, Buffer&& value,
                                   std::initializer_list<Edge<B>> inputs, const Make& make) {
        Variable<B> output = push(shape, std::move(value), any_requires_gradient(inputs));
        if (output.requires_gradient()) {
            auto op = make(std::as_const(output));
            static_assert(DifferentiableOperation<decltype(op), B>);
            add_entry(output, op);
        }
        return output;
    }

    /// The same for an output whose value is `source`'s own memory, with another way back.
    template <DifferentiableOperation<B> Op>
    Variable<B> record_alias(const Variable<B>& source, std::initializer_list<Edge<B>> inputs,
                             Op op) {
        return record_alias(Shape(source.shape()), source, inputs, std::move(op));
    }

    /// The same seen with another shape of as many elements; the caller checks that.
    template <DifferentiableOperation<B> Op>
    Variable<B> record_alias(const Shape& shape, const Variable<B>& source,
                             std::initializer_list<Edge<B>> inputs, Op op) {
        const bool wanted = any_requires_gradient(inputs);
        Variable<B> output = alias(shape, source, wanted);
        if (wanted) add_entry(output, op);
        return output;
    }

    /// `source`'s value with no way back: a structural detach (spec I-1).
    [[nodiscard]] Variable<B> detach(const Variable<B>& source);

    /// Runs the way back from a one-element variable, with gradient 1. Parameters' gradients are
    /// added to until they are zeroed. What is on the tape by then is constant for what is recorded
    /// after it: another loss may be built on it, and swept by itself. Errors: ShapeError when it
    /// is no single value; TapeError when it needs no gradient or was on the tape at an earlier
    /// sweep; whatever a pullback throws: then no parameter that this sweep reached claims to have
    /// a gradient.
    void backward(const Variable<B>& loss);

    /// The same with the upstream gradient given, of the variable's shape, by the host ...
    void backward(const Variable<B>& output, std::span<const Scalar> upstream);

    /// ... as a variable of any tape on the same context ...
    void backward(const Variable<B>& output, const Variable<B>& upstream) {
        backward_from(output, upstream.shape(), upstream.data());
    }

    /// ... or as a tensor.
    void backward(const Variable<B>& output, const Tensor<B>& upstream) {
        backward_from(output, upstream.shape(), upstream.data());
    }

    /// What reached the output of an operation whose way back runs a tape of its own.
    void backward(const Variable<B>& output, const Upstream<B>& upstream) {
        backward_from(output, Shape(output.shape()), upstream.data());
    }

    /// Where a pullback writes `input`'s gradient: null when none is wanted, `accumulate` when
    /// there is one already. The caller must write all elements.
    [[nodiscard]] GradientTarget<Scalar> gradient_target(const Edge<B>& input);

    /// Where the pullback of a look-up of `count` rows writes the gradient of a table (rows, width)
    /// as those rows: of a parameter that has none yet, whose optimiser's step takes rows, whose
    /// whole gradient nobody looks at, and that has more rows than are looked up. Null for all
    /// else: then `gradient_target` is asked. The caller must write all `count` places. What comes
    /// to the parameter after that, in this pass or another, is added to a whole gradient, which is
    /// made of the rows first.
    [[nodiscard]] RowGradient<B>* row_target(const Edge<B>& table, Index count)
        requires RowGradientBackend<B>;

    /// The shape of the value at the end of an edge, which may have gone.
    [[nodiscard]] const Shape& shape(const Edge<B>& input) const {
        return core_->nodes[input.node_].shape;
    }

    [[nodiscard]] bool requires_gradient(const Edge<B>& input) const {
        return node(input).requires_gradient;
    }

    /// After backward, the gradient of a `leaf` (empty when none reached it), on the host.
    [[nodiscard]] std::vector<Scalar> gradient(const Variable<B>& leaf) const;

private:
    [[nodiscard]] static Recording checked(Recording recording) {
        reflect::check_enumerator(recording, "recording", "Tape");
        return recording;
    }

    friend class Upstream<B>;
    friend class InnerTape<B>;
    using Node = detail::TapeNode<B>;
    using Core = detail::TapeCore<B>;

    struct Entry {
        void* closure;
        void (*pullback)(void*, Tape&, Upstream<B>&);
        void (*destroy)(void*) noexcept;
        std::uint32_t output;
    };

    [[nodiscard]] const Node& node(const Edge<B>& edge) const {
        if (edge.core_ != core_ || edge.generation_ != core_->generation) throw_stale(edge);
        return core_->nodes[edge.node_];
    }

    [[noreturn]] KASMINA_COLD void throw_stale(const Edge<B>& edge) const;

    void check_sweepable(const Variable<B>& output) const {
        if (!node(output).requires_gradient) throw_not_sweepable(output.node_ < swept_nodes_);
    }

    [[noreturn]] KASMINA_COLD static void throw_not_sweepable(bool swept);

    void backward_from(const Variable<B>& output, const Shape& shape, const Scalar* upstream);

    void sweep(const Variable<B>& output, Buffer upstream);

    /// What was swept has got all the gradient that it will get.
    void become_constant() noexcept;

    void pull_back(std::size_t index);

    /// A sweep broke off: what it left in parameters is part of a gradient, which is none.
    void disown_gradients() noexcept;

    [[nodiscard]] Buffer upload(const Shape& shape, std::span<const Scalar> values);

    [[nodiscard]] bool any_requires_gradient(std::initializer_list<Edge<B>> inputs) const;

    Variable<B> push(const Shape& shape, Buffer&& value, bool requires_gradient) {
        const Scalar* data = value.data();
        return push(shape, data, std::move(value), requires_gradient);
    }

    Variable<B> push(const Shape& shape, const Scalar* data, Buffer&& owned,
                     bool requires_gradient);

    Variable<B> alias(const Shape& shape, const Variable<B>& source, bool requires_gradient);

    template <class Op>
    void add_entry(const Variable<B>& output, Op& op) {
        if constexpr (!is_forward_only<B>) {
            Op* closure = ::new (arena_.template allocate_for<Op>()) Op(std::move(op));
            add_entry(closure, &pull_back_through<Op>, &destroy_closure<Op>, output.node_);
        }
    }

    void add_entry(void* closure, void (*pullback)(void*, Tape&, Upstream<B>&),
                   void (*destroy)(void*) noexcept, std::uint32_t output);

    template <class Op>
    static void pull_back_through(void* op, Tape& tape, Upstream<B>& upstream) {
        static_cast<Op*>(op)->pullback(tape, upstream);
    }

    template <class Op>
    static void destroy_closure(void* op) noexcept {
        static_cast<Op*>(op)->~Op();
    }

    void add_gradient(const Edge<B>& input, const Scalar* gradient);

    /// A gradient arrives at a parameter's node, `again` where one did in an earlier pass; whether
    /// it is added to what is there.
    static bool reach(Node& node, bool again) noexcept;

    void pass_gradient(std::uint32_t output, const Edge<B>& input, const Scalar* gradient);

    ContextReference<Context> context_;
    Recording recording_;
    Core* core_;
    std::vector<Entry> entries_;
    std::vector<std::shared_ptr<const void>> kept_;
    std::unique_ptr<Tape> beside_;
    Arena arena_;
    std::size_t swept_entries_ = 0;
    std::size_t swept_nodes_ = 0;
    bool reached_parameters_ = false;
};

template <class B>
Tape<B>::~Tape() {
    clear();
    core_->tape = nullptr;
    if (core_->handles == 0) delete core_;
}

template <class B>
void Tape<B>::clear() noexcept {
    for (const Entry& entry : entries_) {
        if (entry.closure != nullptr) entry.destroy(entry.closure);
    }
    entries_.clear();
    core_->nodes.clear();
    ++core_->generation;
    arena_.reset();
    kept_.clear();
    swept_entries_ = 0;
    swept_nodes_ = 0;
    reached_parameters_ = false;
}

template <class B>
Variable<B> Tape<B>::parameter(const Parameter<B>& parameter) {
    const std::shared_ptr<ParameterState<B>>& state = parameter.state();
    reached_parameters_ = reached_parameters_ || state->trainable;
    keep(state->value.memory());
    const bool wanted = recording() && state->trainable;
    const Variable<B> variable = push(state->value.shape(), state->value.data(), Buffer{}, wanted);
    core_->nodes.back().parameter = state;
    return variable;
}

template <class B>
Variable<B> Tape<B>::constant(const Parameter<B>& parameter) {
    const std::shared_ptr<ParameterState<B>>& state = parameter.state();
    keep(state->value.memory());
    const Variable<B> variable = push(state->value.shape(), state->value.data(), Buffer{}, false);
    core_->nodes.back().parameter = state;
    return variable;
}

template <class B>
Variable<B> Tape<B>::detach(const Variable<B>& source) {
    return alias(Shape(source.shape()), source, false);
}

template <class B>
auto Tape<B>::upload(const Shape& shape, std::span<const Scalar> values) -> Buffer {
    if (static_cast<Index>(values.size()) != shape.elements()) {
        throw ShapeError("values do not fill the shape", "Tape",
                         std::to_string(shape.elements()) + " values for " + to_string(shape),
                         std::to_string(values.size()) + " values",
                         "pass one value per element, in row-major order");
    }
    Buffer buffer = acquire(shape.elements());
    if (!values.empty()) {
        B::upload(context(), values.data(), buffer.data(), shape.elements());
    }
    return buffer;
}

template <class B>
bool Tape<B>::any_requires_gradient(std::initializer_list<Edge<B>> inputs) const {
    bool wanted = false;
    for (const Edge<B>& input : inputs) wanted = node(input).requires_gradient || wanted;
    return wanted;
}

template <class B>
Variable<B> Tape<B>::push(const Shape& shape, const Scalar* data, Buffer&& owned,
                          bool requires_gradient) {
    Node node;
    node.shape = shape;
    node.value = data;
    node.owned = std::move(owned);
    node.requires_gradient = requires_gradient;
    core_->nodes.push_back(std::move(node));
    return Variable<B>(core_, static_cast<std::uint32_t>(core_->nodes.size() - 1));
}

template <class B>
Variable<B> Tape<B>::alias(const Shape& shape, const Variable<B>& source, bool requires_gradient) {
    const Scalar* data = node(source).value;
    const Variable<B> output = push(shape, data, Buffer{}, requires_gradient);
    core_->nodes[output.node_].source = source.node_;
    ++core_->nodes[source.node_].holders;
    return output;
}

template <class B>
void Tape<B>::add_entry(void* closure, void (*pullback)(void*, Tape&, Upstream<B>&),
                        void (*destroy)(void*) noexcept, std::uint32_t output) {
    entries_.push_back({closure, pullback, destroy, output});
}

template <class B>
void Tape<B>::throw_stale(const Edge<B>& edge) const {
    throw TapeError(
        "a variable is used after its tape was cleared, or on another tape", "Tape",
        "a variable of this tape's current step",
        edge.core_ == core_ ? "a variable of an earlier step" : "a variable of another tape",
        "run the forward pass again after Tape::clear");
}

}  // namespace kasmina

#include <kasmina/autodiff/backward.hpp>
