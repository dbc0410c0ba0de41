// Noop for feature maps.
#pragma once

#include <kasmina/blueprints/shared/noop.hpp>

namespace kasmina::cnn {

using Noop = shared::Noop<Topology::cnn>;

}  // namespace kasmina::cnn
