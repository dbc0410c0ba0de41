// Operations on the test device, declared as compiled elsewhere: once for all tests.
#pragma once

#include <kasmina/compiled/ops.hpp>

#include "support/device/device_like.hpp"

KASMINA_OPS_OF(extern template, test::DeviceLike<float>)
KASMINA_OPS_OF(extern template, test::DeviceLike<double>)
