// The backends that tests of layers run on: the CPU backend, the oracle, and what acts as a device.
#pragma once

#include <kasmina/backends/eigen.hpp>
#include <kasmina/backends/xtensor.hpp>

#include "support/device/device_like.hpp"

namespace kasmina::test {

using Eigen32 = backends::Eigen<float>;
using Eigen64 = backends::Eigen<double>;
using Oracle = backends::Xtensor<double>;
using Device32 = DeviceLike<float>;
using Device64 = DeviceLike<double>;

}  // namespace kasmina::test
