// Mlp and MlpSmall for rows of features: four and two times as wide inside.
#pragma once

#include <kasmina/blueprints/shared/mlp.hpp>

namespace kasmina::features {

struct MlpKind {
    static constexpr std::string_view name = "mlp";
    static constexpr Topology topology = Topology::features;
    static constexpr Index expansion = 4;
};

struct MlpSmallKind {
    static constexpr std::string_view name = "mlp_small";
    static constexpr Topology topology = Topology::features;
    static constexpr Index expansion = 2;
};

using Mlp = shared::Mlp<MlpKind>;
using MlpSmall = shared::Mlp<MlpSmallKind>;

}  // namespace kasmina::features
