// Counterfactuals: several alpha configurations of one network in one pass over their prefix tree.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/model/model.hpp>

namespace kasmina {
namespace counterfactual_detail {

/// Walks the tree whose branches are the different amplitudes of a slot and whose leaves are
/// configurations. One tape serves the whole walk: where ways part, the features are moved off it
/// and each branch starts on an empty tape, so memory grows with the depth and not with the number
/// of configurations.
template <class Model, class Use>
class PrefixTree {
public:
    using B = typename Model::Backend;

    PrefixTree(const Model& model, typename B::Context& context,
               std::span<const AlphaOverrides> configurations, Use& use)
        : model_(model),
          configurations_(configurations),
          use_(use),
          tape_(context, Recording::none) {
        for (const auto& slot : model.slots()) alphas_.push_back(slot.alpha());
    }

    /// Errors: as MorphogeneticModel::evaluate, for the first configuration that does not fit.
    void check(const Shape& input) const {
        for (const AlphaOverrides& configuration : configurations_) {
            for (const AlphaOverride& entry : configuration.entries()) {
                model_.slot(entry.slot).check_override(entry, input[0]);
            }
        }
    }

    void run(const Tensor<B>& input) {
        Members all(configurations_.size());
        std::iota(all.begin(), all.end(), std::size_t{0});
        walk(tape_.constant(input), hosts::start_boundary, 0, all);
    }

private:
    using Members = std::vector<std::size_t>;  // indices of configurations

    /// `members` agree in front of slot `next`, and `state` at `boundary` is what they share.
    void walk(Variable<B> state, std::size_t boundary, std::size_t next, const Members& members) {
        for (; next < model_.slots().size(); ++next) {
            const std::vector<Members> branches = parted(members, next);
            const bool one = branches.size() == 1;
            if (one && amplitudes(members.front(), next).empty()) continue;
            state = model_.host().forward(tape_, state, boundary, next + 1, Mode::evaluation);
            boundary = next + 1;
            if (!one) return branch(state, next, branches);
            state = model_.slots()[next].forward(tape_, state, chosen(members.front(), next));
        }
        const std::size_t end = model_.slots().size() + 1;
        const Variable<B> output =
            model_.host().forward(tape_, state, boundary, end, Mode::evaluation);
        for (const std::size_t member : members) use_(member, output);
    }

    void branch(const Variable<B>& state, std::size_t slot, const std::vector<Members>& branches) {
        const Tensor<B> features = taken_off_tape(state);
        for (const Members& members : branches) {
            tape_.clear();
            const Variable<B> shared = tape_.constant(features);
            const std::size_t first = members.front();
            const bool skipped = amplitudes(first, slot).empty();
            walk(
                skipped ? shared : model_.slots()[slot].forward(tape_, shared, chosen(first, slot)),
                slot + 1, slot + 1, members);
        }
    }

    /// Groups of the members with one amplitude at `slot`, by their first member.
    [[nodiscard]] std::vector<Members> parted(const Members& members, std::size_t slot) const {
        std::vector<Members> groups;
        for (const std::size_t member : members) {
            const std::span<const double> own = amplitudes(member, slot);
            const auto group = std::ranges::find_if(groups, [&](const Members& other) {
                return std::ranges::equal(amplitudes(other.front(), slot), own);
            });
            if (group == groups.end()) {
                groups.push_back({member});
            } else {
                group->push_back(member);
            }
        }
        return groups;
    }

    [[nodiscard]] const AlphaOverride* chosen(std::size_t member, std::size_t slot) const {
        return configurations_[member].find(model_.slots()[slot].name());
    }

    /// One amplitude, or one per sample; none where the slot is skipped.
    [[nodiscard]] std::span<const double> amplitudes(std::size_t member, std::size_t slot) const {
        const AlphaOverride* found = chosen(member, slot);
        if (!model_.slots()[slot].runs(tape_.recording(), found)) return {};
        if (found != nullptr) return found->values;
        return std::span(alphas_).subspan(slot, 1);
    }

    [[nodiscard]] Tensor<B> taken_off_tape(const Variable<B>& state) {
        const Index elements = state.shape().elements();
        Tensor<B> features(state.shape(), tape_.acquire(elements));
        B::copy(tape_.context(), state.data(), features.data(), elements);
        return features;
    }

    const Model& model_;
    std::span<const AlphaOverrides> configurations_;
    Use& use_;
    Tape<B> tape_;
    std::vector<double> alphas_;  // the slots' own
};

}  // namespace counterfactual_detail

/// Evaluates the network once per configuration (H-5): `use(k, output)` gets what
/// `model.evaluate(tape, input, configurations[k])` gives, bit for bit, for each k, in the order of
/// a depth-first walk; `output` is valid during that call. Configurations that agree on all slots
/// before some slot share the pass up to there, and equal ones share all of it.
///
/// Nothing is mutated: `use` may evaluate the same model on the same context, and several
/// threads may do this at once on one model, each with a context of its own. Errors:
/// UnknownNameError and OptionError as MorphogeneticModel::evaluate and ShapeError for an empty
/// input, all before anything is run; whatever the host's forward and `use` throw.
template <class Model, std::invocable<std::size_t, const Variable<typename Model::Backend>&> Use>
void evaluate_each(const Model& model, typename Model::Context& context,
                   const Tensor<typename Model::Backend>& input,
                   std::span<const AlphaOverrides> configurations, Use&& use) {
    if (input.empty()) {
        throw ShapeError("there is nothing to evaluate", "evaluate_each", "a batch of samples",
                         "an empty tensor", "pass the batch as one tensor, samples first");
    }
    if (configurations.empty()) return;
    counterfactual_detail::PrefixTree<Model, std::remove_reference_t<Use>> tree(
        model, context, configurations, use);
    tree.check(input.shape());
    tree.run(input);
}

}  // namespace kasmina
