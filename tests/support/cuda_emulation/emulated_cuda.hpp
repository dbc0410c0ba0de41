// EmulatedCuda<T>: the CUDA backend on the emulated card.
#pragma once

#include <kasmina/backends/cuda/backend.hpp>

#include "support/cuda_emulation/emulated.hpp"

namespace kasmina::test {

template <class T>
using EmulatedCuda = backends::BasicCuda<T, Emulated>;

}  // namespace kasmina::test
