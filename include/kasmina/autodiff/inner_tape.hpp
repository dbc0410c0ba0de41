// InnerTape: a tape beside a tape, for operations whose way runs values of its own.
#pragma once

#include <utility>

#include <kasmina/autodiff/tape.hpp>

namespace kasmina {

/// The tape beside `outer` for the time of a scope: on the same context, kept from step to step,
/// and empty before and after the scope, also where that ends in an exception.
template <class B>
class InnerTape {
public:
    using Buffer = typename Tape<B>::Buffer;

    InnerTape(Tape<B>& outer, Recording recording) : outer_(outer), inner_(beside(outer)) {
        inner_.clear();
        inner_.recording_ = recording;
    }
    InnerTape(const InnerTape&) = delete;
    InnerTape& operator=(const InnerTape&) = delete;
    ~InnerTape() { inner_.clear(); }

    [[nodiscard]] Tape<B>& tape() const noexcept { return inner_; }

    /// A variable of another tape read in place here, where it may need a gradient of its own. It
    /// must be held there while this tape uses it.
    [[nodiscard]] Variable<B> view(const Variable<B>& other, bool requires_gradient) {
        return inner_.push(other.shape(), other.data(), Buffer{},
                           inner_.recording() && requires_gradient);
    }

    /// The memory of a value that nobody else holds, else a copy.
    [[nodiscard]] Buffer take(Variable<B> value) {
        auto& node = inner_.core_->nodes[value.node_];
        if (node.holders == 1 && node.owned.size() != 0) return std::move(node.owned);
        Buffer copy = inner_.acquire(node.shape.elements());
        B::copy(inner_.context(), node.value, copy.data(), node.shape.elements());
        return copy;
    }

    /// Whether a trainable parameter was put on the tape.
    [[nodiscard]] bool reached_parameters() const noexcept { return inner_.reached_parameters_; }

    /// Adds the gradient that arrived here at a view to that of an outer value; memory moves where
    /// it can.
    void hand_gradient(const Variable<B>& view, const Edge<B>& to) {
        auto& source = inner_.core_->nodes[view.node_];
        if (!source.has_gradient) return;
        auto& target = outer_.core_->nodes[to.node_];
        if (target.requires_gradient && target.parameter == nullptr && !target.has_gradient) {
            target.gradient = std::move(source.gradient);
            target.has_gradient = true;
        } else {
            outer_.add_gradient(to, source.gradient.data());
        }
        source.gradient = Buffer{};
        source.has_gradient = false;
    }

private:
    [[nodiscard]] static Tape<B>& beside(Tape<B>& outer) {
        if (outer.beside_ == nullptr) outer.beside_ = std::make_unique<Tape<B>>(outer.context());
        return *outer.beside_;
    }

    Tape<B>& outer_;
    Tape<B>& inner_;
};

}  // namespace kasmina
