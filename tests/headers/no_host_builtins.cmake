# Fails where a kernel counts bits by a function of <bit>: those are made of what is built into host
# compilers. On a card they give nonsense, and nvcc, which takes them for constexpr, says nothing.
include(${CMAKE_CURRENT_LIST_DIR}/forbid_lines.cmake)

forbid_lines("functions that a card does not have"
             "std::(countl_|countr_|popcount|bit_width|bit_floor|bit_ceil|has_single_bit|rotl|rotr)|__builtin_"
             "^ *//")
