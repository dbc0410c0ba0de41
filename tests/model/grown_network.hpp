// Small networks whose slots hold blended seeds, and how tests run them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/counterfactual.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"

namespace kasmina::test {

/// Four slots: r0c0, r1c0, r0c1, r1c1.
inline const hosts::CnnOptions four_slots{
    .classes = 3, .base = 4, .blocks = 2, .height = 8, .width = 8};
/// Six slots. No size a power of 2; a row and a column that no pool covers; more than one chunk.
inline const hosts::CnnOptions six_slots{
    .classes = 3, .base = 13, .blocks = 3, .pools = 2, .height = 31, .width = 29};

template <class Host, class Blueprints = BlueprintList<cnn::ConvLight>>
using GrowingModel = MorphogeneticModel<Host, Blueprints, OpenPolicies>;

template <class B>
using Network = GrowingModel<hosts::Cnn<B>>;

template <class B>
[[nodiscard]] Network<B> make_network(typename B::Context& context,
                                      const hosts::CnnOptions& options = four_slots) {
    Generator generator(5);
    return {context, hosts::Cnn<B>(context, options), BlueprintList<cnn::ConvLight>{}, generator};
}

template <class SlotType>
void advance_to(SlotType& slot, Stage goal) {
    while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
}

/// A seed in one slot.
template <class Model>
void grow(Model& model, const std::string& name, Stage goal,
          const GerminationOptions& options = {}) {
    auto& slot = model.slot(name);
    slot.germinate("conv_light", options);
    advance_to(slot, goal);
}

/// One that is blended in for the first time, at half its amplitude.
template <class Model>
void grow_to_half(Model& model, const std::string& name) {
    grow(model, name, Stage::blending, {.tempo_epochs = 1, .alpha_target = 0.5});
    model.slot(name).step_epoch();
    REQUIRE(model.slot(name).alpha() == 0.5);
}

/// A seed in every slot, with all ways to blend and all stages in which a seed is blended.
template <class Model>
void grow_everywhere(Model& model) {
    int i = 0;
    for (auto& slot : model.slots()) {
        slot.germinate("conv_light", {.algorithm = std::vector{
                                          BlendAlgorithm::add, BlendAlgorithm::multiply,
                                          BlendAlgorithm::gate}[static_cast<std::size_t>(i % 3)]});
        if (i == 3) {
            advance_to(slot, Stage::fossilized);
        } else {
            advance_to(slot, Stage::holding);
            if (i != 1) REQUIRE(slot.set_alpha_target(0.2 + 0.1 * i, 0).done);
        }
        ++i;
    }
}

template <class B>
[[nodiscard]] Tensor<B> make_images(typename B::Context& context, Index batch,
                                    const hosts::CnnOptions& options, std::uint64_t seed = 2) {
    const Shape shape{batch, options.height, options.width, 3};
    return Tensor<B>::from_host(context, shape,
                                testing::normal_values<typename B::Scalar>(shape.elements(), seed));
}

template <class B>
using Logits = std::vector<typename B::Scalar>;

/// One pass by itself.
template <class Model, class B = typename Model::Backend>
[[nodiscard]] Logits<B> separate_pass(const Model& model, const Tensor<B>& images,
                                      const AlphaOverrides& configuration) {
    Tape<B> tape(model.context(), Recording::none);
    Pass<B> pass(tape, Mode::evaluation);
    return model.forward(pass, images, configuration).to_host();
}

template <class Model, class B = typename Model::Backend>
[[nodiscard]] std::vector<Logits<B>> separate_passes(
    const Model& model, const Tensor<B>& images,
    const std::vector<AlphaOverrides>& configurations) {
    std::vector<Logits<B>> all;
    for (const auto& configuration : configurations) {
        all.push_back(separate_pass(model, images, configuration));
    }
    return all;
}

/// All in one call.
template <class Model, class B = typename Model::Backend>
[[nodiscard]] std::vector<Logits<B>> together(const Model& model, typename B::Context& context,
                                              const Tensor<B>& images,
                                              const std::vector<AlphaOverrides>& configurations) {
    std::vector<Logits<B>> all(configurations.size());
    evaluate_each(model, context, images, configurations,
                  [&all](std::size_t k, const Variable<B>& logits) { all[k] = logits.to_host(); });
    return all;
}

/// For each subset of the slots the configuration with just these seeds, each as it is.
template <class Model>
[[nodiscard]] std::vector<AlphaOverrides> all_subsets(const Model& model) {
    std::vector<AlphaOverrides> subsets;
    const std::size_t slots = model.slots().size();
    for (std::size_t bits = 0; bits < std::size_t{1} << slots; ++bits) {
        AlphaOverrides without;
        for (std::size_t i = 0; i < slots; ++i) {
            if ((bits >> i & 1U) != 0) continue;
            without = std::move(without).with(model.slots()[i].name(), 0.0);
        }
        subsets.push_back(std::move(without));
    }
    return subsets;
}

template <class Model>
void poison(Model& model, std::string_view slot) {
    using Scalar = typename Model::Backend::Scalar;
    for (const auto& named : model.slot(slot).parameters()) {
        named.parameter->value().fill(model.context(), std::numeric_limits<Scalar>::quiet_NaN());
    }
}

}  // namespace kasmina::test
