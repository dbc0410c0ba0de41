// Compiles the CPU backend's kernels for all tests.
#include "support/eigen_instances.hpp"

namespace kasmina::backends::eigen_detail {

#define KASMINA_DEFINE(name, T) template decltype(name<T>) name<T>;
KASMINA_EACH_KERNEL(KASMINA_DEFINE, float)
KASMINA_EACH_KERNEL(KASMINA_DEFINE, double)

}  // namespace kasmina::backends::eigen_detail
