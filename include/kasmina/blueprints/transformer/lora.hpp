// Lora and LoraLarge for sequences, of rank 8 and 32.
#pragma once

#include <kasmina/blueprints/shared/lora.hpp>

namespace kasmina::transformer {

struct LoraKind {
    static constexpr std::string_view name = "lora";
    static constexpr Topology topology = Topology::transformer;
    static constexpr Index rank = 8;
};

struct LoraLargeKind {
    static constexpr std::string_view name = "lora_large";
    static constexpr Topology topology = Topology::transformer;
    static constexpr Index rank = 32;
};

using Lora = shared::Lora<LoraKind>;
using LoraLarge = shared::Lora<LoraLargeKind>;

}  // namespace kasmina::transformer
