// Compiles the library's own models on the CPU backend for double.
#include <kasmina/compiled/eigen.hpp>

KASMINA_MODELS_OF(template, backends::Eigen<double>)
