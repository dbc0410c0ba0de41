// NetworkCopy: a whole growing network at one moment, seeds of every stage and all, to come back
// to.
#pragma once

#include <algorithm>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/model/model_restore.hpp>
#include <kasmina/model/model_state.hpp>
#include <kasmina/model/snapshot.hpp>
#include <kasmina/nn/any_state.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

/// A model's state with copies of all its values on the backend. Where a snapshot has what outlives
/// a panic, this has every seed in the stage that it was in. Plain and move-only; its fields are
/// what a checkpoint keeps of it.
template <class B>
struct NetworkCopy {
    ModelState structure{};
    std::vector<typename Snapshot<B>::NamedValues> parameters{};
    std::vector<typename Snapshot<B>::NamedState> states{};

    using Fields =
        reflect::List<&NetworkCopy::structure, &NetworkCopy::parameters, &NetworkCopy::states>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;

    template <class Model>
    [[nodiscard]] KASMINA_RARE static NetworkCopy of(Model& model) {
        NetworkCopy copy;
        copy.structure = state_of(model);
        const nn::Contents<B> contents = nn::each_once(model.contents());
        for (const auto& [name, parameter] : contents.parameters) {
            copy.parameters.push_back({name, parameter->value().clone(model.context())});
        }
        for (const auto& [name, state] : contents.states) {
            copy.states.push_back({name, state.clone(model.context())});
        }
        return copy;
    }

    /// The model becomes what it was, whatever its slots hold now: seeds that have gone are made
    /// anew, later ones go. Whatever refers to it (a learner, averages) is to be synchronised
    /// after it. Errors: StateError for a model with another host, and those of `Slot::restore`;
    /// UnknownNameError for a value that is not in the copy, ShapeError for one of another shape.
    /// Nothing is changed then.
    template <class Model>
    KASMINA_RARE void restore(Model& model) const {
        typename Model::Context& context = model.context();
        PreparedModel<Model> next(model, structure);
        next.make_room(context);
        const auto load = [&]<class T>(std::string_view name, Tensor<B, T>& into) {
            if constexpr (std::same_as<T, typename B::Scalar>) {
                const auto value =
                    std::ranges::find(parameters, name, &Snapshot<B>::NamedValues::name);
                if (value != parameters.end()) return into.copy_from(context, value->values);
            }
            const auto state = std::ranges::find(states, name, &Snapshot<B>::NamedState::name);
            const auto* values =
                state == states.end() ? nullptr : std::get_if<Tensor<B, T>>(&state->values);
            if (values == nullptr) refuse(name);
            into.copy_from(context, *values);
        };
        next.load_host(load);
        next.load_seeds(load);
        next.exchange(model);
        next.settle(context);
        model.forget_gradient_health();
    }

    /// A copy of the copies.
    [[nodiscard]] KASMINA_RARE NetworkCopy clone(typename B::Context& context) const {
        NetworkCopy twin;
        twin.structure = structure;
        for (const auto& [name, values] : parameters) {
            twin.parameters.push_back({name, values.clone(context)});
        }
        for (const auto& [name, values] : states) {
            twin.states.push_back({name, std::visit(
                                             [&context](const auto& tensor) {
                                                 return nn::AnyTensor<B>(tensor.clone(context));
                                             },
                                             values)});
        }
        return twin;
    }

private:
    [[noreturn]] KASMINA_COLD static void refuse(std::string_view name) {
        throw UnknownNameError("the copy is of another network", "NetworkCopy",
                               "all of the model's values", "none of " + std::string(name),
                               "restore into the model that the copy was taken of, or its like");
    }
};

}  // namespace kasmina
