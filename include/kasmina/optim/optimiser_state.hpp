// OptimiserState: all that an optimiser remembers, by the names of its parameters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/optim/check_optimiser_state.hpp>
#include <kasmina/reflect/fields.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::optim {

/// What `Optimiser::state` gives and `restore` takes back. The moments are copies on the backend
/// that nobody else moves: a checkpoint may be written from them while training goes on, and a
/// second model may be stepped from them. Move-only, for the tensors' sake.
template <class B, class Rule>
struct OptimiserState {
    using Options = typename Rule::Options;

    /// One parameter; the tensors are of its shape, or empty where the rule has none, and before
    /// its first step.
    struct Entry {
        std::string name{};
        std::int64_t steps = 0;
        Tensor<B> first{};
        Tensor<B> second{};

        using Fields = reflect::List<&Entry::name, &Entry::steps, &Entry::first, &Entry::second>;
    };

    struct Group {
        Options options{};
        std::vector<Entry> parameters{};

        using Fields = reflect::List<&Group::options, &Group::parameters>;
    };

    std::string rule{};  ///< "sgd", "adamw"
    std::vector<Group> groups{};

    using Fields = reflect::List<&OptimiserState::rule, &OptimiserState::groups>;

    /// Of its form in a checkpoint. 1: the first.
    static constexpr int schema = 1;

    /// For whoever reads a state: which field tells that what follows has the form of this rule.
    using Kind = reflect::List<&OptimiserState::rule>;
    /// Errors: StateError for the state of another rule.
    void check_kind() const { detail::check_rule(Rule::name, rule); }
};

}  // namespace kasmina::optim
