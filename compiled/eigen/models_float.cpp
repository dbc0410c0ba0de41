// Compiles the library's own models on the CPU backend for float.
#include <kasmina/compiled/eigen.hpp>

KASMINA_MODELS_OF(template, backends::Eigen<float>)
