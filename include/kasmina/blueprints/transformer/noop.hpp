// Noop for sequences.
#pragma once

#include <kasmina/blueprints/shared/noop.hpp>

namespace kasmina::transformer {

using Noop = shared::Noop<Topology::transformer>;

}  // namespace kasmina::transformer
