// TransformerBlueprints: the eight blueprints for sequences that ship with the library.
#pragma once

#include <kasmina/blueprints/registry.hpp>
#include <kasmina/blueprints/transformer/attention.hpp>
#include <kasmina/blueprints/transformer/lora.hpp>
#include <kasmina/blueprints/transformer/mlp.hpp>
#include <kasmina/blueprints/transformer/noop.hpp>
#include <kasmina/blueprints/transformer/norm.hpp>

namespace kasmina {

/// Extended by a user's own with `TransformerBlueprints::with<Mine>`.
using TransformerBlueprints =
    BlueprintList<transformer::Noop, transformer::Norm, transformer::Lora, transformer::LoraLarge,
                  transformer::Attention, transformer::FlexAttention<>, transformer::MlpSmall,
                  transformer::Mlp>;

}  // namespace kasmina
