// LessonPlan: with which steps seeds behind the host get their lessons, and what the last one left.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::train {

/// Where the seed in a slot stands between two lessons. Move-only, for the tensors' sake.
template <class B>
struct LessonPlace {
    /// What the last lesson left of a parameter, for the grower to look at.
    struct Gradient {
        std::string name{};
        Tensor<B> values{};

        using Fields = reflect::List<&Gradient::name, &Gradient::values>;
    };

    std::string slot{};
    std::string seed_id{};
    int steps_to_wait = 0;  ///< that go by before the next lesson
    std::vector<Gradient> gradients{};

    using Fields = reflect::List<&LessonPlace::slot, &LessonPlace::seed_id,
                                 &LessonPlace::steps_to_wait, &LessonPlace::gradients>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;
};

/// A seed that is taught gets a lesson with its first step and then with each `every`-th. Each seed
/// is counted by itself, so that none has its lessons otherwise for there being another one. The
/// gradients of its last lesson stay in sight until the next, whatever an optimiser zeroes and a
/// shadow changes in between, and nothing steps on them again.
template <class Model>
class LessonPlan {
public:
    using B = typename Model::Backend;
    using State = std::vector<LessonPlace<B>>;

    /// Errors: OptionError for less than 1.
    explicit LessonPlan(int every) : every_(every) {
        if (every >= 1) return;
        throw OptionError("lessons cannot come so often", "train::LearnerOptions::lesson_every",
                          "at least 1", std::to_string(every), "use 1 for a lesson with each step");
    }

    /// Before a step: looks who is to be taught.
    void follow(const Model& model) {
        std::erase_if(places_, [&model](const Place& place) {
            const auto& slot = model.slot(place.slot);
            return !slot.teaches() || slot.record()->seed_id != place.seed_id;
        });
        for (const auto& slot : model.slots()) {
            if (!slot.teaches()) continue;
            const auto is_here = [&slot](const Place& place) { return place.slot == slot.name(); };
            if (std::ranges::any_of(places_, is_here)) continue;
            places_.push_back({slot.name(), slot.record()->seed_id, 0, {}});
        }
        waiting_ = {};
        for (const Place& place : places_) {
            if (place.steps_to_wait > 0) waiting_.add(place.slot, 0.0);
        }
    }

    /// These, and what keeps the lessons of those who wait from being given.
    [[nodiscard]] AlphaOverrides with_waiting(AlphaOverrides overrides) const {
        for (const AlphaOverride& waiting : waiting_.entries()) {
            overrides.add(waiting.slot, waiting.values);
        }
        return overrides;
    }

    /// After a step that succeeded: who was taught begins to wait, and others wait less.
    void count_step(const Model& model) {
        for (Place& place : places_) {
            if (place.steps_to_wait > 0) {
                --place.steps_to_wait;
                continue;
            }
            place.steps_to_wait = every_ - 1;
            place.taught.clear();
            for (const auto& named : model.slot(place.slot).parameter_list()) {
                if (named.parameter->has_gradient()) {
                    place.taught.push_back({named.name, named.parameter->state()});
                }
            }
        }
    }

    /// The gradients of the last lessons of those who wait are there again.
    void show_gradients() const noexcept {
        for (const Place& place : places_) {
            if (waiting_.find(place.slot) == nullptr) continue;
            for (const Taught& taught : place.taught) {
                const auto parameter = taught.parameter.lock();
                if (parameter != nullptr && parameter->trainable) parameter->has_gradient = true;
            }
        }
    }

    /// Where each seed stands, with copies of the gradients.
    [[nodiscard]] State state(typename B::Context& context) const {
        State state;
        for (const Place& place : places_) {
            state.push_back({place.slot, place.seed_id, place.steps_to_wait, {}});
            for (const Taught& taught : place.taught) {
                const auto parameter = taught.parameter.lock();
                if (parameter == nullptr) continue;
                state.back().gradients.push_back({taught.name, parameter->gradient.clone(context)});
            }
        }
        return state;
    }

    /// One that goes on where `state` stood, with a model that has been restored to the same
    /// moment; `exchange_gradients` gives the parameters theirs. Errors: StateError for a
    /// count below 0 or a slot that is there twice; UnknownNameError for a slot or a parameter that
    /// is not there, ShapeError for a gradient of another shape.
    /// Of a state that is moved here the tensors are taken over, of another one copied.
    template <class S>
        requires std::same_as<std::remove_cvref_t<S>, State>
    [[nodiscard]] KASMINA_RARE LessonPlan restored(Model& model, S&& state) const {
        LessonPlan plan(every_);
        for (auto& each : state) {
            const auto& slot = model.slot(each.slot);
            const auto is_here = [&each](const Place& place) { return place.slot == each.slot; };
            if (each.steps_to_wait < 0 || std::ranges::any_of(plan.places_, is_here)) {
                throw StateError("a learner cannot have this state: lessons", where(),
                                 "each slot once, waiting for at least 0 steps",
                                 each.slot + ", waiting for " + std::to_string(each.steps_to_wait),
                                 "restore what state() returned");
            }
            Place place{each.slot, each.seed_id, each.steps_to_wait, {}};
            for (auto& gradient : each.gradients) {
                const auto& parameter = parameter_of(slot, gradient.name);
                if (gradient.values.shape() != parameter->value.shape()) {
                    throw ShapeError("a lesson's gradient does not fit \"" + gradient.name + "\"",
                                     where(), to_string(parameter->value.shape()),
                                     to_string(gradient.values.shape()),
                                     "restore a state of a model with the same shapes");
                }
                Taught& taught = place.taught.emplace_back(Taught{gradient.name, parameter});
                if constexpr (std::is_lvalue_reference_v<S>) {
                    taught.restored = gradient.values.clone(model.context());
                } else {
                    taught.restored = std::move(gradient.values);
                }
            }
            plan.places_.push_back(std::move(place));
        }
        return plan;
    }

    /// The gradients that it was restored with and those of the parameters change places; twice,
    /// and they are where they were.
    void exchange_gradients() noexcept {
        for (Place& place : places_) {
            for (Taught& taught : place.taught) {
                const auto parameter = taught.parameter.lock();
                if (parameter == nullptr || !taught.restored) continue;
                std::swap(parameter->gradient, *taught.restored);
            }
        }
    }

private:
    /// A parameter that the last lesson reached.
    struct Taught {
        std::string name;
        std::weak_ptr<ParameterState<B>> parameter;
        std::optional<Tensor<B>> restored{};  ///< its gradient, for the parameter to take over
    };
    struct Place {
        std::string slot;
        std::string seed_id;
        int steps_to_wait;
        std::vector<Taught> taught{};
    };

    [[nodiscard]] static std::string where() { return "train::Learner"; }

    [[nodiscard]] static const std::shared_ptr<ParameterState<B>>& parameter_of(
        const auto& slot, const std::string& name) {
        std::string there;
        for (const auto& named : slot.parameter_list()) {
            if (named.name == name) return named.parameter->state();
            there += (there.empty() ? "one of " : ", ") + named.name;
        }
        throw UnknownNameError("a lesson's gradient is of no parameter in " + slot.name(), where(),
                               there.empty() ? "none, for there is no seed" : there,
                               "\"" + name + "\"", "restore the model first, to the same moment");
    }

    int every_;
    std::vector<Place> places_{};
    AlphaOverrides waiting_{};
};

}  // namespace kasmina::train
