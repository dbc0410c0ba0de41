// Header: the table of contents of a safetensors file.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/checkpoint/file/tensor_entry.hpp>

namespace kasmina::checkpoint::file {

/// Texts by name. Sorted, so that the same metadata give the same bytes.
using Metadata = std::map<std::string, std::string, std::less<>>;

/// What the format allows, and what this reader allows beyond it.
struct HeaderLimits {
    /// Of the header's text. The official reader's own limit.
    static constexpr std::uint64_t bytes = 100'000'000;
    static constexpr std::size_t rank = 64;
};

/// How much of a file is taken on trust.
struct HeaderRules {
    /// Every tensor begins at a multiple of its element's size, as the official writer has it.
    /// Some other writers do not keep to that.
    bool aligned = true;
};

/// What a file holds.
struct Header {
    Metadata metadata{};
    /// By name.
    std::vector<TensorEntry> tensors{};

    /// The tensor with this name; null when there is none.
    [[nodiscard]] const TensorEntry* find(std::string_view name) const noexcept {
        const auto place = std::ranges::lower_bound(tensors, name, {}, &TensorEntry::name);
        return place != tensors.end() && place->name == name ? &*place : nullptr;
    }
};

/// What a file begins with: the length of the header's text, in eight bytes, the smallest first.
inline constexpr std::size_t header_length_bytes = 8;

/// The length that a file's first bytes tell.
[[nodiscard]] constexpr std::uint64_t header_length(
    std::span<const std::byte, header_length_bytes> first) noexcept {
    std::uint64_t length = 0;
    for (std::size_t i = first.size(); i-- > 0;) {
        length = length << 8 | std::to_integer<std::uint64_t>(first[i]);
    }
    return length;
}

/// The first bytes that tell a length.
[[nodiscard]] constexpr std::array<std::byte, header_length_bytes> header_length_as_bytes(
    std::uint64_t length) noexcept {
    std::array<std::byte, header_length_bytes> first{};
    for (std::byte& each : first) {
        each = static_cast<std::byte>(length & 0xffu);
        length >>= 8;
    }
    return first;
}

}  // namespace kasmina::checkpoint::file
