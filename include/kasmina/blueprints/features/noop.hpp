// Noop for rows of features.
#pragma once

#include <kasmina/blueprints/shared/noop.hpp>

namespace kasmina::features {

using Noop = shared::Noop<Topology::features>;

}  // namespace kasmina::features
