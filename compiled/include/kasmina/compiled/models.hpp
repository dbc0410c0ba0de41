// What a model of the library's own parts is made of, listed once, to be compiled once for a
// program.
#pragma once

#include <kasmina/kasmina.hpp>

/// The tape, the CNN host, its eight blueprints, its slots and model with the default policies, and
/// the optimisers, for the backend `B`. `KEYWORDS` as in kasmina/compiled/ops.hpp.
#define KASMINA_MODELS_OF(KEYWORDS, B)                               \
    namespace kasmina {                                              \
    KEYWORDS class Tape<B>;                                          \
    KEYWORDS class hosts::Cnn<B>;                                    \
    KEYWORDS class Slot<B, CnnBlueprints>;                           \
    KEYWORDS class MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints>; \
    KEYWORDS class optim::Optimiser<B, optim::SgdRule>;              \
    KEYWORDS class optim::Optimiser<B, optim::AdamWRule>;            \
    }
