// Opened: a checkpoint's file with its table of parts, and records that are parsed when asked for.
#pragma once

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/strict_json.hpp>
#include <kasmina/checkpoint/part.hpp>
#include <kasmina/checkpoint/record/read.hpp>
#include <kasmina/checkpoint/table_of_parts.hpp>
#include <kasmina/checkpoint/tensors.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint {

/// For records without tensors, read.
struct NoTensorsToRead {
    template <class T>
    [[nodiscard]] T read(std::string_view) const {
        static_assert(record::unsupported<T>,
                      "this part holds tensors: pass the model on whose backend they are too");
    }
};

/// Knows nothing of models and backends.
class Opened {
public:
    /// Errors: CheckpointError for a file that cannot be read, breaks a rule of the format, is no
    /// checkpoint of this library's, or whose table and metadata differ.
    explicit Opened(const std::filesystem::path& path)
        : reader_(file::Reader::open(path)), source_(path.string()) {
        const auto& metadata = reader_.metadata();
        if (!metadata.contains(table_key)) {
            throw CheckpointError("this is not a checkpoint of this library", source_,
                                  "metadata " + file::in_quotes(table_key), "none of that name",
                                  "load weights of other programs with weights::load");
        }
        NoTensorsToRead none;
        record::read(json(table_key), table_, record::Place(source_of(table_key), table_key), none);
        check_table();
    }

    [[nodiscard]] const file::Reader& reader() const noexcept { return reader_; }
    [[nodiscard]] const TableOfParts& table() const noexcept { return table_; }

    /// The record of a part. Errors: CheckpointError when it is not JSON, or there is none.
    [[nodiscard]] record::Json record_of(std::string_view part) const {
        if (!reader_.metadata().contains(key_of_part(part))) {
            std::string parts;
            for (const std::string& name : table_.parts) append_to_list(parts, name);
            throw CheckpointError("the checkpoint does not hold this", source_,
                                  "the part " + std::string(part), parts.empty() ? "none" : parts,
                                  "load what was saved, or save this too");
        }
        return json(key_of_part(part));
    }

    /// Reads a part's record into a struct.
    template <class State, class Tensors>
    void read(std::string_view part, State& state, Tensors& tensors) const {
        const std::string source = source_of(key_of_part(part));
        record::read(record_of(part), state, record::Place(source, part), tensors);
    }

    /// Errors: CheckpointError for a tensor that belongs to no part, or to one of `loaded` and was
    /// not used.
    void check_all_used(const TensorsOfFile& tensors,
                        const std::vector<std::string>& loaded) const {
        for (const file::TensorEntry& entry : reader_.tensors()) {
            const std::string part = part_of(entry.name);
            const bool known = reader_.metadata().contains(key_of_part(part));
            const bool is_loaded = std::ranges::find(loaded, part) != loaded.end();
            if (known && (!is_loaded || tensors.used(entry.name))) continue;
            tensors.refuse(entry.name, "a tensor too many",
                           "only tensors that a record of the file speaks of", "this one");
        }
    }

    /// "model" for "host/..." and "slots/...", else what is before the first slash.
    [[nodiscard]] static std::string part_of(std::string_view tensor) {
        const std::string first(tensor.substr(0, tensor.find('/')));
        return first == "host" || first == "slots" ? "model" : first;
    }

private:
    [[nodiscard]] std::string source_of(std::string_view key) const {
        return source_ + ": " + std::string(key);
    }

    [[nodiscard]] record::Json json(std::string_view key) const {
        return file::parse_json(reader_.metadata().find(key)->second, source_of(key));
    }

    void check_table() const {
        const auto& metadata = reader_.metadata();
        std::set<std::string> keys{std::string(table_key)};
        for (const std::string& part : table_.parts) {
            const std::string key = key_of_part(part);
            if (!keys.insert(key).second) refuse("a part that is there twice", key);
            if (!metadata.contains(key)) refuse("a part without a record", key);
        }
        for (const auto& [key, value] : metadata) {
            if (!keys.contains(key)) refuse("a record of no part", key);
        }
    }

    [[noreturn]] KASMINA_COLD void refuse(std::string_view what, const std::string& key) const {
        throw CheckpointError(what, source_of(table_key), "a record for each part, once",
                              file::in_quotes(key),
                              "take a file that this library has written and nobody has changed");
    }

    file::Reader reader_;
    std::string source_;
    TableOfParts table_{};
};

}  // namespace kasmina::checkpoint
