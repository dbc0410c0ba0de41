// Compiles the operations on the test device for all tests.
#include "support/device_instances.hpp"

KASMINA_OPS_OF(template, test::DeviceLike<float>)
KASMINA_OPS_OF(template, test::DeviceLike<double>)
