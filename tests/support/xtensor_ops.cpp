// Compiles the operations on the reference backend for all tests.
#include "support/xtensor_instances.hpp"

KASMINA_OPS_OF(template, backends::Xtensor<float>)
KASMINA_OPS_OF(template, backends::Xtensor<double>)
