// checkpoint::peek: what is in a checkpoint, without a model to load it into.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <kasmina/checkpoint/file/tensor_entry.hpp>
#include <kasmina/checkpoint/opened.hpp>
#include <kasmina/model/model_state.hpp>

namespace kasmina::checkpoint {

/// A part's record as it stands in the file.
struct PartSeen {
    std::string name{};
    std::optional<int> schema{};  ///< absent where its struct has none
    std::string record{};         ///< JSON
};

/// What a file holds. Tensors are listed and not read.
struct Seen {
    std::string library{};  ///< version that wrote it; empty where schema 1 did not say
    std::string note{};
    std::uint64_t bytes = 0;
    std::vector<PartSeen> parts{};
    std::vector<file::TensorEntry> tensors{};  ///< by name
    std::optional<ModelState> model{};         ///< of the part "model"
};

/// Reads table and records, and that of a model as a struct. Errors: CheckpointError as `load`, but
/// for what only a model could tell.
[[nodiscard]] inline Seen peek(const std::filesystem::path& path) {
    const Opened opened(path);
    Seen seen{.library = opened.table().library,
              .note = opened.table().note,
              .bytes = opened.reader().bytes(),
              .parts = {},
              .tensors = opened.reader().tensors(),
              .model = std::nullopt};
    for (const std::string& name : opened.table().parts) {
        const record::Json record = opened.record_of(name);
        PartSeen part{.name = name, .schema = std::nullopt, .record = record.dump()};
        if (record.is_object() && record.contains(record::schema_field)) {
            const record::Json& schema = record.at(std::string(record::schema_field));
            if (schema.is_number_integer()) part.schema = schema.get<int>();
        }
        seen.parts.push_back(std::move(part));
        if (name != "model") continue;
        NoTensorsToRead none;
        opened.read(name, seen.model.emplace(), none);
    }
    opened.check_all_used(TensorsOfFile(opened.reader()), {});
    return seen;
}

}  // namespace kasmina::checkpoint
