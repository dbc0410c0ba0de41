// Operations on the emulated card, declared as compiled elsewhere: once for all tests.
#pragma once

#include <kasmina/compiled/ops.hpp>

#include "support/cuda_emulation/emulated_cuda.hpp"

KASMINA_OPS_OF(extern template, test::EmulatedCuda<float>)
KASMINA_OPS_OF(extern template, test::EmulatedCuda<double>)
