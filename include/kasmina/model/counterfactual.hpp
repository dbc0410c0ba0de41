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
/// configurations. What ways share is held while they are walked and no longer, so memory grows
/// with the depth and not with the number of configurations.
template <class Model, class Use>
class PrefixTree {
public:
    using B = typename Model::Backend;
    using State = hosts::StateOf<typename Model::Host>;

    PrefixTree(const Model& model, typename B::Context& context,
               std::span<const AlphaOverrides> configurations, Use& use)
        : model_(model),
          configurations_(configurations),
          use_(use),
          tape_(context, Recording::none),
          pass_(tape_, Mode::evaluation) {
        for (const auto& slot : model.slots()) alphas_.push_back(slot.alpha());
    }

    void run(const typename Model::Input& input) {
        Members all(configurations_.size());
        std::iota(all.begin(), all.end(), std::size_t{0});
        walk(model_.host().stem(pass_, input), hosts::start_boundary, 0, all);
    }

private:
    using Members = std::vector<std::size_t>;  // indices of configurations

    /// `members` agree in front of slot `next`, and `state` at `boundary` is what they share.
    void walk(State state, std::size_t boundary, std::size_t next, const Members& members) {
        for (; next < model_.slots().size(); ++next) {
            const std::vector<Members> branches = parted(members, next);
            const bool one = branches.size() == 1;
            if (one && amplitudes(members.front(), next).empty()) continue;
            state = model_.host().forward(pass_, state, boundary, next + 1);
            boundary = next + 1;
            if (!one) return branch(state, next, branches);
            pass_slot(state, next, members.front());
        }
        state = model_.host().forward(pass_, state, boundary, model_.slots().size());
        const auto output = model_.host().head(pass_, state);
        for (const std::size_t member : members) {
            use_(member, output);
            static_cast<void>(model_.context());  // it is still there, and was not moved from
        }
    }

    void branch(const State& shared, std::size_t slot, const std::vector<Members>& branches) {
        for (const Members& members : branches) {
            State state = shared;
            if (!amplitudes(members.front(), slot).empty()) pass_slot(state, slot, members.front());
            walk(std::move(state), slot + 1, slot + 1, members);
        }
    }

    void pass_slot(State& state, std::size_t slot, std::size_t member) {
        Variable<B>& features = hosts::features(state);
        features = model_.slots()[slot].forward(pass_, features, chosen(member, slot));
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

    const Model& model_;
    std::span<const AlphaOverrides> configurations_;
    Use& use_;
    Tape<B> tape_;
    Pass<B> pass_;
    std::vector<double> alphas_;  // the slots' own
};

}  // namespace counterfactual_detail

/// Evaluates the network once per configuration (H-5): `use(k, output)` gets what
/// `model.forward(pass, input, configurations[k])` gives in an evaluation that records nothing, bit
/// for bit, for each k, in the order of a depth-first walk; `output` is valid during that call.
/// Configurations that agree on all slots before some slot share the pass up to there, and equal
/// ones share all of it.
///
/// Nothing is mutated: `use` may evaluate the same model on the same context, and several
/// threads may do this at once on one model, each with a context of its own. Errors:
/// UnknownNameError and OptionError as MorphogeneticModel::forward and ShapeError for an input
/// without samples, all before anything is run; LifetimeError when `use` moves the model away;
/// whatever the host's forward and `use` throw.
template <class Model, std::invocable<std::size_t, const typename Model::Output&> Use>
void evaluate_each(const Model& model, typename Model::Context& context,
                   const typename Model::Input& input,
                   std::span<const AlphaOverrides> configurations, Use&& use) {
    const Index samples = hosts::samples(input);
    if (samples < 1) {
        throw ShapeError("there is nothing to evaluate", "evaluate_each", "a batch of samples",
                         "an input without samples", "pass the batch as one input, samples first");
    }
    for (const AlphaOverrides& configuration : configurations) {
        model.check_overrides(configuration, samples);
    }
    if (configurations.empty()) return;
    counterfactual_detail::PrefixTree<Model, std::remove_reference_t<Use>> tree(
        model, context, configurations, use);
    tree.run(input);
}

}  // namespace kasmina
