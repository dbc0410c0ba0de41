// The backends that tests of layers run on: the CPU backend in both precisions, and the oracle.
#pragma once

#include <kasmina/backends/eigen.hpp>
#include <kasmina/backends/xtensor.hpp>

namespace kasmina::test {

using Eigen32 = backends::Eigen<float>;
using Eigen64 = backends::Eigen<double>;
using Oracle = backends::Xtensor<double>;

}  // namespace kasmina::test
