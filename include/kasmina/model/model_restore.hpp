// A model's whole state: taken as plain structs, and put back with values, all or nothing.
#pragma once

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

/// What a model is to become: rebuilt seeds, flags, and values. It is made beside the model,
/// filled, and then changes places with what the model was. With `make_room` that goes for the
/// host's values too; without, they are loaded where the host has them.
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
        for (const nn::NamedState<B>& named : nn::each_once(std::move(host.states))) {
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
        seeds_ = nn::each_once(std::move(seeds_));
    }

    /// Memory for the host's values that the model does not see yet.
    void make_room(typename B::Context& context) {
        has_room_ = true;
        for (HostParameter& each : parameters_) {
            each.value = Tensor<B>::persistent(context, each.parameter->value.shape());
        }
        for (HostState& each : states_) {
            each.values = each.state.visit([&]<class T>(const Tensor<B, T>& present) {
                return nn::AnyTensor<B>(Tensor<B, T>::persistent(context, present.shape()));
            });
        }
    }

    /// Calls `load(name, tensor)` for each tensor of the host, once: in the room for it, or where
    /// the host has it. Of the right shape and element type.
    template <class Load>
    void load_host(Load&& load) {
        for (HostParameter& each : parameters_) {
            load(each.name, has_room_ ? each.value : each.parameter->value);
        }
        for (HostState& each : states_) {
            each.state.visit([&]<class T>(Tensor<B, T>& present) {
                load(each.name, has_room_ ? *std::get_if<Tensor<B, T>>(&each.values) : present);
            });
        }
    }

    /// The same for each tensor of the seeds that were rebuilt, which the model does not see yet.
    template <class Load>
    void load_seeds(Load&& load) {
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
            if (has_room_) std::swap(parameter.value, each.value);
            std::swap(parameter.trainable, each.trainable);
            std::swap(parameter.warm, each.warm);
            std::swap(parameter.has_gradient, each.has_gradient);
        }
        for (HostState& each : states_) {
            if (!has_room_) break;
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
        if (!has_room_) return;
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
    bool has_room_ = false;
};

}  // namespace kasmina
