// expects: kasmina::eigen_compiled was compiled for another instruction set
// A library for one instruction set, linked to a source that is compiled for another.
#include <kasmina/backends/eigen/instruction_set.hpp>

#ifdef KASMINA_MUST_NOT_COMPILE
#define KASMINA_EIGEN_COMPILED abacus
#else
#define KASMINA_EIGEN_COMPILED KASMINA_INSTRUCTION_SET
#endif
#include <kasmina/backends/eigen.hpp>
