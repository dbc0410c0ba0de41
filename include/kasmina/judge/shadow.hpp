// Shadow: the values that a network would have if one of its seeds had never been (spec J-1, J-4).
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/error.hpp>
#include <kasmina/model/not_finite.hpp>
#include <kasmina/model/snapshot.hpp>
#include <kasmina/nn/any_state.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/slot/alpha_overrides.hpp>

namespace kasmina::judge {

/// Where the random operations of a seed beside the judged one go on in the shadow.
struct SeedStream {
    std::string slot{};
    Generator::State random{};

    using Fields = reflect::List<&SeedStream::slot, &SeedStream::random>;
};

/// All that a shadow is, its values as copies on the backend. Move-only, for the tensors' sake.
template <class B, class OptimiserState>
struct ShadowState {
    std::string slot{};
    Snapshot<B> values{};  ///< of the network but for the judged seed
    OptimiserState optimiser{};
    Generator::State random{};
    std::vector<SeedStream> seed_streams{};
    std::int64_t steps = 0;

    using Fields =
        reflect::List<&ShadowState::slot, &ShadowState::values, &ShadowState::optimiser,
                      &ShadowState::random, &ShadowState::seed_streams, &ShadowState::steps>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

/// A second set of values for the parameters, states and seeds' random streams of a model, all but
/// those of one slot's seed, with an optimiser and a random stream of its own. It is trained on the
/// same batches with the slot skipped, by changing places with the model's values for the time of a
/// step (which moves no numbers), so it costs one copy of parameters and optimiser state and no
/// second network.
template <class Model, class Optimiser>
class Shadow {
public:
    using B = typename Model::Backend;
    using State = ShadowState<B, typename Optimiser::State>;

    /// Of the network as it is now, without the seed in `slot`. `optimiser` steps the model, and
    /// `random` is where the host's random operations go on.
    Shadow(Model& model, std::string slot, const Optimiser& optimiser, const Generator& random)
        : slot_(std::move(slot)),
          random_(random),
          optimiser_(optimiser.split_off(model.context(), without_own())) {
        follow(model, optimiser);
    }

    /// The one that `state` was taken of, for a model and an optimiser that have been restored to
    /// the same moment. Errors: UnknownNameError for values of another network, and ShapeError for
    /// some of another shape or element type; StateError for a random stream or a count that cannot
    /// be; those of `Optimiser::restore`. Nothing is changed then.
    /// Of a state that is moved here the tensors are taken over, of another one copied.
    template <class S>
        requires std::same_as<std::remove_cvref_t<S>, State>
    Shadow(Model& model, const Optimiser& optimiser, S&& state)
        : slot_(state.slot), random_(Generator::from_state(state.random)), steps_(state.steps) {
        if (steps_ < 0) {
            throw StateError("a shadow cannot have this state: steps", where(), "at least 0",
                             std::to_string(steps_), "restore what state() returned");
        }
        check_fits(model, state);
        follow(model, optimiser);
        optimiser_.restore(model.context(), std::forward<S>(state).optimiser);
        for (Values& each : values_) {
            auto& value = value_of(state.values.parameters, each.names[0]);
            if constexpr (std::is_lvalue_reference_v<S>) {
                each.value = value.clone(model.context());
            } else {
                each.value = std::move(value);
            }
        }
        for (StateValues& each : states_) {
            auto& values = value_of(state.values.states, each.names[0]);
            if constexpr (std::is_lvalue_reference_v<S>) {
                std::visit(
                    [&](const auto& tensor) {
                        each.values = nn::AnyTensor<B>(tensor.clone(model.context()));
                    },
                    values);
            } else {
                each.values = std::move(values);
            }
        }
        for (Stream& each : streams_) {
            const auto kept = std::ranges::find(state.seed_streams, each.slot, &SeedStream::slot);
            each.random = Generator::from_state(kept->random);
        }
    }

    /// All that it is, with copies of its values. Errors: OptionError for parameters without names.
    [[nodiscard]] State state(typename B::Context& context) const {
        State state{.slot = slot_,
                    .values = {},
                    .optimiser = optimiser_.state(context),
                    .random = random_.state(),
                    .seed_streams = {},
                    .steps = steps_};
        for (const Values& each : values_) {
            if (each.parameter.expired()) continue;
            for (const std::string& name : each.names) {
                state.values.parameters.push_back({name, each.value.clone(context)});
            }
        }
        for (const StateValues& each : states_) {
            for (const std::string& name : each.names) {
                state.values.states.push_back({name, std::visit(
                                                         [&](const auto& tensor) {
                                                             return nn::AnyTensor<B>(
                                                                 tensor.clone(context));
                                                         },
                                                         each.values)});
            }
        }
        for (const Stream& each : streams_) {
            if (each.seed.expired()) continue;
            state.seed_streams.push_back({each.slot, each.random.state()});
        }
        return state;
    }

    [[nodiscard]] const std::string& slot() const noexcept { return slot_; }
    /// What makes the model skip the seed.
    [[nodiscard]] const AlphaOverrides& overrides() const noexcept { return overrides_; }
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
        std::vector<Stream> streams;
        const nn::Contents<B> present = model.contents();
        const auto is_followed = without_own();
        for (const auto& [name, parameter] : present.parameters) {
            const auto& state = parameter->state();
            if (!is_followed(name)) continue;
            auto place = find(values, state);
            if (place == values.end()) {
                values.push_back(taken(state, model.context()));
                place = values.end() - 1;
            }
            place->names.push_back(name);
        }
        for (const auto& [name, state] : present.states) {
            if (!is_followed(name)) continue;
            auto place = std::ranges::find(states, state, &StateValues::state);
            if (place == states.end()) {
                states.push_back(taken(state, model.context()));
                place = states.end() - 1;
            }
            place->names.push_back(name);
        }
        for (const auto& slot : model.slots()) {
            const auto seed = slot.random_stream();
            if (seed == nullptr || slot.name() == slot_) continue;
            streams.push_back(taken(slot.name(), seed));
        }
        values_ = std::move(values);
        states_ = std::move(states);
        streams_ = std::move(streams);
        optimiser_.follow(optimiser, is_followed);
    }

    /// The options alone, such as the rates of a schedule.
    void follow_options(const Optimiser& optimiser) { optimiser_.follow_options(optimiser); }

    /// Whether it has gradients of its own, because those of several batches are summed before it
    /// is stepped. It costs one copy more of the parameters.
    void keep_gradients(bool keep) noexcept { keeps_gradients_ = keep; }

    /// The model's values and the shadow's change places; call it twice and they are where they
    /// were. Gradients are forgotten, for they are of one of the two, unless it has its own.
    void change_places() noexcept {
        for (Values& each : values_) {
            const auto parameter = each.parameter.lock();
            if (parameter == nullptr) continue;
            std::swap(parameter->value, each.value);
            if (keeps_gradients_) {
                std::swap(parameter->gradient, each.gradient);
                std::swap(parameter->has_gradient, each.has_gradient);
            } else {
                parameter->has_gradient = false;
            }
        }
        for (StateValues& each : states_) {
            each.state.visit([&each]<class T>(Tensor<B, T>& value) {
                std::swap(value, std::get<Tensor<B, T>>(each.values));
            });
        }
        for (Stream& each : streams_) {
            if (const auto seed = each.seed.lock()) std::swap(*seed, each.random);
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
        const bool finite = !find_not_finite<B>(model.context(), own).has_value();
        change_places();
        return finite;
    }

private:
    /// A parameter, and all the names that the model lists it under.
    struct Values {
        std::weak_ptr<ParameterState<B>> parameter;
        Tensor<B> value;
        std::vector<std::string> names{};
        Gradient<B> gradient{};  ///< where it has its own
        bool has_gradient = false;
    };
    struct StateValues {
        nn::AnyState<B> state;
        nn::AnyTensor<B> values;
        std::vector<std::string> names{};
    };
    /// The random stream of another seed.
    struct Stream {
        std::string slot;
        std::weak_ptr<Generator> seed;
        Generator random;
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
        if (known != values_.end()) {
            return {.parameter = parameter,
                    .value = std::move(known->value),
                    .gradient = std::move(known->gradient),
                    .has_gradient = known->has_gradient};
        }
        return {.parameter = parameter, .value = parameter->value.clone(context)};
    }
    [[nodiscard]] StateValues taken(const nn::AnyState<B>& state, typename B::Context& context) {
        const auto known = std::ranges::find(states_, state, &StateValues::state);
        if (known != states_.end()) return {state, std::move(known->values)};
        return {state, state.clone(context)};
    }
    [[nodiscard]] Stream taken(const std::string& slot, const std::shared_ptr<Generator>& seed) {
        for (Stream& each : streams_) {
            if (each.seed.lock() == seed) return each;
        }
        return {slot, seed, *seed};
    }

    [[nodiscard]] static std::string where() { return "judge::Shadow"; }

    /// All of the network but the judged seed is in the state, and nothing else.
    void check_fits(Model& model, const State& state) const {
        static_cast<void>(model.slot(slot_));
        state.values.check_fits(model);
        const auto is_followed = without_own();
        const auto check = [&](const auto& kept, const auto& present) {
            for (const auto& [name, values] : kept) {
                if (!is_followed(name)) refuse_name(name, "is the judged seed's own");
            }
            for (const auto& named : present) {
                if (!is_followed(named.name)) continue;
                static_cast<void>(value_of(kept, named.name));
            }
        };
        const nn::Contents<B> present = model.contents();
        check(state.values.parameters, present.parameters);
        check(state.values.states, present.states);
        for (const auto& slot : model.slots()) {
            if (slot.random_stream() == nullptr || slot.name() == slot_) continue;
            const auto kept = std::ranges::find(state.seed_streams, slot.name(), &SeedStream::slot);
            if (kept == state.seed_streams.end()) {
                refuse_name("the random stream of the seed in " + slot.name(), "is not in it");
            }
            static_cast<void>(Generator::from_state(kept->random));
        }
    }

    template <class Entries>
    [[nodiscard]] static auto& value_of(Entries& entries, const std::string& name) {
        const auto place = std::ranges::find_if(
            entries, [&name](const auto& entry) { return entry.name == name; });
        if (place == entries.end()) refuse_name(name, "is not in it");
        return place->values;
    }

    [[noreturn]] KASMINA_COLD static void refuse_name(const std::string& name,
                                                      const std::string& why) {
        throw UnknownNameError("the state of a shadow is of another network", where(),
                               "the values of the network without the judged seed",
                               name + ", which " + why,
                               "restore into the model that the state was taken of, or its like");
    }

    std::string slot_;
    AlphaOverrides overrides_ = AlphaOverrides{}.with(slot_, 0.0);
    Generator random_;
    Optimiser optimiser_;
    std::vector<Values> values_;
    std::vector<StateValues> states_;
    std::vector<Stream> streams_;
    std::int64_t steps_ = 0;
    bool keeps_gradients_ = false;
};

}  // namespace kasmina::judge
