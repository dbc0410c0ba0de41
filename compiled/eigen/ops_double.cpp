// Compiles the operations on the CPU backend for double.
#include <kasmina/compiled/eigen.hpp>

KASMINA_OPS_OF(template, backends::Eigen<double>)
