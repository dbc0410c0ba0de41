// The way back of a tape: gradients from operation to operation, and values let go as it goes.
#pragma once

#include <string>
#include <utility>

#include <kasmina/autodiff/tape.hpp>

namespace kasmina {

template <class B>
void Tape<B>::backward(const Variable<B>& loss) {
    if (loss.shape().elements() != 1) {
        throw ShapeError("backward starts from a single value", "Tape::backward", "one element",
                         "shape " + to_string(loss.shape()),
                         "reduce to a loss, or pass the upstream gradient");
    }
    check_sweepable(loss);
    Buffer one = acquire(1);
    B::fill(context(), one.data(), 1, Scalar{1});
    sweep(loss, std::move(one));
}

template <class B>
void Tape<B>::backward(const Variable<B>& output, std::span<const Scalar> upstream) {
    check_sweepable(output);
    sweep(output, upload(output.shape(), upstream));
}

template <class B>
auto Tape<B>::gradient_target(const Edge<B>& input) -> GradientTarget<Scalar> {
    Node& node = core_->nodes[input.node_];
    if (!node.requires_gradient) return {};
    if (node.parameter != nullptr) {
        ParameterState<B>& state = *node.parameter;
        const bool again = !state.gradient.empty();
        Scalar* const to = state.gradient.target(context(), node.shape, state.has_gradient);
        return {to, reach(node, again)};
    }
    if (!node.has_gradient) node.gradient = acquire(node.shape.elements());
    const bool accumulate = std::exchange(node.has_gradient, true);
    return {node.gradient.data(), accumulate};
}

template <class B>
RowGradient<B>* Tape<B>::row_target(const Edge<B>& table, Index count)
    requires RowGradientBackend<B>
{
    Node& node = core_->nodes[table.node_];
    if (!node.requires_gradient || node.parameter == nullptr) return nullptr;
    ParameterState<B>& state = *node.parameter;
    const bool pays = count < node.shape[0];
    if (!state.takes_rows || state.watched || state.has_gradient || !pays) return nullptr;
    const bool again = !state.gradient.empty();
    RowGradient<B>& rows = state.gradient.row_target(context(), node.shape, count);
    static_cast<void>(reach(node, again));
    return &rows;
}

template <class B>
bool Tape<B>::reach(Node& node, bool again) noexcept {
    ParameterState<B>& state = *node.parameter;
    state.warm = state.warm || (again && !state.has_gradient);
    node.has_gradient = true;
    return std::exchange(state.has_gradient, true);
}

template <class B>
auto Tape<B>::gradient(const Variable<B>& leaf) const -> std::vector<Scalar> {
    const Node& node = this->node(leaf);
    if (!node.has_gradient || node.gradient.size() == 0) return {};
    Pending<B> pending(context(), node.gradient.data(), node.shape.elements());
    const std::span<const Scalar> values = pending.values();
    return {values.begin(), values.end()};
}

template <class B>
void Tape<B>::backward_from(const Variable<B>& output, const Shape& shape, const Scalar* upstream) {
    check_sweepable(output);
    if (shape != output.shape()) {
        throw ShapeError("the upstream gradient has another shape", "Tape::backward",
                         to_string(output.shape()), to_string(shape),
                         "pass one value per element of the output");
    }
    Buffer copy = acquire(shape.elements());
    B::copy(context(), upstream, copy.data(), shape.elements());
    sweep(output, std::move(copy));
}

template <class B>
void Tape<B>::sweep(const Variable<B>& output, Buffer upstream) {
    Node& last = core_->nodes[output.node_];
    last.gradient = std::move(upstream);
    last.has_gradient = true;
    try {
        for (std::size_t left = entries_.size(); left > swept_entries_; --left) {
            pull_back(left - 1);
        }
    } catch (...) {
        disown_gradients();
        become_constant();
        throw;
    }
    become_constant();
}

template <class B>
void Tape<B>::become_constant() noexcept {
    for (std::size_t i = swept_nodes_; i < core_->nodes.size(); ++i) {
        core_->nodes[i].requires_gradient = false;
    }
    swept_nodes_ = core_->nodes.size();
    swept_entries_ = entries_.size();
}

template <class B>
void Tape<B>::pull_back(std::size_t index) {
    const Entry entry = entries_[index];
    if (core_->nodes[entry.output].has_gradient) {
        Upstream<B> gradient(*this, entry.output, core_->nodes[entry.output].gradient.data());
        entry.pullback(entry.closure, *this, gradient);
        Node& node = core_->nodes[entry.output];
        node.gradient = Buffer{};
        node.has_gradient = false;
    }
    entries_[index].closure = nullptr;
    entry.destroy(entry.closure);
}

template <class B>
void Tape<B>::disown_gradients() noexcept {
    for (std::size_t i = swept_nodes_; i < core_->nodes.size(); ++i) {
        const Node& node = core_->nodes[i];
        if (node.parameter != nullptr && node.has_gradient) {
            node.parameter->has_gradient = false;
        }
    }
}

template <class B>
void Tape<B>::add_gradient(const Edge<B>& input, const Scalar* gradient) {
    const GradientTarget<Scalar> target = gradient_target(input);
    if (!target) return;
    const Index elements = core_->nodes[input.node_].shape.elements();
    if (target.accumulate) {
        B::add(context(), gradient, target.data, elements);
    } else {
        B::copy(context(), gradient, target.data, elements);
    }
}

template <class B>
void Tape<B>::pass_gradient(std::uint32_t output, const Edge<B>& input, const Scalar* gradient) {
    Node& to = core_->nodes[input.node_];
    const bool movable = to.requires_gradient && to.parameter == nullptr && !to.has_gradient;
    if (!movable) return add_gradient(input, gradient);
    to.gradient = std::move(core_->nodes[output].gradient);
    to.has_gradient = true;
}

template <class B>
void Tape<B>::throw_not_sweepable(bool swept) {
    throw TapeError(
        "backward has nothing to sweep", "Tape::backward",
        "a variable that depends on a trainable parameter, swept once",
        swept ? "a variable of a tape that was swept already" : "a variable that needs no gradient",
        swept ? "clear the tape and run the forward pass again"
              : "record gradients, and use a trainable parameter or a leaf");
}

}  // namespace kasmina
