// Small files, spelled out: for tests of what is in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/writer.hpp>

namespace kasmina::test {

namespace file = checkpoint::file;

/// The bytes of a safetensors file with this header and this many bytes of tensors.
[[nodiscard]] inline std::string file_with(const std::string& header, std::size_t data_bytes) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xff);
    return bytes + header + std::string(data_bytes, '\x2a');
}

inline void put(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

[[nodiscard]] inline std::string get(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// All of a tensor's bytes.
[[nodiscard]] inline std::vector<std::byte> bytes_of(const file::Reader& reader,
                                                     const std::string& name) {
    const file::TensorEntry* tensor = reader.find(name);
    if (tensor == nullptr) return {};
    std::vector<std::byte> bytes(static_cast<std::size_t>(tensor->bytes()));
    reader.read(*tensor, bytes);
    return bytes;
}

/// `count` bytes that count up from `first`.
[[nodiscard]] inline std::vector<std::byte> counting(std::size_t count, unsigned first = 0) {
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = static_cast<std::byte>((first + i) & 0xffu);
    }
    return bytes;
}

}  // namespace kasmina::test
