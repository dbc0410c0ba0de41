// The instruction set that this file is compiled for, as part of every name of the CPU backend.
#pragma once

/// \file
/// How wide a register is, and whether a multiplication and an addition are one instruction, is
/// known when compiling, and much depends on it: the order of packed panels, the layout of tiles.
/// Two translation units compiled with different -march would each bring a function of one name
/// that is not the same function, and the linker keeps one of them for both. So all of the backend
/// stands in an inline namespace named after the instruction set, and each unit keeps its own:
///
///     namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {
///
/// Units that are to hand each other tensors or models must be compiled for the same one.

#if !defined(__GNUC__)
#define KASMINA_INSTRUCTION_SET scalar
#elif defined(__AVX512F__)
#define KASMINA_INSTRUCTION_SET avx512
#elif defined(__AVX__) && defined(__FMA__)
#define KASMINA_INSTRUCTION_SET avx_fma
#elif defined(__AVX__)
#define KASMINA_INSTRUCTION_SET avx
#else
#define KASMINA_INSTRUCTION_SET vector16  // 16 bytes: SSE2, NEON
#endif
