// Compiles the CPU backend's kernels for double.
#include <kasmina/compiled/eigen.hpp>

KASMINA_EIGEN_KERNELS_OF(template, double)
