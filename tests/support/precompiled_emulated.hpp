// What tests on the emulated card parse once for all.
#pragma once

#include "support/cuda_emulation/emulated_instances.hpp"
#include "support/precompiled_reference.hpp"
