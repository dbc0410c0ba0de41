// What is timed of eight counterfactual configurations (H-5): the network, and all subsets of three
// seeds, on any backend.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/kasmina.hpp>

namespace kasmina::bench {

/// Passes every seed, so that the benchmark gets to a blended network at once.
template <Gate G>
struct Open {
    static constexpr Gate gate = G;
    constexpr GateResult operator()(const GateEvidence&, const GateThresholds&) const {
        return GateResult(G).require("open", true);
    }
};

struct OpenPolicies : DefaultPolicies {
    using Gates =
        GateSet<Open<Gate::g0>, Open<Gate::g1>, Open<Gate::g2>, Open<Gate::g3>, Open<Gate::g5>>;
};

template <class B>
using CounterfactualModel =
    MorphogeneticModel<hosts::Cnn<B>, BlueprintList<cnn::ConvLight>, OpenPolicies>;

/// Where the three seeds are: spread over the network, and late in it.
inline const std::vector<std::vector<std::string>> places_of_three{{"r0c0", "r0c1", "r0c2"},
                                                                   {"r1c1", "r0c2", "r1c2"}};

/// The reference host with a holding seed in each of the slots.
template <class B>
[[nodiscard]] CounterfactualModel<B> counterfactual_model(typename B::Context& context,
                                                          const std::vector<std::string>& slots) {
    Generator random(1);
    CounterfactualModel<B> model{context, hosts::Cnn<B>{context, {.classes = 10}}, {}, random};
    for (const std::string& name : slots) {
        auto& slot = model.slot(name);
        slot.germinate("conv_light");
        while (slot.stage() != Stage::holding) slot.advance();
    }
    return model;
}

/// All subsets of three seeds: what exact Shapley values ask for.
[[nodiscard]] inline std::vector<AlphaOverrides> all_subsets(
    const std::vector<std::string>& slots) {
    std::vector<AlphaOverrides> all;
    for (std::uint64_t bits = 0; bits < 8; ++bits) {
        all.push_back(overrides_of(Coalition::of_bits(bits), slots));
    }
    return all;
}

/// Images of the reference host's size, of noise.
template <class B>
[[nodiscard]] Tensor<B> noise_images(typename B::Context& context, Index batch) {
    constexpr Index side = 32;
    Generator random(2);
    std::vector<float> pixels(static_cast<std::size_t>(batch * side * side * 3));
    for (float& pixel : pixels) pixel = static_cast<float>(random.normal());
    return Tensor<B>::from_host(context, {batch, side, side, 3}, pixels);
}

}  // namespace kasmina::bench
