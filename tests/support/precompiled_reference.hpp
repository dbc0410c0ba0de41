// What tests on all backends parse once for all.
#pragma once

#include "support/device_instances.hpp"
#include "support/precompiled_eigen.hpp"
#include "support/xtensor_instances.hpp"
