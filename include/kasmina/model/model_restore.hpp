// A model's whole state: taken as plain structs, and put back with values, all or nothing.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/model/model_state.hpp>
#include <kasmina/nn/any_state.hpp>
#include <kasmina/nn/parameters.hpp>

namespace kasmina {

/// States of a module, each once, by the first of its names.
template <class B>
[[nodiscard]] std::vector<nn::NamedState<B>> states_each_once(
    const std::vector<nn::NamedState<B>>& all) {
    std::vector<nn::NamedState<B>> once;
    for (const nn::NamedState<B>& named : all) {
        const bool known = std::ranges::any_of(
            once, [&named](const nn::NamedState<B>& seen) { return seen.state == named.state; });
        if (!known) once.push_back(named);
    }
    return once;
}

/// All of a model but its tensors.
template <class Model>
[[nodiscard]] ModelState state_of(Model& model) {
    ModelState state{.random = model.generator().state(), .host = {}, .slots = {}};
    for (const auto& [name, parameter] : model.host_parameters()) {
        state.host.push_back({name, parameter->trainable(), parameter->state()->warm});
    }
    for (const auto& slot : model.slots()) state.slots.push_back(slot.state());
    return state;
}

/// What a model is to become: rebuilt seeds, flags, and room for the values of all its tensors. It
/// is made beside the model, filled, and then changes places with what the model was.
template <class Model>
class PreparedModel {
public:
    using B = typename Model::Backend;

    /// Rebuilds the seeds of `state`, whatever the model's slots are in now; nothing of the model
    /// is changed. Errors: StateError for flags or slots of another host, and those of
    /// `Slot::restore`.
    PreparedModel(Model& model, const ModelState& state)
        : random_(Generator::from_state(state.random)) {
        for (const auto& [name, parameter] : model.host_parameters()) {
            parameters_.push_back({name, parameter->state(), {}, true, false, false});
        }
        nn::Contents<B> host;
        host.append("host/", nn::contents<B>(model.host()));
        for (const nn::NamedState<B>& named : states_each_once(host.states)) {
            states_.push_back({named.name, named.state, {}});
        }
        set_flags(state);
        if (state.slots.size() != model.slots().size()) {
            refuse("slots", std::to_string(model.slots().size()) + ", as the model has",
                   std::to_string(state.slots.size()));
        }
        for (std::size_t i = 0; i < state.slots.size(); ++i) {
            const auto& slot = model.slots()[i];
            slots_.push_back(slot.prepare(state.slots[i]));
            seeds_.append("slots/" + slot.name() + "/", slots_.back().contents());
        }
        seeds_.parameters = nn::each_once(std::move(seeds_.parameters));
        seeds_.states = states_each_once(seeds_.states);
    }

    /// Calls `load(name, tensor)` for each tensor that the model will have, once: tensors of the
    /// right shape and element type, with memory of their own that the model does not see yet.
    template <class Load>
    void fill(typename B::Context& context, Load&& load) {
        for (HostParameter& each : parameters_) {
            each.value = Tensor<B>::persistent(context, each.parameter->value.shape());
            load(each.name, each.value);
        }
        for (HostState& each : states_) {
            each.values = each.state.visit([&]<class T>(const Tensor<B, T>& present) {
                auto fresh = Tensor<B, T>::persistent(context, present.shape());
                load(each.name, fresh);
                return nn::AnyTensor<B>(std::move(fresh));
            });
        }
        for (const auto& [name, parameter] : seeds_.parameters) load(name, parameter->value());
        for (const auto& [name, state] : seeds_.states) {
            state.visit([&, &its = name](auto& value) { load(its, value); });
        }
    }

    /// The model becomes what was prepared, and this what the model was; twice, and all is as it
    /// was. What was measured of the gradients and not read yet stays where it is.
    void exchange(Model& model) noexcept {
        for (HostParameter& each : parameters_) {
            ParameterState<B>& parameter = *each.parameter;
            std::swap(parameter.value, each.value);
            std::swap(parameter.trainable, each.trainable);
            std::swap(parameter.warm, each.warm);
            std::swap(parameter.has_gradient, each.has_gradient);
        }
        for (HostState& each : states_) {
            each.state.visit([&each]<class T>(Tensor<B, T>& value) {
                std::swap(value, *std::get_if<Tensor<B, T>>(&each.values));
            });
        }
        for (std::size_t i = 0; i < slots_.size(); ++i) model.slots()[i].exchange(slots_[i]);
        std::swap(model.generator(), random_);
    }

    /// After the last exchange: the host's new values move to where the old ones lay, so that what
    /// still points there (a tape of before) finds values and no freed memory.
    void settle(typename B::Context& context) {
        for (HostParameter& each : parameters_) {
            std::swap(each.parameter->value, each.value);
            each.parameter->value.copy_from(context, each.value);
        }
        for (HostState& each : states_) {
            each.state.visit([&]<class T>(Tensor<B, T>& value) {
                auto& other = *std::get_if<Tensor<B, T>>(&each.values);
                std::swap(value, other);
                value.copy_from(context, other);
            });
        }
    }

private:
    struct HostParameter {
        std::string name;
        std::shared_ptr<ParameterState<B>> parameter;
        Tensor<B> value;
        bool trainable;
        bool warm;
        bool has_gradient;
    };

    struct HostState {
        std::string name;
        nn::AnyState<B> state;
        nn::AnyTensor<B> values;
    };

    [[noreturn]] KASMINA_COLD static void refuse(const std::string& field, std::string expected,
                                                 std::string got) {
        throw StateError("the state is of another model: " + field, "MorphogeneticModel",
                         std::move(expected), std::move(got),
                         "restore it into a model with the same host");
    }

    void set_flags(const ModelState& state) {
        if (state.host.size() != parameters_.size()) {
            refuse("host", std::to_string(parameters_.size()) + " parameters",
                   std::to_string(state.host.size()));
        }
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            const HostParameterFlags& flags = state.host[i];
            if (flags.name != parameters_[i].name) {
                refuse("host[" + std::to_string(i) + "].name", parameters_[i].name, flags.name);
            }
            parameters_[i].trainable = flags.trainable;
            parameters_[i].warm = flags.warm;
        }
    }

    Generator random_;
    std::vector<HostParameter> parameters_{};
    std::vector<HostState> states_{};
    std::vector<typename Model::SlotType::Prepared> slots_{};
    nn::Contents<B> seeds_{};
};

}  // namespace kasmina
