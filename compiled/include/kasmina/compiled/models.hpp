// What a model of the library's own parts is made of, listed once, to be compiled once for a
// program.
#pragma once

#include <kasmina/kasmina.hpp>

/// A seed of the blueprint `Name` of those for feature maps.
#define KASMINA_SEED_OF(KEYWORDS, Name, B)     \
    KEYWORDS class SeedModuleOf<cnn::Name, B>; \
    KEYWORDS decltype(detail::make_any_seed<cnn::Name, B>) detail::make_any_seed<cnn::Name, B>;

/// The tape, the CNN host, its eight blueprints, its slots and model with the default policies, and
/// the optimisers, for the backend `B`. `KEYWORDS` as in kasmina/compiled/ops.hpp.
#define KASMINA_MODELS_OF(KEYWORDS, B)                                                      \
    namespace kasmina {                                                                     \
    KEYWORDS class Tape<B>;                                                                 \
    KASMINA_SEED_OF(KEYWORDS, Noop, B)                                                      \
    KASMINA_SEED_OF(KEYWORDS, Norm, B)                                                      \
    KASMINA_SEED_OF(KEYWORDS, Attention, B)                                                 \
    KASMINA_SEED_OF(KEYWORDS, Depthwise, B)                                                 \
    KASMINA_SEED_OF(KEYWORDS, Bottleneck, B)                                                \
    KASMINA_SEED_OF(KEYWORDS, ConvSmall, B)                                                 \
    KASMINA_SEED_OF(KEYWORDS, ConvLight, B)                                                 \
    KASMINA_SEED_OF(KEYWORDS, ConvHeavy, B)                                                 \
    KEYWORDS std::unique_ptr<SeedModule<B>> CnnBlueprints::make<B>(B::Context&, Topology,   \
                                                                   std::string_view, Index, \
                                                                   Generator&, Birth);      \
    KEYWORDS std::unique_ptr<SeedModule<B>> CnnBlueprints::make<B>(B::Context&, Topology,   \
                                                                   std::string_view, Index, \
                                                                   Generator&,              \
                                                                   const reflect::Values&); \
    KEYWORDS reflect::Values CnnBlueprints::option_values<B>(const SeedModule<B>&);         \
    KEYWORDS decltype(nn::contents<B, hosts::Cnn<B>>) nn::contents<B, hosts::Cnn<B>>;       \
    KEYWORDS decltype(nn::require_distinct_names<B>) nn::require_distinct_names<B>;         \
    KEYWORDS class hosts::Cnn<B>;                                                           \
    KEYWORDS class SlotBase<B, DefaultPolicies>;                                            \
    KEYWORDS class SlotForward<B, DefaultPolicies>;                                         \
    KEYWORDS class SlotMeasurements<B, DefaultPolicies>;                                    \
    KEYWORDS class SlotLifecycle<B, DefaultPolicies>;                                       \
    KEYWORDS class SlotTick<B, DefaultPolicies>;                                            \
    KEYWORDS class Slot<B, CnnBlueprints>;                                                  \
    KEYWORDS class MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints>;                        \
    KEYWORDS class optim::Optimiser<B, optim::SgdRule>;                                     \
    KEYWORDS class optim::Optimiser<B, optim::AdamWRule>;                                   \
    }
