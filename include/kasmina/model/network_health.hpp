// NetworkHealth: the gradients of a host and its active seeds, measured at once, recorded later.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/parameter.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/health/gradient_probe.hpp>
#include <kasmina/nn/parameters.hpp>

namespace kasmina {

/// The pointers alone, as optimisers and probes take them; valid as long as `named` lives.
template <class B, class AnyNamed>
[[nodiscard]] std::vector<const Parameter<B>*> parameter_pointers(
    const std::vector<AnyNamed>& named) {
    std::vector<const Parameter<B>*> all;
    all.reserve(named.size());
    for (const AnyNamed& entry : named) all.push_back(entry.parameter);
    return all;
}

/// Measures what the last backward pass left, of the host and of each active seed, and records it
/// with the seeds that are still there when it is read (I-4, I-7).
template <class B>
class NetworkHealth {
public:
    using Named = nn::NamedParameter<B>;

    /// Starts to measure; waits for nothing, and the gradients may be overwritten after it.
    template <class SlotType>
    KASMINA_RARE void launch(typename B::Context& context, const std::vector<Named>& host,
                             std::span<SlotType> slots) {
        seeds_.clear();
        probe_.add(parameter_pointers<B>(host));
        for (std::size_t i = 0; i < slots.size(); ++i) {
            if (!slots[i].active()) continue;
            const std::vector<Named> learning = slots[i].learning_parameters();
            const bool warm = std::ranges::all_of(
                learning, [](const Named& named) { return named.parameter->state()->warm; });
            const std::size_t group = probe_.add(parameter_pointers<B>(learning));
            seeds_.push_back({i, group, warm, slots[i].record()->seed_id});
        }
        probe_.launch(context);
    }

    [[nodiscard]] bool launched() const noexcept { return probe_.launched(); }

    /// Records ratio and health with the seeds that were measured and are still there, and whether
    /// they were stepped by an optimiser since the last call, if others of `all` were (E-5).
    template <class SlotType>
    KASMINA_RARE void record(const std::vector<Named>& all, std::span<SlotType> slots) {
        const std::span<const GradientNorm> norms = probe_.read();
        const auto is_stepped = [](const Named& named) {
            return named.parameter->state()->in_optimiser;
        };
        const bool steps = std::ranges::any_of(all, is_stepped);
        for (const Seed& measured : seeds_) {
            SlotType& slot = slots[measured.slot];
            if (slot.record() == nullptr || slot.record()->seed_id != measured.seed_id) continue;
            const GradientNorm& norm = norms[measured.group];
            slot.record_gradients(norms[0], norm, probe_.tensor_norms(measured.group),
                                  measured.warm);
            if (!steps || !norm.measured || !norm.trainable) continue;
            slot.record_in_optimiser(std::ranges::any_of(slot.parameter_list(), is_stepped));
        }
        for (const Named& named : all) named.parameter->state()->in_optimiser = false;
    }

    /// Drops what was launched and not recorded.
    void forget() noexcept {
        probe_.forget();
        seeds_.clear();
    }

private:
    /// A seed whose gradients are being measured.
    struct Seed {
        std::size_t slot;
        std::size_t group;  ///< the probe's
        bool warm;          ///< this was not its first backward pass (I-7)
        std::string seed_id;
    };

    GradientProbe<B> probe_;
    std::vector<Seed> seeds_;
};

}  // namespace kasmina
