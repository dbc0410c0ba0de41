// Mlp and MlpSmall for sequences: four and two times as wide inside.
#pragma once

#include <kasmina/blueprints/shared/mlp.hpp>

namespace kasmina::transformer {

struct MlpKind {
    static constexpr std::string_view name = "mlp";
    static constexpr Topology topology = Topology::transformer;
    static constexpr Index expansion = 4;
};

struct MlpSmallKind {
    static constexpr std::string_view name = "mlp_small";
    static constexpr Topology topology = Topology::transformer;
    static constexpr Index expansion = 2;
};

using Mlp = shared::Mlp<MlpKind>;
using MlpSmall = shared::Mlp<MlpSmallKind>;

}  // namespace kasmina::transformer
