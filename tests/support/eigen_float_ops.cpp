// Compiles the operations in float on the CPU backend for all tests.
#include "support/eigen_instances.hpp"

KASMINA_OPS_OF(template, backends::Eigen<float>)
