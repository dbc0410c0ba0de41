// Number formats of files: halves and bfloat16 as floats, exactly.
#pragma once

#include <kasmina/requirements.hpp>

#include <bit>
#include <cmath>
#include <cstdint>

namespace kasmina::checkpoint {

/// The upper half of a float.
[[nodiscard]] constexpr float from_bfloat16(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

/// IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. Every one is a float.
[[nodiscard]] constexpr float from_half(std::uint16_t bits) noexcept {
    const std::uint32_t sign = (bits & 0x8000U) << 16U;
    const std::uint32_t exponent = (bits >> 10U) & 0x1fU;
    const std::uint32_t fraction = bits & 0x3ffU;
    if (exponent == 0x1fU) return std::bit_cast<float>(sign | 0x7f800000U | (fraction << 13U));
    if (exponent != 0) {
        return std::bit_cast<float>(sign | ((exponent + 112U) << 23U) | (fraction << 13U));
    }
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;  // subnormal, or 0
    return sign != 0 ? -magnitude : magnitude;
}

}  // namespace kasmina::checkpoint
