// Compiles the operations on the CPU backend for float.
#include <kasmina/compiled/eigen.hpp>

KASMINA_OPS_OF(template, backends::Eigen<float>)
