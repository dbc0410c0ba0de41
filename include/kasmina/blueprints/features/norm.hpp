// Norm for rows of features: layer normalisation.
#pragma once

#include <kasmina/blueprints/shared/norm.hpp>
#include <kasmina/nn/layer_norm.hpp>

namespace kasmina::features {

using Norm = shared::Norm<Topology::features, nn::LayerNorm>;

}  // namespace kasmina::features
