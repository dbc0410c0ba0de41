// Operations on the test device, declared as compiled elsewhere: once for all tests.
#pragma once

#include "support/device/device_like.hpp"
#include "support/op_instances.hpp"

KASMINA_OPS_OF(extern template, test::DeviceLike<float>)
KASMINA_OPS_OF(extern template, test::DeviceLike<double>)
