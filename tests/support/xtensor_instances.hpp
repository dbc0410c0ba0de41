// Operations on the reference backend, declared as compiled elsewhere: once for all tests.
#pragma once

#include <kasmina/backends/xtensor.hpp>
#include <kasmina/compiled/ops.hpp>

#include "support/xtensor_kernels.hpp"

KASMINA_OPS_OF(extern template, backends::Xtensor<float>)
KASMINA_OPS_OF(extern template, backends::Xtensor<double>)
