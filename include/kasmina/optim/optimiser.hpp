// Optimiser: parameter groups and per-parameter state, stepped by a rule such as SGD or AdamW.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/moved_from.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/optim/check_optimiser_state.hpp>
#include <kasmina/optim/decayed.hpp>
#include <kasmina/optim/optimiser_state.hpp>
#include <kasmina/optim/tracked.hpp>
#include <kasmina/optim/update_rule.hpp>
#include <kasmina/reflect/fields.hpp>

namespace kasmina::optim {

/// Steps parameters in groups, each with its own options (host and seed rates apart). Holds
/// parameters weakly: the state of a seed goes when the seed is pruned, and appears when
/// `synchronise` first names it (spec H-7). Frozen parameters and those without a gradient are
/// skipped altogether: neither momentum nor decay moves them (I-6). One that was moved from says so
/// (LifetimeError) when it is to step, or to be given something to step.
template <class B, class Rule>
    requires MultiTensorBackend<B> && UpdateRule<Rule, B>
class Optimiser {
public:
    using Backend = B;
    using Scalar = typename B::Scalar;
    using Context = typename B::Context;
    using Options = typename Rule::Options;
    using State = OptimiserState<B, Rule>;

    /// What it is called in a checkpoint.
    static constexpr std::string_view part_name = "optimiser";

    /// Adds an empty group and returns its index. Errors: OptionError from the rule's check.
    KASMINA_RARE std::size_t add_group(const Options& options) {
        moved_.check("an optimiser");
        check(options);
        groups_.push_back({options, {}});
        return groups_.size() - 1;
    }

    /// Makes `parameters` the ones that a group steps: state of those already in it is kept, of
    /// new ones starts empty, of others is dropped. A parameter named twice (tied weights) is
    /// tracked once, under its first name. Errors: OptionError for an unknown group, for a
    /// parameter of another group, which two steps would move twice, and for an empty name;
    /// DuplicateNameError for a name that two parameters go by. Nothing is changed then.
    KASMINA_RARE void synchronise(std::size_t group,
                                  std::span<const nn::NamedParameter<B>> parameters);

    /// The same without names: such parameters are stepped like any others, but have no address
    /// that `state` could give theirs under.
    KASMINA_RARE void synchronise(std::size_t group,
                                  std::span<const Parameter<B>* const> parameters);

    /// One step of every group, from the gradients that the parameters hold. Errors: OptionError
    /// when no group has a parameter to step: it was not synchronised.
    void step(Context& context);

    /// The next backward pass starts from zero gradients.
    void zero_gradients() noexcept {
        for (Group& group : groups_) {
            for (Tracked<B>& tracked : group.tracked) {
                if (const auto parameter = tracked.parameter.lock()) {
                    parameter->has_gradient = false;
                }
            }
        }
    }

    /// Forgets momentum, moments and step counts; keeps the groups and what they step.
    void clear_state() noexcept {
        for (Group& group : groups_) {
            for (Tracked<B>& tracked : group.tracked) {
                tracked = {std::move(tracked.parameter), std::move(tracked.name)};
            }
        }
    }

    /// One that goes on where this one stands, with copies of the moments of the parameters whose
    /// names `keep` says yes to. Both may step the same parameters, one at a time.
    template <std::predicate<const std::string&> Keep>
    [[nodiscard]] Optimiser split_off(Context& context, Keep keep) const {
        Optimiser other;
        for (const Group& group : groups_) {
            other.groups_.push_back({group.options, {}});
            for (const Tracked<B>& tracked : group.tracked) {
                if (!keep(tracked.name)) continue;
                other.groups_.back().tracked.push_back({tracked.parameter, tracked.name,
                                                        tracked.steps, copy(context, tracked.first),
                                                        copy(context, tracked.second)});
            }
        }
        return other;
    }

    /// Takes over the options of `other`, which has as many groups. Errors: OptionError for less.
    void follow_options(const Optimiser& other) {
        for (std::size_t g = 0; g < groups_.size(); ++g) groups_[g].options = other.options(g);
    }

    /// Takes over the options of `other`, of which it was split off, and steps the parameters that
    /// it steps, where `keep` says yes to their names. Its own moments stay.
    template <std::predicate<const std::string&> Keep>
    void follow(const Optimiser& other, Keep keep) {
        groups_.resize(other.groups_.size());
        for (std::size_t g = 0; g < groups_.size(); ++g) {
            groups_[g].options = other.groups_[g].options;
            std::vector<Tracked<B>> wanted;
            for (const Tracked<B>& tracked : other.groups_[g].tracked) {
                if (keep(tracked.name)) wanted.push_back({tracked.parameter, tracked.name});
            }
            take(g, std::move(wanted));
        }
    }

    [[nodiscard]] std::size_t groups() const noexcept { return groups_.size(); }
    [[nodiscard]] const Options& options(std::size_t group) const { return checked(group).options; }
    [[nodiscard]] std::span<const Tracked<B>> tracked(std::size_t group) const {
        return checked(group).tracked;
    }

    /// Errors: OptionError from the rule's check; nothing is changed then.
    void set_learning_rate(std::size_t group, double learning_rate) {
        Options options = checked(group).options;
        options.learning_rate = learning_rate;
        check(options);
        groups_[group].options = options;
    }

    /// Options, step counts and copies of all moments, of the parameters that are still there.
    /// Waits for nothing. Errors: OptionError when one was given without a name.
    [[nodiscard]] KASMINA_RARE State state(Context& context) const {
        return state_of(context, [](const Tracked<B>&) { return true; });
    }

    /// The same of a model's parameters: those of a seed that has gone, which somebody holds still,
    /// are left out. Errors: also UnknownNameError for a parameter that is none of the model's, for
    /// nothing could be restored from that.
    [[nodiscard]] KASMINA_RARE State
    state(Context& context, std::span<const nn::NamedParameter<B>> parameters) const {
        const Known known = by_name(parameters);
        return state_of(context, [&known](const Tracked<B>& tracked) {
            const auto place = known.find(tracked.name);
            if (place == known.end()) {
                if (tracked.name.starts_with("slots/")) return false;
                detail::refuse_unknown(Rule::name, tracked.name, "one of the model's");
            }
            return detail::is_of(tracked, place->second->parameter->state());
        });
    }

    /// Goes on where `state` stood: takes its options, step counts and moments, for the parameters
    /// that the groups have been synchronised with. One that the state does not speak of starts
    /// anew, as it would have there. Errors: StateError for another rule, another number of
    /// groups or an entry that is incomplete; OptionError for options out of range;
    /// DuplicateNameError for an entry that is there twice; UnknownNameError for a parameter that
    /// its group does not step; ShapeError for a moment of another shape. Nothing is changed then.
    /// Of a state that is moved here the tensors are taken over, of another one copied.
    template <class S>
        requires std::same_as<std::remove_cvref_t<S>, State>
    KASMINA_RARE void restore(Context& context, S&& state) {
        check_fits(state);
        std::vector<Group> next;
        for (std::size_t g = 0; g < groups_.size(); ++g) {
            Group group{state.groups[g].options, {}};
            group.tracked.reserve(groups_[g].tracked.size());
            for (const Tracked<B>& tracked : groups_[g].tracked) {
                group.tracked.push_back({tracked.parameter, tracked.name});
            }
            std::vector<bool> restored(group.tracked.size());
            for (auto& entry : state.groups[g].parameters) {
                const std::size_t place = detail::place_of(Rule::name, entry.name, group.tracked);
                detail::check_complete(Rule::name, entry, Rule::state_tensors(group.options),
                                       *group.tracked[place].parameter.lock());
                if (restored[place]) detail::refuse_name(Rule::name, entry.name);
                restored[place] = true;
                Tracked<B>& tracked = group.tracked[place];
                tracked.steps = entry.steps;
                tracked.first = taken<S>(context, entry.first);
                tracked.second = taken<S>(context, entry.second);
            }
            next.push_back(std::move(group));
        }
        groups_ = std::move(next);
        for (const Group& group : groups_) tell_parameters(group);
    }

    /// One that stands where `state` stood, and steps the parameters that the state speaks of, by
    /// their names among `parameters`: those of a model that was restored to the same moment.
    /// Errors: as `restore`, and UnknownNameError for a parameter that is not among them.
    template <class S>
        requires std::same_as<std::remove_cvref_t<S>, State>
    [[nodiscard]] Optimiser restored(Context& context,
                                     std::span<const nn::NamedParameter<B>> parameters,
                                     S&& state) const {
        check_fits(state);
        const Known known = by_name(parameters);
        Optimiser other;
        for (std::size_t g = 0; g < groups_.size(); ++g) {
            other.add_group(groups_[g].options);
            std::vector<nn::NamedParameter<B>> stepped;
            for (const typename State::Entry& entry : state.groups[g].parameters) {
                const auto place = known.find(entry.name);
                if (place == known.end()) {
                    detail::refuse_unknown(Rule::name, entry.name, "one of the model's");
                }
                stepped.push_back(*place->second);
            }
            other.synchronise(g, stepped);
        }
        other.restore(context, std::forward<S>(state));
        return other;
    }

private:
    struct Group {
        Options options;
        std::vector<Tracked<B>> tracked;
    };

    KASMINA_COLD static std::string where() { return detail::optimiser_of(Rule::name); }

    [[noreturn]] KASMINA_COLD void refuse_to_idle() const {
        throw OptionError("the optimiser has nothing to step", where(),
                          "a group with parameters in it",
                          std::to_string(groups_.size()) + " groups, and no parameter in any",
                          "call synchronise(group, model.parameters()) before the first step, and "
                          "after each end of an epoch");
    }

    /// Errors: OptionError from the rule's check, and for what is infinite as a Scalar.
    KASMINA_RARE static void check(const Options& options) {
        Rule::check(options);
        if constexpr (reflect::Reflected<Options>) {
            reflect::for_each_field(options, [](std::string_view name, const auto& field) {
                if constexpr (std::same_as<decltype(field), const double&>) {
                    if (is_finite(field)) check_held(name, field);
                }
            });
        } else {
            check_held("learning_rate", options.learning_rate);
        }
    }
    static void check_held(std::string_view name, double value) {
        check_option(Rule::name, name, value, OptionRange::any().as<typename B::Scalar>());
    }

    [[nodiscard]] const Group& checked(std::size_t group) const {
        moved_.check("an optimiser");
        if (group >= groups_.size()) {
            throw OptionError("no such parameter group", where(),
                              "an index below " + std::to_string(groups_.size()),
                              std::to_string(group), "use the index that add_group returned");
        }
        return groups_[group];
    }

    using Known = std::map<std::string_view, const nn::NamedParameter<B>*>;
    [[nodiscard]] static Known by_name(std::span<const nn::NamedParameter<B>> parameters) {
        Known known;
        for (const nn::NamedParameter<B>& named : parameters) known.emplace(named.name, &named);
        return known;
    }

    /// The state of what is still there and `keep(tracked)` says yes to.
    template <class Keep>
    [[nodiscard]] State state_of(Context& context, Keep&& keep) const {
        moved_.check("an optimiser");
        State state{.rule = std::string(Rule::name), .groups = {}};
        for (const Group& group : groups_) {
            state.groups.push_back({group.options, {}});
            for (const Tracked<B>& tracked : group.tracked) {
                if (tracked.parameter.expired()) continue;
                if (tracked.name.empty()) {
                    throw OptionError("a parameter has no name to keep its state under", where(),
                                      "parameters with names", "one without",
                                      "synchronise with what MorphogeneticModel::parameters "
                                      "returns");
                }
                if (!keep(tracked)) continue;
                state.groups.back().parameters.push_back({tracked.name, tracked.steps,
                                                          copy(context, tracked.first),
                                                          copy(context, tracked.second)});
            }
        }
        return state;
    }

    [[nodiscard]] static Tensor<B> copy(Context& context, const Tensor<B>& tensor) {
        return tensor.empty() ? Tensor<B>{} : tensor.clone(context);
    }

    /// Of a state `S`: moved out of one that may be, else a copy.
    template <class S, class T>
    [[nodiscard]] static Tensor<B> taken(Context& context, T& tensor) {
        if constexpr (std::is_lvalue_reference_v<S>) {
            return copy(context, tensor);
        } else {
            return std::move(tensor);
        }
    }

    /// Makes `wanted` what a group steps. Errors: OptionError for no such group, and for a
    /// parameter of another group; DuplicateNameError for the name of another one's.
    KASMINA_RARE void synchronise(std::size_t group, std::vector<Tracked<B>> wanted);

    /// The same of what is in no other group.
    KASMINA_RARE void take(std::size_t group, std::vector<Tracked<B>> wanted) {
        slices_.reserve(wanted.size());
        detail::replace_tracked(groups_[group].tracked, std::move(wanted));
        tell_parameters(groups_[group]);
    }

    [[nodiscard]] static bool takes_rows([[maybe_unused]] const Options& options) noexcept {
        if constexpr (RowUpdateRule<Rule, B>) {
            return Rule::takes_rows(options);
        } else {
            return false;
        }
    }

    /// Before the first pass already: then no whole gradient is ever made.
    KASMINA_RARE static void tell_parameters(const Group& group) {
        for (const Tracked<B>& tracked : group.tracked) {
            if (const auto parameter = tracked.parameter.lock()) {
                parameter->takes_rows = takes_rows(group.options);
            }
        }
    }

    /// Whether it could be done with the rows that the gradient has.
    static bool step_rows(Context& context, const Options& options, Tracked<B>& tracked,
                          ParameterState<B>& parameter) {
        if constexpr (RowUpdateRule<Rule, B>) {
            if (!parameter.takes_rows || !parameter.gradient.in_rows()) return false;
            Rule::template step_rows<B>(context, options, parameter.gradient.rows()->view(),
                                        parameter.value.data());
            ++tracked.steps;
            return true;
        } else {
            return false;
        }
    }

    /// One step of a group; what its decay spares comes by itself.
    void step(Context& context, Group& group) {
        step(context, group, group.options, true);
        if constexpr (ChoosesDecayed<Options>) {
            if (group.options.decayed == Decayed::all) return;
            Options spared = group.options;
            spared.weight_decay = 0.0;
            step(context, group, spared, false);
        }
    }

    /// Of those that decay, or of the others. Runs of neighbours with equal step counts go to the
    /// rule in one pass: a whole host is one run, a seed born later another.
    void step(Context& context, Group& group, const Options& options, bool decayed);

    static void make_moment(Context& context, Tensor<B>& moment, const Shape& shape) {
        if (moment.empty()) moment = Tensor<B>::full(context, shape, Scalar{0});
    }

    /// Errors: LifetimeError when it was moved from; StateError for a state of another rule or
    /// number of groups; OptionError from the rule's check of its options.
    void check_fits(const State& state) const {
        moved_.check("an optimiser");
        detail::check_kind(Rule::name, state.rule, groups_.size(), state.groups.size());
        for (const typename State::Group& group : state.groups) check(group.options);
    }

    std::vector<Group> groups_;
    std::vector<OptimiserSlice<Scalar>> slices_;
    MovedFrom moved_;
};

template <class B, class Rule>
    requires MultiTensorBackend<B> && UpdateRule<Rule, B>
void Optimiser<B, Rule>::synchronise(std::size_t group,
                                     std::span<const nn::NamedParameter<B>> parameters) {
    std::vector<Tracked<B>> wanted;
    wanted.reserve(parameters.size());
    for (const nn::NamedParameter<B>& named : parameters) {
        if (named.name.empty()) {
            throw OptionError("a parameter has an empty name", where(),
                              "the name that its model calls it by", "\"\"",
                              "pass what MorphogeneticModel::parameters returns");
        }
        detail::want(Rule::name, wanted, named.parameter->state(), named.name);
    }
    synchronise(group, std::move(wanted));
}

template <class B, class Rule>
    requires MultiTensorBackend<B> && UpdateRule<Rule, B>
void Optimiser<B, Rule>::synchronise(std::size_t group,
                                     std::span<const Parameter<B>* const> parameters) {
    std::vector<Tracked<B>> wanted;
    wanted.reserve(parameters.size());
    for (const Parameter<B>* parameter : parameters) {
        detail::want(Rule::name, wanted, parameter->state(), {});
    }
    synchronise(group, std::move(wanted));
}

template <class B, class Rule>
    requires MultiTensorBackend<B> && UpdateRule<Rule, B>
void Optimiser<B, Rule>::step(Context& context) {
    moved_.check("an optimiser");
    const auto is_empty = [](const Group& group) { return group.tracked.empty(); };
    if (std::ranges::all_of(groups_, is_empty)) refuse_to_idle();
    for (Group& group : groups_) step(context, group);
}

template <class B, class Rule>
    requires MultiTensorBackend<B> && UpdateRule<Rule, B>
void Optimiser<B, Rule>::synchronise(std::size_t group, std::vector<Tracked<B>> wanted) {
    static_cast<void>(checked(group));
    for (std::size_t other = 0; other < groups_.size(); ++other) {
        if (other == group) continue;
        for (const Tracked<B>& tracked : wanted) {
            detail::check_apart(Rule::name, groups_[other].tracked, other, tracked, group);
        }
    }
    take(group, std::move(wanted));
}

template <class B, class Rule>
    requires MultiTensorBackend<B> && UpdateRule<Rule, B>
void Optimiser<B, Rule>::step(Context& context, Group& group, const Options& options,
                              bool decayed) {
    slices_.clear();
    std::int64_t run_steps = 0;
    for (Tracked<B>& tracked : group.tracked) {
        const std::shared_ptr<ParameterState<B>> parameter = tracked.parameter.lock();
        if (!parameter) continue;
        parameter->in_optimiser = true;
        if (!parameter->trainable || !parameter->has_gradient) continue;
        if (is_decayed(options, parameter->value.shape()) != decayed) continue;
        parameter->takes_rows = takes_rows(options);
        if (step_rows(context, options, tracked, *parameter)) continue;
        if (!slices_.empty() && tracked.steps != run_steps) {
            Rule::template step<B>(context, options, run_steps + 1, slices_);
            slices_.clear();
        }
        const int tensors = Rule::state_tensors(options);
        if (tensors > 0) make_moment(context, tracked.first, parameter->value.shape());
        if (tensors > 1) make_moment(context, tracked.second, parameter->value.shape());
        run_steps = tracked.steps++;
        slices_.push_back({parameter->value.data(), parameter->gradient.dense(context).data(),
                           tracked.first.data(), tracked.second.data(), parameter->value.size()});
    }
    if (!slices_.empty()) {
        Rule::template step<B>(context, options, run_steps + 1, slices_);
    }
}

}  // namespace kasmina::optim
