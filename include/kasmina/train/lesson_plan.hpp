// LessonPlan: with which steps seeds behind the host get their lessons, and what the last one left.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/shape.hpp>
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
        const auto slots = model.slots();
        std::erase_if(places_, [&slots](const Place& place) {
            const auto& slot = slots[place.index];
            return !slot.teaches() || slot.record()->seed_id != place.seed_id;
        });
        for (std::size_t i = 0; i < slots.size(); ++i) {
            if (!slots[i].teaches()) continue;
            if (std::ranges::find(places_, i, &Place::index) != places_.end()) continue;
            places_.push_back({i, slots[i].record()->seed_id, 0, listed(slots[i])});
        }
        waiting_.clear();
        for (const Place& place : places_) {
            if (place.steps_to_wait > 0) waiting_.push_back(place.index);
        }
    }

    /// After seeds have got or lost parameters, such as a gate network's.
    KASMINA_RARE void list_again(const Model& model) {
        for (Place& place : places_) {
            std::vector<Taught> taught = listed(model.slots()[place.index]);
            for (Taught& each : taught) {
                const auto known = std::ranges::find_if(place.taught, [&](const Taught& other) {
                    return other.parameter.lock() == each.parameter.lock();
                });
                each.reached = known != place.taught.end() && known->reached;
            }
            place.taught = std::move(taught);
        }
    }

    /// The slots whose seeds have no lesson with this step.
    [[nodiscard]] std::span<const std::size_t> waiting() const noexcept { return waiting_; }

    /// After a step that succeeded: who was taught begins to wait, and others wait less.
    void count_step() noexcept {
        for (Place& place : places_) {
            if (place.steps_to_wait > 0) {
                --place.steps_to_wait;
                continue;
            }
            place.steps_to_wait = every_ - 1;
            for (Taught& taught : place.taught) {
                const auto parameter = taught.parameter.lock();
                taught.reached = parameter != nullptr && parameter->has_gradient;
            }
        }
    }

    /// The gradients of the last lessons of those who wait are there again.
    void show_gradients() const noexcept {
        for (const Place& place : places_) {
            if (std::ranges::find(waiting_, place.index) == waiting_.end()) continue;
            for (const Taught& taught : place.taught) {
                const auto parameter = taught.parameter.lock();
                if (parameter == nullptr || !taught.reached || !parameter->trainable) continue;
                parameter->has_gradient = true;
            }
        }
    }

    /// And gone again, before more is summed onto other gradients.
    void hide_gradients() const noexcept {
        for (const Place& place : places_) {
            if (std::ranges::find(waiting_, place.index) == waiting_.end()) continue;
            for (const Taught& taught : place.taught) {
                if (const auto parameter = taught.parameter.lock()) parameter->has_gradient = false;
            }
        }
    }

    /// Where each seed stands, with copies of the gradients.
    [[nodiscard]] KASMINA_RARE State state(const Model& model, typename B::Context& context) const {
        State state;
        for (const Place& place : places_) {
            state.push_back(
                {model.slots()[place.index].name(), place.seed_id, place.steps_to_wait, {}});
            for (const Taught& taught : place.taught) {
                const auto parameter = taught.parameter.lock();
                if (parameter == nullptr || !taught.reached) continue;
                state.back().gradients.push_back(
                    {taught.name, parameter->gradient.dense(context).clone(context)});
            }
        }
        return state;
    }

    /// One that goes on where `state` stood, with a model that has been restored to the same
    /// moment; `exchange_gradients` gives the parameters theirs. Of a state that is moved here the
    /// tensors are taken over, of another one copied. Errors: that of the constructor; StateError
    /// for a count below 0 or a slot that is there twice; UnknownNameError for a slot or a
    /// parameter that is not there, ShapeError for a gradient of another shape.
    template <class S>
        requires std::same_as<std::remove_cvref_t<S>, State>
    [[nodiscard]] KASMINA_RARE static LessonPlan restored(Model& model, int every, S&& state) {
        LessonPlan plan(every);
        for (auto& each : state) {
            const auto& slot = model.slot(each.slot);
            const auto index = static_cast<std::size_t>(&slot - model.slots().data());
            const auto known = std::ranges::find(plan.places_, index, &Place::index);
            if (each.steps_to_wait < 0 || known != plan.places_.end()) {
                throw StateError("a learner cannot have this state: lessons", where(),
                                 "each slot once, waiting for at least 0 steps",
                                 each.slot + ", waiting for " + std::to_string(each.steps_to_wait),
                                 "restore what state() returned");
            }
            Place place{index, each.seed_id, each.steps_to_wait, listed(slot)};
            for (auto& gradient : each.gradients) {
                Taught& taught = named(place, gradient.name, each.slot);
                const Shape& shape = taught.parameter.lock()->value.shape();
                if (gradient.values.shape() != shape) {
                    throw ShapeError("a lesson's gradient does not fit \"" + gradient.name + "\"",
                                     where(), to_string(shape), to_string(gradient.values.shape()),
                                     "restore a state of a model with the same shapes");
                }
                taught.reached = true;
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
    struct Taught {
        std::string name;
        std::weak_ptr<ParameterState<B>> parameter;
        bool reached = false;                   ///< by the last lesson
        std::optional<Gradient<B>> restored{};  ///< its gradient, for the parameter to take over
    };
    struct Place {
        std::size_t index;  ///< of the slot
        std::string seed_id;
        int steps_to_wait;
        std::vector<Taught> taught;
    };

    [[nodiscard]] static std::string where() { return "train::Learner"; }

    [[nodiscard]] static std::vector<Taught> listed(const auto& slot) {
        std::vector<Taught> taught;
        for (const auto& each : slot.parameter_list()) {
            taught.push_back({each.name, each.parameter->state()});
        }
        return taught;
    }

    [[nodiscard]] static Taught& named(Place& place, const std::string& name,
                                       const std::string& slot) {
        std::string there;
        for (Taught& taught : place.taught) {
            if (taught.name == name) return taught;
            append_to_list(there, taught.name);
        }
        throw UnknownNameError("a lesson's gradient is of no parameter in " + slot, where(),
                               there.empty() ? "none, for there is no seed" : "one of " + there,
                               "\"" + name + "\"", "restore the model first, to the same moment");
    }

    int every_;
    std::vector<Place> places_{};
    std::vector<std::size_t> waiting_{};
};

/// Lets what the last lessons left be seen when a step has ended, however it did.
template <class Model>
class ShownAtTheEnd {
public:
    explicit ShownAtTheEnd(const LessonPlan<Model>& plan) noexcept : plan_(plan) {}
    ShownAtTheEnd(const ShownAtTheEnd&) = delete;
    ShownAtTheEnd& operator=(const ShownAtTheEnd&) = delete;
    ~ShownAtTheEnd() { plan_.show_gradients(); }

private:
    const LessonPlan<Model>& plan_;
};

}  // namespace kasmina::train
