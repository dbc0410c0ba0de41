// Compiles the CPU backend's kernels for float.
#include <kasmina/compiled/eigen.hpp>

KASMINA_EIGEN_KERNELS_OF(template, float)
