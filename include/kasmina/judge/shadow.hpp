// Shadow: the values that a network would have if one of its seeds had never been (spec J-1, J-4).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/model/finite.hpp>
#include <kasmina/nn/any_state.hpp>
#include <kasmina/random/generator.hpp>

namespace kasmina::judge {

/// A second set of values for the parameters and states of a model, all but those of one slot's
/// seed, with an optimiser and a random stream of its own. It is trained on the same batches with
/// the slot skipped, by changing places with the model's values for the time of a step (which moves
/// no numbers), so it costs one copy of parameters and optimiser state and no second network.
template <class Model, class Optimiser>
class Shadow {
public:
    using B = typename Model::Backend;

    /// Of the network as it is now, without the seed in `slot`. `optimiser` steps the model, and
    /// `random` is where the host's random operations go on.
    Shadow(Model& model, std::string slot, const Optimiser& optimiser, const Generator& random)
        : slot_(std::move(slot)),
          random_(random),
          optimiser_(optimiser.split_off(model.context(), without_own())) {
        follow(model, optimiser);
    }

    [[nodiscard]] const std::string& slot() const noexcept { return slot_; }
    [[nodiscard]] Optimiser& optimiser() noexcept { return optimiser_; }
    [[nodiscard]] Generator& random() noexcept { return random_; }

    /// Batches that it has learned from.
    [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }
    void count_step() noexcept { ++steps_; }

    /// Takes in what the model has got since and drops what it has no more: another seed that
    /// germinated starts here as it stands there. Its optimiser takes the options of the model's.
    void follow(Model& model, const Optimiser& optimiser) {
        std::vector<Values> values;
        std::vector<StateValues> states;
        const nn::Contents<B> present = model.contents();
        const auto is_followed = without_own();
        for (const auto& [name, parameter] : present.parameters) {
            const auto& state = parameter->state();
            if (!is_followed(name) || find(values, state) != values.end()) continue;
            values.push_back(taken(state, model.context()));
        }
        for (const auto& [name, state] : present.states) {
            if (is_followed(name)) states.push_back(taken(state, model.context()));
        }
        values_ = std::move(values);
        states_ = std::move(states);
        optimiser_.follow(optimiser, is_followed);
    }

    /// The options alone, such as the rates of a schedule.
    void follow_options(const Optimiser& optimiser) { optimiser_.follow_options(optimiser); }

    /// The model's values and the shadow's change places; call it twice and they are where they
    /// were. Gradients are forgotten: they are of one of the two.
    void change_places() noexcept {
        for (Values& each : values_) {
            const auto parameter = each.parameter.lock();
            if (parameter == nullptr) continue;
            std::swap(parameter->value, each.value);
            parameter->has_gradient = false;
        }
        for (StateValues& each : states_) {
            each.state.visit([&each]<class T>(Tensor<B, T>& value) {
                std::swap(value, std::get<Tensor<B, T>>(each.values));
            });
        }
    }

    /// Whether all values are finite. The model's, while they have changed places.
    [[nodiscard]] bool sound(Model& model) {
        change_places();
        const nn::Contents<B> all = model.contents();
        nn::Contents<B> own;
        const auto is_followed = without_own();
        for (const auto& named : all.parameters) {
            if (is_followed(named.name)) own.parameters.push_back(named);
        }
        for (const auto& named : all.states) {
            if (is_followed(named.name)) own.states.push_back(named);
        }
        const bool finite = !first_not_finite<B>(model.context(), own).has_value();
        change_places();
        return finite;
    }

private:
    struct Values {
        std::weak_ptr<ParameterState<B>> parameter;
        Tensor<B> value;
    };
    struct StateValues {
        nn::AnyState<B> state;
        nn::AnyTensor<B> values;
    };

    /// Whether a name is not that of a tensor of the judged seed.
    [[nodiscard]] auto without_own() const {
        return [own = "slots/" + slot_ + "/"](const std::string& name) {
            return !name.starts_with(own);
        };
    }

    [[nodiscard]] static auto find(std::vector<Values>& values,
                                   const std::shared_ptr<ParameterState<B>>& parameter) {
        return std::ranges::find_if(values, [&parameter](const Values& each) {
            return !each.parameter.owner_before(parameter) &&
                   !parameter.owner_before(each.parameter);
        });
    }

    /// What it has of it, else a copy of what is there.
    [[nodiscard]] Values taken(const std::shared_ptr<ParameterState<B>>& parameter,
                               typename B::Context& context) {
        const auto known = find(values_, parameter);
        if (known != values_.end()) return std::move(*known);
        return {parameter, parameter->value.clone(context)};
    }
    [[nodiscard]] StateValues taken(const nn::AnyState<B>& state, typename B::Context& context) {
        for (StateValues& each : states_) {
            if (each.state == state) return std::move(each);
        }
        return {state, state.clone(context)};
    }

    std::string slot_;
    Generator random_;
    Optimiser optimiser_;
    std::vector<Values> values_;
    std::vector<StateValues> states_;
    std::int64_t steps_ = 0;
};

}  // namespace kasmina::judge
