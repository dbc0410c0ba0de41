// What tests on both backends parse once for all.
#pragma once

#include "support/precompiled_eigen.hpp"
#include "support/xtensor_instances.hpp"
