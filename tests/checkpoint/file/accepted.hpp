// What must hold of every file that is accepted, whoever made it: told in other words than the
// reader's own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/strict_json.hpp>
#include <kasmina/checkpoint/file/writer.hpp>
#include <kasmina/error.hpp>

#include "checkpoint/file/memory_files.hpp"
#include "checkpoint/file/one_file.hpp"

namespace kasmina::test {

using Require = std::function<void(bool, const char*)>;

/// That a file that was accepted can be written again and is the same.
inline void require_same_when_written(const checkpoint::file::Reader& reader,
                                      const std::vector<std::vector<std::byte>>& contents,
                                      const Require& require) {
    namespace file = checkpoint::file;
    file::Plan plan;
    plan.metadata = reader.metadata();
    for (std::size_t i = 0; i < contents.size(); ++i) {
        const file::TensorEntry& tensor = reader.tensors()[i];
        plan.add(tensor.name, tensor.type, tensor.shape, contents[i]);
    }
    auto files = std::make_shared<MemoryFiles>();
    file::write("f", plan, file::Durability::power_loss, *files);
    const file::Reader again = file::Reader::open("f", {}, files);
    require(again.metadata() == reader.metadata(), "metadata survive");
    require(again.tensors().size() == contents.size(), "tensors survive");
    for (std::size_t i = 0; i < contents.size(); ++i) {
        const file::TensorEntry& tensor = again.tensors()[i];
        require(tensor.name == reader.tensors()[i].name &&
                    tensor.shape == reader.tensors()[i].shape &&
                    tensor.type == reader.tensors()[i].type,
                "a tensor survives");
        std::vector<std::byte> content(static_cast<std::size_t>(tensor.bytes()));
        again.read(tensor, content);
        require(content == contents[i], "bytes survive");
    }
}

/// Reads a file whole. False when it is refused by a CheckpointError; any other exception, and
/// one after the file was accepted, comes through. `require` is told of everything that must hold
/// of a file that is accepted; with `write_again` that includes that it can be written again and is
/// the same.
inline bool read_hostile(std::span<const std::byte> bytes, const Require& require,
                         bool write_again = true) {
    namespace file = checkpoint::file;
    const auto operations = std::make_shared<OneFile>(bytes);
    std::optional<file::Reader> opened;
    try {
        opened = file::Reader::open("f", {}, operations);
    } catch (const CheckpointError&) {
        return false;
    }
    const file::Reader& reader = *opened;
    // Every byte behind the header belongs to one tensor, and to one alone.
    std::uint64_t data_bytes = 0;
    std::vector<std::vector<std::byte>> contents;
    for (const file::TensorEntry& tensor : reader.tensors()) {
        std::uint64_t size = file::bytes_of(tensor.type);
        for (const std::uint64_t extent : tensor.shape) size *= extent;
        require(size == tensor.bytes(), "a tensor has the bytes that its shape says");
        require(!tensor.name.empty(), "a tensor has a name");
        require(reader.find(tensor.name) == &tensor, "a name means one tensor");
        data_bytes += tensor.bytes();
        require(tensor.bytes() <= bytes.size(), "a tensor fits the file");
        contents.emplace_back(static_cast<std::size_t>(tensor.bytes()));
        reader.read(tensor, contents.back());
    }
    require(data_bytes < bytes.size(), "tensors fit the file");

    if (write_again) require_same_when_written(reader, contents, require);
    for (const auto& [name, value] : reader.metadata()) {
        try {
            const nlohmann::json json = file::parse_json(value, name);
            require(file::parse_json(json.dump(), name) == json, "JSON survives");
        } catch (const CheckpointError&) {
        }
    }
    return true;
}

}  // namespace kasmina::test
