// Compiles the operations on the emulated card for all tests, for float.
#include "support/cuda_emulation/emulated_instances.hpp"

KASMINA_OPS_OF(template, test::EmulatedCuda<float>)
