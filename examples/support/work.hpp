// What training multiplies: the products of a host and its seeds, and of a whole run that grows.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/error.hpp>
#include <kasmina/lifecycle/stage.hpp>
#include <kasmina/statistics/estimate.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina::examples {

/// Multiplications of a host for one sample on its way forward: those of products and convolutions,
/// layer by layer in the order in which they run, and where among them slots are. Norms and
/// activations are not counted.
class HostWork {
public:
    /// The next layer: each of its weights meets so many positions of a map; 1 where there is none.
    HostWork& layer(Index weights, Index positions = 1) {
        total_ += static_cast<double>(weights) * static_cast<double>(positions);
        return *this;
    }

    /// A slot behind the layers so far, whose map has so many positions.
    HostWork& slot(std::string name, Index positions = 1) {
        slots_.push_back({std::move(name), positions, total_});
        return *this;
    }

    [[nodiscard]] double total() const noexcept { return total_; }

    /// Of the layers behind a slot. Errors: UnknownNameError, as for `positions`.
    [[nodiscard]] double behind(std::string_view slot) const { return total_ - place(slot).before; }
    [[nodiscard]] Index positions(std::string_view slot) const { return place(slot).positions; }

private:
    struct Place {
        std::string name;
        Index positions;
        double before;  ///< of the layers in front of it
    };

    [[nodiscard]] const Place& place(std::string_view name) const {
        std::string there;
        for (const Place& each : slots_) {
            if (each.name == name) return each;
            there += (there.empty() ? "" : ", ") + each.name;
        }
        throw UnknownNameError("the host's work has no such slot", "HostWork", "one of " + there,
                               std::string(name), "note each slot with slot(name, positions)");
    }

    double total_ = 0.0;
    std::vector<Place> slots_;
};

/// Of a slot's seed and its gate network: each weight of a convolution meets every position of the
/// map, each of a matrix is used once a sample, or in a seed on sequences at every position.
template <class SlotType>
[[nodiscard]] double work_of_seed(const SlotType& slot, Index positions) {
    double total = 0.0;
    for (const auto& [name, parameter] : slot.contents().parameters) {
        const auto rank = parameter->value().shape().rank();
        if (rank < 2) continue;
        const bool everywhere =
            rank > 2 || (slot.topology() == Topology::transformer && !name.starts_with("gate/"));
        total += static_cast<double>(parameter->size()) *
                 static_cast<double>(everywhere ? positions : Index{1});
    }
    return total;
}

/// Counts the multiplications of training, epoch by epoch: the network's own step (a way forward,
/// and two of the same length back), what seeds in training learn by, and the steps of a shadow.
/// Measuring on held-out data is not counted.
class RunWork {
public:
    /// `model` as it is before the first epoch that is counted; `judged_by` and `lesson_every` are
    /// its learner's.
    template <class Model>
    RunWork(HostWork host, const Model& model, judge::MeasureKind judged_by, int lesson_every = 4)
        : host_(std::move(host)),
          shadows_(judged_by == judge::MeasureKind::shadow),
          lesson_every_(lesson_every) {
        look_at(model);
    }

    /// After an epoch of so many samples, whose multiplications it returns; `model` as it goes into
    /// the next one.
    template <class Model>
    double epoch(Index samples, const Model& model) {
        const double work = static_cast<double>(samples) * of_a_sample();
        total_ += work;
        of_shadow_ += static_cast<double>(samples) * of_shadow_for_a_sample();
        look_at(model);
        return work;
    }

    /// For one sample in an epoch that begins as the model was last seen.
    [[nodiscard]] double of_a_sample() const {
        return of_network([](Stage stage) { return stage != Stage::training; }) +
               of_shadow_for_a_sample();
    }

    /// The shadow's part of it: a step of its own, with the seeds that were kept, and lessons of
    /// its own for those that are behind the host meanwhile.
    [[nodiscard]] double of_shadow_for_a_sample() const {
        const bool judged = std::ranges::any_of(seeds_, [](const Seed& seed) {
            return seed.stage == Stage::blending || seed.stage == Stage::holding;
        });
        if (!judged || !shadows_) return 0.0;
        return of_network([](Stage stage) { return stage == Stage::fossilized; });
    }

    /// Of all epochs.
    [[nodiscard]] double total() const noexcept { return total_; }
    /// Of the shadow's steps in them.
    [[nodiscard]] double of_shadow() const noexcept { return of_shadow_; }

    /// Where seeds came or went since the last epoch ended.
    template <class Model>
    void look_at(const Model& model) {
        host_trains_ = std::ranges::any_of(model.host_parameters(), [](const auto& named) {
            return named.parameter->trainable();
        });
        seeds_.clear();
        for (const auto& slot : model.slots()) {
            if (!is_active(slot.stage())) continue;
            seeds_.push_back({slot.name(), slot.stage(), slot.teaches(),
                              work_of_seed(slot, host_.positions(slot.name()))});
        }
    }

private:
    struct Seed {
        std::string slot;
        Stage stage;
        bool teaches;
        double work;
    };

    /// A step with the seeds in stages that count, and what those behind the host learn by.
    template <class Counts>
    [[nodiscard]] double of_network(Counts&& counts) const {
        double behind_host = 0.0;
        for (const Seed& seed : seeds_) {
            if (seed.stage != Stage::training) continue;
            if (seed.teaches) {
                // The seed forward and both ways back, the frozen rest forward and one way back.
                behind_host += (3.0 * seed.work + 2.0 * host_.behind(seed.slot)) / lesson_every_;
            } else {
                behind_host += 3.0 * seed.work;  // in each step, by the host's own gradient
            }
        }
        return of_a_step(counts) + behind_host;
    }

    /// A step of the host with the seeds in stages that count. A host that is frozen has no way
    /// back of its own, only one to the first of its seeds.
    template <class Counts>
    [[nodiscard]] double of_a_step(Counts&& counts) const {
        double seeds = 0.0;
        double behind = 0.0;
        for (const Seed& seed : seeds_) {
            if (!counts(seed.stage)) continue;
            seeds += 3.0 * seed.work;
            behind = std::max(behind, host_.behind(seed.slot));
        }
        return seeds + (host_trains_ ? 3.0 * host_.total() : host_.total() + behind);
    }

    HostWork host_;
    bool shadows_;
    int lesson_every_;
    bool host_trains_ = true;
    double total_ = 0.0;
    double of_shadow_ = 0.0;
    std::vector<Seed> seeds_;
};

}  // namespace kasmina::examples
