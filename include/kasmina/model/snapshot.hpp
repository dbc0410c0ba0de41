// Snapshot: values of a model to come back to after a panic.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <kasmina/model/model.hpp>

namespace kasmina {

/// The values of the host (parameters and buffers) and of fossilized seeds, on the host machine's
/// memory. Seeds that can still be pruned are not in it: a panic prunes them.
template <class B>
class Snapshot {
public:
    template <class Model>
    static Snapshot of(Model& model) {
        Snapshot snapshot;
        snapshot.take(model.host());
        for (auto& slot : model.slots()) {
            if (slot.stage() == Stage::fossilized) snapshot.take(slot);
        }
        return snapshot;
    }

    /// Puts all values back, bit for bit. The model may have moved in between, but must be the
    /// one that the snapshot was taken of.
    void restore() const {
        for (const auto& [state, values] : parameters_) {
            if (const auto parameter = state.lock()) {
                parameter->value.assign(values);
                parameter->has_gradient = false;
            }
        }
        for (const auto& [buffer, values] : buffers_) buffer->assign(values);
    }

private:
    using Values = std::vector<typename B::Scalar>;

    template <class Visitable>
    void take(Visitable& owner) {
        nn::Contents<B> owned;
        owner.visit(owned);
        for (const auto& [name, parameter] : owned.parameters) {
            parameters_.emplace_back(parameter->state(), parameter->value().to_host());
        }
        for (const auto& [name, buffer] : owned.buffers) {
            buffers_.emplace_back(buffer, buffer->to_host());
        }
    }

    std::vector<std::pair<std::weak_ptr<ParameterState<B>>, Values>> parameters_;
    std::vector<std::pair<Tensor<B>*, Values>> buffers_;
};

}  // namespace kasmina
