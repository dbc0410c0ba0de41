// What people download, unpack or point to in place of data, told by how it begins.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kasmina::examples {

/// What a file is that is no data, and what to do.
struct MistakenData {
    std::string what;
    std::string mend;
};

/// Looks at the first bytes of a file whose data begins with a byte below 10, as records of
/// CIFAR-10 and IDX files do. Nothing where they may be data.
[[nodiscard]] inline std::optional<MistakenData> mistaken_data(
    std::span<const std::uint8_t> bytes) {
    if (bytes.empty() || bytes.front() < 10) return std::nullopt;
    std::string head;
    for (const std::uint8_t byte : bytes.first(std::min<std::size_t>(bytes.size(), 512))) {
        head.push_back(static_cast<char>(byte));
    }
    const auto begins = [&head](std::string_view with) { return head.starts_with(with); };
    if (begins("version https://git-lfs")) {
        return MistakenData{"a pointer of Git LFS", "run git lfs pull in the repository"};
    }
    if (begins("\x1f\x8b")) {
        return MistakenData{"gzip within gzip", "unpack it once"};
    }
    if (begins("PK\x03\x04")) return MistakenData{"a zip archive", "unpack it"};
    if (begins("BZh") ||
        begins("\xFD"
               "7zXZ") ||
        begins("\x28\xB5\x2F\xFD")) {
        return MistakenData{"compressed with bzip2, xz or zstd", "unpack it, or use gzip"};
    }
    if (head.size() > 262 && head.compare(257, 5, "ustar") == 0) {
        return MistakenData{"a tar archive", "unpack it, and point to the folder of its files"};
    }
    if (begins("\x93NUMPY")) {
        return MistakenData{"an array of NumPy", "use the files as they are published"};
    }
    if (begins("\x80")) {
        return MistakenData{"a pickle of Python", "download the binary version of the data set"};
    }
    const auto is_text = [](char character) {
        return (character >= ' ' && character <= '~') || character == '\n' || character == '\r' ||
               character == '\t';
    };
    if (!std::ranges::all_of(head, is_text)) return std::nullopt;
    const std::size_t first = head.find_first_not_of(" \t\r\n");
    if (first != std::string::npos && head[first] == '<') {
        return MistakenData{"a page of HTML or XML",
                            "download the data set again: a server has sent a page in its place"};
    }
    std::string line = head.substr(0, std::min<std::size_t>(head.find_first_of("\r\n"), 40));
    return MistakenData{"a text that begins with \"" + line + "\"", "download the data set again"};
}

}  // namespace kasmina::examples
