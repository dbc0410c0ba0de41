// Compiles the reference backend's kernels for all tests.
#include "support/xtensor_kernels.hpp"

KASMINA_XTENSOR_KERNELS_OF(template, float)
KASMINA_XTENSOR_KERNELS_OF(template, double)
