// Snapshot: values of a network to come back to after a panic.
#pragma once

#include <concepts>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/model/network_contents.hpp>
#include <kasmina/model/not_finite.hpp>
#include <kasmina/nn/any_state.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina {

/// Parameters and states of the host and of fossilized seeds, as copies on the backend under their
/// stable names. Seeds that can still be pruned are not in it: a panic prunes them. It knows no
/// model: what it was taken of may move or go. Plain and move-only; its fields are what a
/// checkpoint keeps of it.
template <class B>
struct Snapshot {
    struct NamedValues {
        std::string name{};
        Tensor<B> values{};

        using Fields = reflect::List<&NamedValues::name, &NamedValues::values>;
    };

    /// Of a state, whatever its element type.
    struct NamedState {
        std::string name{};
        nn::AnyTensor<B> values{};

        using Fields = reflect::List<&NamedState::name, &NamedState::values>;
    };

    std::vector<NamedValues> parameters{};
    std::vector<NamedState> states{};

    using Fields = reflect::List<&Snapshot::parameters, &Snapshot::states>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;

    /// Errors: NumericError that names what is not finite: there would be nothing to come back to.
    template <class Model>
    [[nodiscard]] static Snapshot of(Model& model) {
        const nn::Contents<B> kept =
            network_contents(model, [](Stage stage) { return stage == Stage::fossilized; });
        if (const auto name = find_not_finite<B>(model.context(), kept)) {
            throw NumericError("the network is not made of numbers any more", "Snapshot::of",
                               "finite values", *name + " with one that is not",
                               "go back to an earlier snapshot or checkpoint");
        }
        Snapshot snapshot;
        for (const auto& [name, parameter] : kept.parameters) {
            snapshot.parameters.push_back({name, parameter->value().clone(model.context())});
        }
        for (const auto& [name, state] : kept.states) {
            snapshot.states.push_back({name, state.clone(model.context())});
        }
        return snapshot;
    }

    /// Puts all values back, bit for bit, and forgets gradients. The model need not be the one
    /// that the snapshot was taken of, but must have all that is in it, under the same names and
    /// of the same shapes, and no host with more. Errors: as `check_fits`; nothing is changed then.
    template <class Model>
    void restore(Model& model) const {
        const nn::Contents<B> present = model.contents();
        const Targets targets = targets_in(present);
        for (const auto& [name, values] : parameters) {
            Parameter<B>& parameter = *targets.parameters.at(name);
            parameter.value().copy_from(model.context(), values);
            parameter.zero_gradient();
        }
        for (const auto& [name, values] : states) {
            targets.states.at(name)->copy_from(model.context(), values);
        }
    }

    /// Errors: UnknownNameError for a value that the model does not have, or a value of its host
    /// that is not in the snapshot; ShapeError for one of another shape or element type.
    template <class Model>
    void check_fits(Model& model) const {
        const nn::Contents<B> present = model.contents();
        static_cast<void>(targets_in(present));
    }

    /// A copy of the copies.
    [[nodiscard]] Snapshot clone(typename B::Context& context) const {
        Snapshot copy;
        for (const auto& [name, values] : parameters) {
            copy.parameters.push_back({name, values.clone(context)});
        }
        for (const auto& [name, values] : states) {
            copy.states.push_back({name, std::visit(
                                             [&context](const auto& tensor) {
                                                 return nn::AnyTensor<B>(tensor.clone(context));
                                             },
                                             values)});
        }
        return copy;
    }

private:
    /// Where values go, by name.
    struct Targets {
        std::map<std::string_view, Parameter<B>*> parameters{};
        std::map<std::string_view, const nn::AnyState<B>*> states{};
    };

    [[nodiscard]] Targets targets_in(const nn::Contents<B>& present) const {
        Targets targets;
        for (const auto& named : present.parameters) {
            targets.parameters.emplace(named.name, named.parameter);
        }
        for (const auto& named : present.states) targets.states.emplace(named.name, &named.state);
        std::set<std::string_view> known;
        for (const auto& [name, values] : parameters) {
            known.insert(name);
            const auto place = targets.parameters.find(name);
            if (place == targets.parameters.end()) throw_unknown(name, "the model");
            check_shape(name, values.shape(), place->second->shape());
        }
        for (const auto& [name, values] : states) {
            known.insert(name);
            const auto place = targets.states.find(name);
            if (place == targets.states.end()) throw_unknown(name, "the model");
            check_state(name, values, *place->second);
        }
        const auto check_known = [&known](const std::string& name) {
            if (name.starts_with("host/") && !known.contains(name)) {
                throw_unknown(name, "the snapshot");
            }
        };
        for (const auto& named : present.parameters) check_known(named.name);
        for (const auto& named : present.states) check_known(named.name);
        return targets;
    }

    static void check_shape(const std::string& name, const Shape& kept, const Shape& present) {
        if (kept == present) return;
        throw ShapeError("a value of another shape cannot be put back", "Snapshot",
                         name + " of shape " + to_string(kept), to_string(present),
                         "restore into the model that the snapshot was taken of, or its like");
    }

    static void check_state(const std::string& name, const nn::AnyTensor<B>& kept,
                            const nn::AnyState<B>& present) {
        std::visit(
            [&]<class T>(const Tensor<B, T>& values) {
                check_shape(name, values.shape(), present.shape());
                const bool same_type = present.visit(
                    []<class Other>(const Tensor<B, Other>&) { return std::same_as<T, Other>; });
                if (same_type) return;
                throw ShapeError("a state of another element type cannot be put back", "Snapshot",
                                 name + " of the type that it was taken with", "another type",
                                 "restore into the model that the snapshot was taken of, or its "
                                 "like");
            },
            kept);
    }

    [[noreturn]] KASMINA_COLD static void throw_unknown(const std::string& name,
                                                        const std::string& who) {
        throw UnknownNameError(
            "the snapshot is of another network", "Snapshot",
            "the same names in the snapshot and in the model",
            name + ", which " + who + " does not have",
            "restore into the model that the snapshot was taken of, or its like");
    }
};

}  // namespace kasmina
