// FeaturesBlueprints: the blueprints for rows of features that ship with the library.
#pragma once

#include <kasmina/blueprints/features/lora.hpp>
#include <kasmina/blueprints/features/mlp.hpp>
#include <kasmina/blueprints/features/noop.hpp>
#include <kasmina/blueprints/features/norm.hpp>
#include <kasmina/blueprints/registry.hpp>

namespace kasmina {

/// Extended by a user's own with `FeaturesBlueprints::with<Mine>`.
using FeaturesBlueprints = BlueprintList<features::Noop, features::Norm, features::Lora,
                                         features::MlpSmall, features::Mlp>;

}  // namespace kasmina
