// Compiles the operations on the CPU backend for all tests.
#include "support/eigen_instances.hpp"

KASMINA_OPS_OF(template, backends::Eigen<float>)
KASMINA_OPS_OF(template, backends::Eigen<double>)
