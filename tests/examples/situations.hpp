// What tests of situations share: folders of data, what lies in them, and short runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::tests {

using test::TemporaryFolder;
namespace files = std::filesystem;

inline void write_text(const files::path& file, const std::string& text) {
    std::ofstream(file) << text;
}

/// The t10k files of so many digits of 8 x 8.
inline void write_digits(const files::path& folder, std::uint32_t count = 40) {
    write_bytes(folder / "t10k-images-idx3-ubyte", digits(count, 8, 8));
    write_bytes(folder / "t10k-labels-idx1-ubyte", digit_labels(count));
}

/// Every file of a folder, with what it holds.
inline std::map<std::string, std::string> contents_of(const files::path& folder) {
    std::map<std::string, std::string> contents;
    for (const auto& entry : files::recursive_directory_iterator(folder)) {
        const bool is_text = !entry.is_symlink() && entry.is_regular_file();
        contents[entry.path().string()] = is_text ? text_of(entry.path()) : "";
    }
    return contents;
}

/// A short run on tiny digits, with more arguments.
struct TinyRun {
    TinyRun() { write_digits(folder.path()); }

    [[nodiscard]] std::vector<std::string> arguments(const std::vector<std::string>& more,
                                                     const char* epochs = "1") const {
        std::vector<std::string> all{"--mnist", folder.path().string(), "--epochs", epochs};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return (folder / name).string();
    }

    TemporaryFolder folder;
};

inline bool is_summary(const std::string& text) {
    return nlohmann::json::parse(text, nullptr, false).contains("grown_accuracy");
}

}  // namespace kasmina::tests
