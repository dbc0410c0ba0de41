// Norm for sequences: layer normalisation.
#pragma once

#include <kasmina/blueprints/shared/norm.hpp>
#include <kasmina/nn/layer_norm.hpp>

namespace kasmina::transformer {

using Norm = shared::Norm<Topology::transformer, nn::LayerNorm>;

}  // namespace kasmina::transformer
