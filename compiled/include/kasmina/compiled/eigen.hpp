// What kasmina::eigen_compiled holds: sources that link it do not compile these again.
#pragma once

#include <string_view>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/compiled/eigen_kernels.hpp>
#include <kasmina/compiled/models.hpp>
#include <kasmina/compiled/ops.hpp>

/// \file
/// `kasmina/backends/eigen.hpp` includes this by itself where the target kasmina::eigen_compiled is
/// linked, which defines KASMINA_EIGEN_COMPILED as the instruction set that it was compiled for.
/// For float and for double: every kernel of the CPU backend, every operation of the library, and
/// what `kasmina/compiled/models.hpp` lists. What users write themselves, and pointwise functions
/// of their own, is compiled in their sources as ever.

#define KASMINA_TEXT_OF(name) #name
#define KASMINA_TEXT(name) KASMINA_TEXT_OF(name)
static_assert(std::string_view(KASMINA_TEXT(KASMINA_EIGEN_COMPILED)) ==
                  KASMINA_TEXT(KASMINA_INSTRUCTION_SET),
              "kasmina::eigen_compiled was compiled for another instruction set than this file: "
              "compile both with the same -march=, or link kasmina::eigen instead");
#undef KASMINA_TEXT
#undef KASMINA_TEXT_OF

KASMINA_EIGEN_KERNELS_OF(extern template, float)
KASMINA_EIGEN_KERNELS_OF(extern template, double)
KASMINA_OPS_OF(extern template, backends::Eigen<float>)
KASMINA_OPS_OF(extern template, backends::Eigen<double>)
KASMINA_MODELS_OF(extern template, backends::Eigen<float>)
KASMINA_MODELS_OF(extern template, backends::Eigen<double>)
