// Optimiser: parameter groups and per-parameter state, stepped by a rule such as SGD or AdamW.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/backend.hpp>

namespace kasmina::optim {

/// An update rule: options with a learning rate, how many state tensors a parameter needs, and
/// the step over a run of parameters that have been stepped equally often.
template <class R, class B>
concept UpdateRule =
    requires(typename R::Options options, typename B::Context& context, std::int64_t step,
             std::span<const OptimiserSlice<typename B::Scalar>> slices) {
        { options.learning_rate } -> std::convertible_to<double>;
        R::check(options);
        { R::state_tensors(options) } -> std::convertible_to<int>;
        R::template step<B>(context, options, step, slices);
    };

/// Steps parameters in groups, each with its own options (host and seed rates apart). Holds
/// parameters weakly: the state of a seed goes when the seed is pruned, and appears when
/// `synchronise` first names it (spec H-7). Frozen parameters and those without a gradient are
/// skipped altogether: neither momentum nor decay moves them (I-6).
template <class B, class Rule>
    requires MultiTensorBackend<B> && UpdateRule<Rule, B>
class Optimiser {
public:
    using Scalar = typename B::Scalar;
    using Options = typename Rule::Options;

    /// What the rule remembers of one parameter.
    struct Member {
        std::weak_ptr<ParameterState<B>> parameter;
        std::int64_t steps = 0;  ///< steps taken so far
        Tensor<B> first{};       ///< momentum, or the first moment; empty before the first step
        Tensor<B> second{};      ///< the second moment
    };

    /// Adds an empty group and returns its index. Errors: OptionError from the rule's check.
    std::size_t add_group(const Options& options) {
        Rule::check(options);
        groups_.push_back({options, {}});
        return groups_.size() - 1;
    }

    /// Makes `parameters` the members of a group: state of those already in it is kept, of new
    /// ones starts empty, of others is dropped. A parameter named twice (tied weights) is one
    /// member. Errors: OptionError for an unknown group, or for a member of another group, which
    /// two steps would move twice; nothing is changed then.
    void synchronise(std::size_t group, std::span<const Parameter<B>* const> parameters) {
        std::vector<Member>& members = checked(group).members;
        check_in_no_other(group, parameters);
        std::vector<Member> next;
        next.reserve(parameters.size());
        for (const Parameter<B>* parameter : parameters) {
            const auto is_it = [&](const Member& member) {
                return member.parameter.lock() == parameter->state();
            };
            const auto known = std::ranges::find_if(members, is_it);
            if (known != members.end()) {
                next.push_back(std::move(*known));
                known->parameter.reset();
            } else if (std::ranges::none_of(next, is_it)) {
                next.push_back({parameter->state()});
            }
        }
        members = std::move(next);
        slices_.reserve(members.size());
    }

    /// One step of every group, from the gradients that the parameters hold.
    void step(typename B::Context& context) {
        for (Group& group : groups_) step(context, group);
    }

    /// The next backward pass starts from zero gradients.
    void zero_gradients() noexcept {
        for (Group& group : groups_) {
            for (Member& member : group.members) {
                if (const auto parameter = member.parameter.lock()) {
                    parameter->has_gradient = false;
                }
            }
        }
    }

    /// Forgets momentum, moments and step counts; keeps the groups.
    void clear_state() noexcept {
        for (Group& group : groups_) {
            for (Member& member : group.members) member = {std::move(member.parameter)};
        }
    }

    [[nodiscard]] std::size_t groups() const noexcept { return groups_.size(); }
    [[nodiscard]] const Options& options(std::size_t group) const {
        return const_cast<Optimiser*>(this)->checked(group).options;
    }
    [[nodiscard]] std::span<const Member> members(std::size_t group) const {
        return const_cast<Optimiser*>(this)->checked(group).members;
    }

    /// Errors: OptionError from the rule's check; nothing is changed then.
    void set_learning_rate(std::size_t group, double learning_rate) {
        Options options = checked(group).options;
        options.learning_rate = learning_rate;
        Rule::check(options);
        checked(group).options = options;
    }

private:
    struct Group {
        Options options;
        std::vector<Member> members;
    };

    [[nodiscard]] Group& checked(std::size_t group) {
        if (group >= groups_.size()) {
            throw OptionError("no such parameter group", "Optimiser",
                              "an index below " + std::to_string(groups_.size()),
                              std::to_string(group), "use the index that add_group returned");
        }
        return groups_[group];
    }

    void check_in_no_other(std::size_t group,
                           std::span<const Parameter<B>* const> parameters) const {
        for (std::size_t other = 0; other < groups_.size(); ++other) {
            if (other == group) continue;
            for (const Member& member : groups_[other].members) {
                const auto state = member.parameter.lock();
                if (!state || std::ranges::find(parameters, state, &Parameter<B>::state) ==
                                  parameters.end()) {
                    continue;
                }
                throw OptionError("a parameter is in another group already", "Optimiser",
                                  "each parameter in one group",
                                  "one of shape " + to_string(state->value.shape()) +
                                      " in the groups " + std::to_string(other) + " and " +
                                      std::to_string(group),
                                  "synchronise the other group without it first");
            }
        }
    }

    /// Runs of neighbours with equal step counts go to the rule in one pass: a whole host is one
    /// run, a seed born later another.
    void step(typename B::Context& context, Group& group) {
        slices_.clear();
        std::int64_t run_steps = 0;
        for (Member& member : group.members) {
            const std::shared_ptr<ParameterState<B>> parameter = member.parameter.lock();
            if (!parameter || !parameter->trainable || !parameter->has_gradient) continue;
            if (!slices_.empty() && member.steps != run_steps) {
                Rule::template step<B>(context, group.options, run_steps + 1, slices_);
                slices_.clear();
            }
            run_steps = member.steps++;
            const int tensors = Rule::state_tensors(group.options);
            const Shape& shape = parameter->value.shape();
            if (tensors > 0 && member.first.empty()) member.first = Tensor<B>::full(shape, 0);
            if (tensors > 1 && member.second.empty()) member.second = Tensor<B>::full(shape, 0);
            slices_.push_back({parameter->value.data(), parameter->gradient.data(),
                               member.first.data(), member.second.data(), parameter->value.size()});
        }
        if (!slices_.empty()) {
            Rule::template step<B>(context, group.options, run_steps + 1, slices_);
        }
    }

    std::vector<Group> groups_;
    std::vector<OptimiserSlice<Scalar>> slices_;
};

}  // namespace kasmina::optim
