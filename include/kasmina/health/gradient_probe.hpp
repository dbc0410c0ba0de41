// GradientProbe: norms of gradients, measured where they are and read when somebody asks.
#pragma once

#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/error.hpp>
#include <kasmina/health/gradient_health.hpp>
#include <kasmina/tensor/pending.hpp>

namespace kasmina {

/// Measures the gradients of one or more groups of parameters (a host and its seeds, say) in one
/// multi-tensor reduction, in a fixed order, and reads all norms at once: `add` each group,
/// `launch` behind the backward pass, `read` where the figures are needed. Keeps its scratch
/// between measurements and has one under way at a time; a network on several devices has a probe
/// for each, launches all and reads them after (I-5).
template <class B>
    requires MultiTensorBackend<B>
class GradientProbe {
public:
    using Parameters = std::span<const Parameter<B>* const>;

    /// Adds a group to the next launch and returns its index. The first one after a launch begins
    /// a new measurement. Parameters without a gradient count, and lend no norm; one that goes
    /// before the launch is measured all the same.
    std::size_t add(Parameters parameters) {
        if (!collecting_) forget();
        Group group{.first = collected_.size(), .tensors = parameters.size()};
        group.trainable = parameters.empty();
        for (const Parameter<B>* parameter : parameters) {
            group.parameters += parameter->size();
            group.trainable = group.trainable || parameter->trainable();
            collected_.push_back(parameter->state());
        }
        groups_.push_back(group);
        return groups_.size() - 1;
    }

    /// Starts to measure what was added: behind the work that the context has been given so far,
    /// and before any that it is given later, so the gradients may be overwritten after this call.
    /// Waits for nothing.
    void launch(typename B::Context& context) {
        if (!collecting_) forget();
        collecting_ = false;
        launched_ = true;
        for (Group& group : groups_) {
            const std::size_t first = slices_.size();
            for (const auto& parameter :
                 std::span(collected_).subspan(group.first, group.tensors)) {
                if (!parameter->has_gradient) continue;
                slices_.push_back(parameter->gradient.numbers());
            }
            group.first = first;
            group.tensors = slices_.size() - first;
        }
        measure_slices(context);
        collected_.clear();  // not earlier: nobody else may hold what is measured
    }

    /// The same for a single group.
    void launch(typename B::Context& context, Parameters parameters) {
        forget();
        add(parameters);
        launch(context);
    }

    /// Drops what was added or launched: there is nothing to read.
    void forget() noexcept {
        collected_.clear();
        slices_.clear();
        groups_.clear();
        results_.clear();
        pending_.reset();
        collecting_ = true;
        launched_ = false;
    }

    /// Whether a measurement waits to be read.
    [[nodiscard]] bool launched() const noexcept { return launched_; }

    /// The result of the last launch, one norm for each group; waits for all of them at once.
    /// `tensor_norms` shows the norms that they are made of. Valid until the next measurement.
    /// Errors: OptionError without a launch since the last read.
    std::span<const GradientNorm> read() {
        if (!launched_) {
            throw OptionError("there is no measurement to read", "GradientProbe::read",
                              "a launch before each read", "none", "launch first, or use measure");
        }
        launched_ = false;
        norms_.clear();
        if (pending_) {
            const std::span<const double> squares = pending_->values();
            norms_.assign(squares.begin(), squares.end());
            pending_.reset();
        }
        results_.clear();
        for (const Group& group : groups_) {
            double total = 0.0;
            for (double& norm : std::span(norms_).subspan(group.first, group.tensors)) {
                total += norm;
                norm = std::sqrt(norm);
            }
            results_.push_back(
                {std::sqrt(total), group.parameters, group.tensors > 0, group.trainable});
        }
        return results_;
    }

    /// One group's norm, launched and waited for.
    GradientNorm measure(typename B::Context& context, Parameters parameters) {
        launch(context, parameters);
        return read()[0];
    }

    /// One norm for each parameter of a group that held a gradient, as last read. Errors:
    /// OptionError for a group that was not read.
    [[nodiscard]] std::span<const double> tensor_norms(std::size_t group = 0) const {
        if (group >= results_.size()) {
            throw OptionError("no such group", "GradientProbe::tensor_norms",
                              "an index below " + std::to_string(results_.size()),
                              std::to_string(group), "use the index that add returned, after read");
        }
        return std::span(norms_).subspan(groups_[group].first, groups_[group].tensors);
    }

private:
    struct Group {
        std::size_t first = 0;    ///< in collected_; once launched, in slices_ and norms_
        std::size_t tensors = 0;  ///< once launched, those with a gradient
        Index parameters = 0;     ///< values, with a gradient or without
        bool trainable = true;    ///< any of them
    };

    void measure_slices(typename B::Context& context) {
        if (slices_.empty()) return;
        const Index count = static_cast<Index>(slices_.size());
        auto squares = B::template acquire<double>(context, count);
        B::squared_norms(
            context, SquaredNorms<typename B::Scalar>{.tensors = slices_, .norms = squares.data()});
        static_cast<void>(pending_.emplace(context, squares.data(), count));
    }

    std::vector<std::shared_ptr<const ParameterState<B>>> collected_;  ///< until they are launched
    std::vector<TensorSlice<typename B::Scalar>> slices_;
    std::vector<Group> groups_;
    std::optional<Pending<B, double>> pending_;
    std::vector<double> norms_;
    std::vector<GradientNorm> results_;
    bool collecting_ = true;
    bool launched_ = false;
};

}  // namespace kasmina
