// Norm for feature maps: group normalisation.
#pragma once

#include <kasmina/blueprints/shared/norm.hpp>
#include <kasmina/nn/group_norm.hpp>

namespace kasmina::cnn {

using Norm = shared::Norm<Topology::cnn, nn::GroupNorm>;

}  // namespace kasmina::cnn
