// A checkpoint's file with one thing in it changed, however little sense that makes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/writer.hpp>

namespace kasmina::test {

using Json = nlohmann::json;

/// A file in memory: records as JSON, tensors as bytes.
struct Edited {
    struct TensorBytes {
        checkpoint::file::TensorEntry entry;
        std::vector<std::byte> bytes;
    };

    explicit Edited(const std::filesystem::path& path) {
        const auto reader = checkpoint::file::Reader::open(path);
        metadata = reader.metadata();
        for (const auto& entry : reader.tensors()) {
            std::vector<std::byte> bytes(static_cast<std::size_t>(entry.bytes()));
            reader.read(entry, bytes);
            tensors.push_back({entry, std::move(bytes)});
        }
    }

    [[nodiscard]] Json record(const std::string& key) const {
        return Json::parse(metadata.at(key));
    }
    void set_record(const std::string& key, const Json& record) { metadata[key] = record.dump(); }

    [[nodiscard]] TensorBytes& tensor(const std::string& name) {
        for (TensorBytes& each : tensors) {
            if (each.entry.name == name) return each;
        }
        throw std::out_of_range(name);
    }
    void remove_tensor(const std::string& name) {
        std::erase_if(tensors, [&](const TensorBytes& each) { return each.entry.name == name; });
    }

    void write(const std::filesystem::path& path) const {
        checkpoint::file::Plan plan;
        plan.metadata = metadata;
        for (const TensorBytes& each : tensors) {
            plan.add(each.entry.name, each.entry.type, each.entry.shape, each.bytes);
        }
        checkpoint::file::write(path, plan);
    }

    checkpoint::file::Metadata metadata{};
    std::vector<TensorBytes> tensors{};
};

/// All records and tensors of a file as one text, but for when stages were entered.
[[nodiscard]] inline std::string timeless(const std::filesystem::path& path) {
    Edited file(path);
    const std::function<void(Json&)> forget = [&forget](Json& value) {
        if (value.is_object() && value.contains("entered_at")) value["entered_at"] = 0;
        for (Json& each : value) {
            if (each.is_structured()) forget(each);
        }
    };
    std::string text;
    for (const auto& [key, value] : file.metadata) {
        Json record = Json::parse(value);
        forget(record);
        text += key + " " + record.dump() + "\n";
    }
    for (const auto& [entry, bytes] : file.tensors) {
        text += entry.name + " " + std::string(name_of(entry.type)) + " " +
                checkpoint::file::to_string(entry.shape) + " " +
                std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) + "\n";
    }
    return text;
}

/// Where two such texts first differ, in words; empty where they do not.
[[nodiscard]] inline std::string first_difference(const std::string& one, const std::string& two) {
    if (one == two) return {};
    std::size_t at = 0;
    while (at < one.size() && at < two.size() && one[at] == two[at]) ++at;
    const std::size_t line = one.rfind('\n', at == 0 ? 0 : at - 1) + 1;
    const std::size_t from = std::max(line, at < 60 ? 0 : at - 60);
    return "in " + one.substr(line, 40) + "...: " + one.substr(from, 90) + " | " +
           two.substr(from, 90);
}

}  // namespace kasmina::test
