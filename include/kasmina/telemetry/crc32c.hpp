// CRC-32C, the checksum of TFRecord files, masked as they have it.
#pragma once

#include <kasmina/requirements.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace kasmina::telemetry {

namespace detail {

/// The remainder of each byte (Castagnoli's polynomial 0x1EDC6F41, bits reversed).
inline constexpr std::array<std::uint32_t, 256> crc32c_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t remainder = byte;
        for (int bit = 0; bit < 8; ++bit) {
            remainder = (remainder >> 1) ^ ((remainder & 1U) != 0 ? 0x82F63B78U : 0U);
        }
        table[byte] = remainder;
    }
    return table;
}();

}  // namespace detail

/// CRC-32C of bytes (RFC 3720, appendix B.4).
[[nodiscard]] constexpr std::uint32_t crc32c(std::string_view bytes) noexcept {
    std::uint32_t crc = 0xFFFFFFFFU;
    for (const char byte : bytes) {
        crc = (crc >> 8) ^ detail::crc32c_table[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU];
    }
    return crc ^ 0xFFFFFFFFU;
}

/// The checksum as TFRecord stores it: a checksum of bytes that hold checksums is weak, so it is
/// rotated and shifted first.
[[nodiscard]] constexpr std::uint32_t masked_crc32c(std::string_view bytes) noexcept {
    const std::uint32_t crc = crc32c(bytes);
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

}  // namespace kasmina::telemetry
