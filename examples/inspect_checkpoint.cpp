// inspect_checkpoint: says in words, or as JSON, what a checkpoint holds, also of one that is
// broken.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/checkpoint/file/header.hpp>
#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/file/parse_header.hpp>
#include <kasmina/checkpoint/file/strict_json.hpp>
#include <kasmina/checkpoint/peek.hpp>

#include "support/arguments.hpp"

namespace {

using namespace kasmina;
namespace file = checkpoint::file;
using Json = nlohmann::json;

/// What could be found out about a file.
struct Findings {
    std::string path{};
    std::uint64_t bytes = 0;
    std::optional<std::string> error{};
    std::optional<checkpoint::Seen> seen{};                 ///< when all is well
    std::optional<std::vector<file::TensorEntry>> whole{};  ///< else, the tensors that are there
    std::vector<std::string> records{};                     ///< and the records that are JSON
    std::vector<std::string> broken_records{};
};

/// The text of a file's header; none where that is not there whole.
std::optional<std::string> header_text(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::array<std::byte, file::header_length_bytes> first{};
    in.read(reinterpret_cast<char*>(first.data()), first.size());
    const std::uint64_t length = file::header_length(first);
    if (!in || length > file::HeaderLimits::bytes) return std::nullopt;
    std::string text(static_cast<std::size_t>(length), '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    return in ? std::optional(std::move(text)) : std::nullopt;
}

/// The header of a file that may end too early or too late, as if it ended where the header says.
file::Header header_of_broken_file(const std::string& text, const std::string& source) {
    const Json header = file::parse_json(text, source, {.bytes = text.size()});
    std::uint64_t end = 0;
    for (const auto& [name, entry] : header.items()) {
        if (entry.contains("data_offsets"))
            end = std::max(end, entry["data_offsets"].at(1).get<std::uint64_t>());
    }
    return file::parse_header(text, end, source);
}

/// What is still whole in a file that `peek` refuses.
void look_for_the_rest(const std::filesystem::path& path, Findings& found) {
    const std::optional<std::string> text = header_text(path);
    if (!text) return;
    file::Header header;
    try {
        header = header_of_broken_file(*text, found.path);
    } catch (const std::exception&) {
        return;
    }
    const std::uint64_t data = found.bytes - file::header_length_bytes - text->size();
    found.whole.emplace();
    for (const file::TensorEntry& tensor : header.tensors) {
        if (tensor.end <= data) found.whole->push_back(tensor);
    }
    for (const auto& [key, record] : header.metadata) {
        try {
            static_cast<void>(file::parse_json(record, key));
            found.records.push_back(key);
        } catch (const CheckpointError&) {
            found.broken_records.push_back(key);
        }
    }
}

Findings inspect(const std::filesystem::path& path) {
    Findings found{.path = path.string()};
    std::error_code ignored;
    const auto bytes = std::filesystem::file_size(path, ignored);
    if (!ignored) found.bytes = bytes;
    try {
        found.seen = checkpoint::peek(path);
    } catch (const Error& error) {
        found.error = error.what();
        if (!ignored) look_for_the_rest(path, found);
    }
    return found;
}

// ---- in words -----------------------------------------------------------------------------------

std::string with_commas(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
    return text;
}

void print_tensors(const std::vector<file::TensorEntry>& tensors) {
    constexpr std::size_t widest = 80;  // longer names move their own line alone
    std::size_t width = 4;
    std::uint64_t sum = 0;
    for (const auto& tensor : tensors) {
        width = std::max(width, std::min(widest, file::readable(tensor.name).size()));
        sum += tensor.bytes();
    }
    std::cout << "tensors: " << tensors.size() << ", " << with_commas(sum) << " bytes\n";
    for (const auto& tensor : tensors) {
        std::string line = "  " + file::readable(tensor.name);
        const auto column = [&line](std::size_t at) {
            line.resize(std::max(line.size() + 1, at), ' ');
        };
        column(width + 4);
        line += name_of(tensor.type);
        column(width + 10);
        line += file::to_string(tensor.shape);
        column(width + 32);
        std::cout << line << with_commas(tensor.bytes()) << '\n';
    }
}

std::string two_places(double number) {
    std::string text(32, '\0');
    const int length = std::snprintf(text.data(), text.size(), "%.2f", number);
    text.resize(static_cast<std::size_t>(length));
    return text;
}

/// "late: fossilized, noisy (id late-noisy), alpha 1.00; 24 epochs old".
std::string in_words(const SlotState& slot) {
    std::string text = slot.name + ": " + std::string(name_of(slot.stage));
    if (slot.record) text += ", " + slot.record->blueprint + " (id " + slot.record->seed_id + ")";
    if (slot.alpha) {
        text += ", alpha " + two_places(slot.alpha->alpha);
        if (slot.alpha->mode != AlphaMode::hold) {
            text += " on the way to " + two_places(slot.alpha->target) + ", step " +
                    std::to_string(slot.alpha->steps_done) + " of " +
                    std::to_string(slot.alpha->steps_total);
        }
    }
    if (slot.seed) text += ", blended by " + std::string(name_of(slot.seed->blend.algorithm));
    if (slot.scheduled_prune) text += ", to be pruned (" + slot.scheduled_prune->reason + ")";
    if (slot.embargo_ticks_left) {
        text += ", " + std::to_string(*slot.embargo_ticks_left) + " ticks left";
    }
    if (slot.record) {
        const SeedMetrics& metrics = slot.record->metrics;
        text += "; " + std::to_string(metrics.epochs_total) + " epochs old";
        if (metrics.contribution) {
            text += ", contributes " + two_places(metrics.contribution->value) + " (by " +
                    std::string(name_of(metrics.contribution_by)) + ")";
        }
        if (!metrics.prune_reason.empty()) text += ", pruned: " + metrics.prune_reason;
    }
    return text;
}

void print(const Findings& found) {
    std::cout << found.path << ": " << with_commas(found.bytes) << " bytes\n";
    if (!found.seen) {
        std::cout << "broken: " << *found.error << '\n';
        if (!found.whole) return;
        std::cout << "still whole:\n";
        for (const std::string& key : found.records) {
            std::cout << "record " << file::readable(key) << '\n';
        }
        print_tensors(*found.whole);
        for (const std::string& key : found.broken_records) {
            std::cout << "not whole: record " << file::readable(key) << '\n';
        }
        return;
    }
    const checkpoint::Seen& seen = *found.seen;
    std::cout << "written by Kasmina "
              << (seen.library.empty() ? "(version not noted)" : file::readable(seen.library))
              << '\n';
    if (!seen.note.empty()) std::cout << "note: " << file::readable(seen.note) << '\n';
    std::cout << "parts:";
    for (const auto& part : seen.parts) {
        std::cout << (&part == &seen.parts.front() ? " " : ", ") << file::readable(part.name);
        if (part.schema) std::cout << " (schema " << *part.schema << ")";
    }
    std::cout << '\n';
    if (seen.model) {
        std::cout << "slots:\n";
        for (const SlotState& slot : seen.model->slots) {
            std::cout << "  " << file::readable(in_words(slot)) << '\n';
        }
    }
    print_tensors(seen.tensors);
}

// ---- as JSON ------------------------------------------------------------------------------------

Json as_json(const std::vector<file::TensorEntry>& tensors) {
    Json list = Json::array();
    for (const auto& tensor : tensors) {
        list.push_back({{"name", tensor.name},
                        {"type", std::string(name_of(tensor.type))},
                        {"shape", tensor.shape},
                        {"bytes", tensor.bytes()}});
    }
    return list;
}

Json as_json(const Findings& found) {
    Json json{{"file", found.path}, {"bytes", found.bytes}, {"whole", found.seen.has_value()}};
    if (!found.seen) {
        json["error"] = *found.error;
        if (found.whole) {
            json["still_whole"] = {{"tensors", as_json(*found.whole)}, {"records", found.records}};
            json["broken_records"] = found.broken_records;
        }
        return json;
    }
    json["library"] = found.seen->library;
    json["note"] = found.seen->note;
    json["parts"] = Json::object();
    for (const auto& part : found.seen->parts) {
        json["parts"][part.name] = Json::parse(part.record);
    }
    json["tensors"] = as_json(found.seen->tensors);
    return json;
}

}  // namespace

int main(int argc, char** argv) {
    const examples::Arguments arguments(argc, argv, "FILE [--json]");
    const Findings found = inspect(arguments.value());
    if (arguments.has("--json")) {
        std::cout << as_json(found).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    } else {
        print(found);
    }
    return found.seen ? 0 : 1;
}
