// Lora for rows of features, of rank 8.
#pragma once

#include <kasmina/blueprints/shared/lora.hpp>

namespace kasmina::features {

struct LoraKind {
    static constexpr std::string_view name = "lora";
    static constexpr Topology topology = Topology::features;
    static constexpr Index rank = 8;
};

using Lora = shared::Lora<LoraKind>;

}  // namespace kasmina::features
