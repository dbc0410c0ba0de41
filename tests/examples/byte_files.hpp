// Files for the tests of readers: plain and gzip-compressed bytes in a temporary folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <zlib.h>

#include "support/temporary_folder.hpp"

namespace kasmina::tests {

using Bytes = std::vector<std::uint8_t>;

using test::TemporaryFolder;

inline void write_bytes(const std::filesystem::path& file, const Bytes& bytes) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    for (const std::uint8_t byte : bytes) out.put(static_cast<char>(byte));
}

inline Bytes read_bytes(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    return {text.begin(), text.end()};
}

inline void write_gzip(const std::filesystem::path& file, const Bytes& bytes) {
    const gzFile handle = gzopen(file.c_str(), "wb");
    gzwrite(handle, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose_w(handle);
}

}  // namespace kasmina::tests
