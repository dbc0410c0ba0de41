// The reference backend under -ffast-math: refused with a sentence.
#include <kasmina/backends/xtensor.hpp>
