// Plan: what a file is to hold, said before any byte of a tensor is touched.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <kasmina/checkpoint/file/element_type.hpp>
#include <kasmina/checkpoint/file/header.hpp>
#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/file/tensor_entry.hpp>
#include <kasmina/error.hpp>

namespace kasmina::checkpoint::file {

/// Takes bytes in pieces, one behind the other. Large pieces go to the file without a copy.
class ByteSink {
public:
    ByteSink() = default;
    ByteSink(const ByteSink&) = delete;
    ByteSink& operator=(const ByteSink&) = delete;
    virtual ~ByteSink() = default;
    virtual void write(std::span<const std::byte> bytes) = 0;
};

/// A tensor to be written: row-major, little-endian.
struct PlannedTensor {
    std::string name{};
    ElementType type{};
    /// Outermost first; empty for a single element.
    std::vector<std::uint64_t> shape{};
    /// Gives the bytes, exactly as many as type and shape say; called once, when it is the
    /// tensor's turn. What it refers to must live until then.
    std::function<void(ByteSink&)> bytes{};
};

/// A file to be written.
struct Plan {
    Metadata metadata{};
    std::vector<PlannedTensor> tensors{};

    /// Adds a tensor whose bytes lie in memory, which must stay as it is until the file is written.
    void add(std::string name, ElementType type, std::vector<std::uint64_t> shape,
             std::span<const std::byte> bytes) {
        add(std::move(name), type, std::move(shape),
            [bytes](ByteSink& sink) { sink.write(bytes); });
    }

    /// Adds a tensor whose bytes a function gives.
    void add(std::string name, ElementType type, std::vector<std::uint64_t> shape,
             std::function<void(ByteSink&)> bytes) {
        tensors.push_back({std::move(name), type, std::move(shape), std::move(bytes)});
    }
};

namespace detail {

[[noreturn]] KASMINA_COLD inline void throw_plan_error(std::string_view place,
                                                       std::string_view what,
                                                       std::string_view expected,
                                                       std::string_view got) {
    throw CheckpointError(what, place, expected, got, "change what is to be saved");
}

/// A text as JSON. Errors: CheckpointError when it is not UTF-8.
inline void append_json(std::string& text, const std::string& value) {
    try {
        text += nlohmann::json(value).dump();
    } catch (const nlohmann::json::type_error&) {
        throw_plan_error(in_quotes(value), "a text that is not UTF-8", "UTF-8", "other bytes");
    }
}

inline void append_entry(std::string& text, const TensorEntry& entry) {
    if (text.size() > 1) text += ',';
    append_json(text, entry.name);
    text.append(R"(:{"dtype":")").append(name_of(entry.type)).append(R"(","shape":[)");
    for (std::size_t axis = 0; axis < entry.shape.size(); ++axis) {
        if (axis > 0) text += ',';
        text += std::to_string(entry.shape[axis]);
    }
    text += R"(],"data_offsets":[)" + std::to_string(entry.begin) + ',' +
            std::to_string(entry.end) + "]}";
}

inline void append_metadata(std::string& text, const Metadata& metadata) {
    if (metadata.empty()) return;
    text += R"("__metadata__":{)";
    bool first = true;
    for (const auto& [name, value] : metadata) {
        if (!first) text += ',';
        first = false;
        append_json(text, name);
        text += ':';
        append_json(text, value);
    }
    text += '}';
}

/// That a tensor may stand in a file.
inline std::uint64_t checked_bytes_of(const PlannedTensor& tensor) {
    const std::string place = "tensor " + in_quotes(tensor.name);
    if (tensor.name.empty() || tensor.name == "__metadata__") {
        throw_plan_error(place, "a name that the format does not take",
                         "a name other than __metadata__", in_quotes(tensor.name));
    }
    if (tensor.shape.size() > HeaderLimits::rank) {
        throw_plan_error(place, "too many extents", "at most " + std::to_string(HeaderLimits::rank),
                         std::to_string(tensor.shape.size()));
    }
    const auto bytes = bytes_of(tensor.type, tensor.shape);
    if (!bytes) {
        throw_plan_error(place, "a shape whose size overflows", "fewer than 2^63 bytes",
                         to_string(tensor.shape));
    }
    return *bytes;
}

}  // namespace detail

/// A plan in the order of the file, and the file's first bytes.
struct Layout {
    /// Of the plan's tensors, in the order in which their bytes follow each other.
    std::vector<const PlannedTensor*> order{};
    /// Length of the header, header, and spaces up to a multiple of 64.
    std::string begin{};
    /// Of the whole file.
    std::uint64_t bytes = 0;
};

/// Orders tensors as the official writer does (by falling rank of their type, and with it of
/// alignment, then by name), so that the same plan gives the same bytes in whatever order it was
/// made. `plan` must outlive the layout. Errors: CheckpointError naming the tensor, for names that
/// are empty, stand twice or are not UTF-8, sizes that overflow, and a header that is too long.
[[nodiscard]] inline Layout lay_out(const Plan& plan) {
    Layout layout;
    layout.order.reserve(plan.tensors.size());
    for (const PlannedTensor& tensor : plan.tensors) layout.order.push_back(&tensor);
    std::ranges::sort(layout.order, [](const PlannedTensor* a, const PlannedTensor* b) {
        return std::tie(b->type, a->name) < std::tie(a->type, b->name);
    });

    std::string header = "{";
    detail::append_metadata(header, plan.metadata);
    std::vector<std::string_view> names;
    names.reserve(plan.tensors.size());
    std::uint64_t offset = 0;
    for (const PlannedTensor* tensor : layout.order) {
        const std::uint64_t bytes = detail::checked_bytes_of(*tensor);
        constexpr std::uint64_t most = std::uint64_t{1} << 62;
        if (bytes > most || offset > most - bytes) {
            detail::throw_plan_error("tensor " + in_quotes(tensor->name), "a file that is too long",
                                     "at most 2^62 bytes", "more");
        }
        detail::append_entry(header, {.name = tensor->name,
                                      .type = tensor->type,
                                      .shape = tensor->shape,
                                      .begin = offset,
                                      .end = offset + bytes});
        offset += bytes;
        names.push_back(tensor->name);
    }
    header += '}';
    std::ranges::sort(names);
    if (const auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
        detail::throw_plan_error("tensor " + in_quotes(*twice), "a tensor that stands twice",
                                 "every name once", "a second " + in_quotes(*twice));
    }
    // The format asks for a multiple of 8. Where bytes of the file lie as the memory that they come
    // from or go to does (tensors begin at multiples of 64), the system copies them up to twice as
    // fast.
    constexpr std::size_t alignment = 64;
    const std::size_t begin = header_length_bytes + header.size();
    header.append((alignment - begin % alignment) % alignment, ' ');
    if (header.size() > HeaderLimits::bytes) {
        detail::throw_plan_error("header", "a header that is too long",
                                 "at most " + std::to_string(HeaderLimits::bytes) + " bytes",
                                 std::to_string(header.size()) + " bytes");
    }

    for (const std::byte each : header_length_as_bytes(header.size())) {
        layout.begin += static_cast<char>(each);
    }
    layout.begin += header;
    layout.bytes = layout.begin.size() + offset;
    return layout;
}
Layout lay_out(const Plan&&) = delete;

}  // namespace kasmina::checkpoint::file
