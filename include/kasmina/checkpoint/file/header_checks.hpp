// Checks of a header that was read: that its tensors fit each other and the file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/file/element_type.hpp>
#include <kasmina/checkpoint/file/header.hpp>
#include <kasmina/checkpoint/file/header_error.hpp>
#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/file/tensor_entry.hpp>

namespace kasmina::checkpoint::file::detail {

/// Sorts the tensors by name; none may have another's. Where each goes is found first, since a
/// tensor is larger than its place.
inline void sort_by_name(Header& header, std::string_view source) {
    if (!std::ranges::is_sorted(header.tensors, {}, &TensorEntry::name)) {
        std::vector<TensorEntry*> order;
        order.reserve(header.tensors.size());
        for (TensorEntry& tensor : header.tensors) order.push_back(&tensor);
        std::ranges::sort(
            order, [](const TensorEntry* a, const TensorEntry* b) { return a->name < b->name; });
        std::vector<TensorEntry> sorted;
        sorted.reserve(order.size());
        for (TensorEntry* tensor : order) sorted.push_back(std::move(*tensor));
        header.tensors = std::move(sorted);
    }
    const auto twice = std::ranges::adjacent_find(header.tensors, {}, &TensorEntry::name);
    if (twice != header.tensors.end()) {
        throw_header_error(source, in_words(*twice), "a tensor that stands twice",
                           "every name once", "a second " + in_quotes(twice->name));
    }
}

/// That a tensor's own numbers fit each other and the file.
inline void check_tensor(const TensorEntry& tensor, std::uint64_t data_bytes,
                         const HeaderRules& rules, std::string_view source) {
    const auto fail = [&](std::string_view what, const std::string& expected,
                          const std::string& got) {
        throw_header_error(source, in_words(tensor), what, expected, got);
    };
    const std::optional<std::uint64_t> bytes = bytes_of(tensor.type, tensor.shape);
    if (!bytes) {
        fail("a shape whose size overflows", "fewer than 2^63 bytes", to_string(tensor.shape));
    }
    if (tensor.begin > tensor.end) {
        fail("offsets in the wrong order", "a begin up to the end, " + std::to_string(tensor.end),
             std::to_string(tensor.begin));
    }
    if (tensor.end > data_bytes) {
        fail("a tensor that ends behind the file",
             "an end of at most " + std::to_string(data_bytes), std::to_string(tensor.end));
    }
    if (tensor.bytes() != *bytes) {
        fail("offsets that do not fit the shape",
             std::to_string(*bytes) + " bytes for " + std::string(name_of(tensor.type)) + " " +
                 to_string(tensor.shape),
             std::to_string(tensor.bytes()) + " bytes");
    }
    if (rules.aligned && tensor.begin % bytes_of(tensor.type) != 0) {
        fail("a tensor that is not aligned",
             "a begin at a multiple of " + std::to_string(bytes_of(tensor.type)),
             std::to_string(tensor.begin));
    }
}

/// That the tensors lie one behind the other and fill the file.
inline void check_cover(const Header& header, std::uint64_t data_bytes, std::string_view source) {
    std::vector<const TensorEntry*> by_place;
    by_place.reserve(header.tensors.size());
    for (const TensorEntry& tensor : header.tensors) by_place.push_back(&tensor);
    std::ranges::sort(by_place, [](const TensorEntry* a, const TensorEntry* b) {
        return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
    });
    std::uint64_t covered = 0;
    const TensorEntry* before = nullptr;
    for (const TensorEntry* tensor : by_place) {
        if (tensor->begin < covered) {
            throw_header_error(source, in_words(*tensor), "two tensors that overlap",
                               "a begin of at least " + std::to_string(covered) + ", the end of " +
                                   in_quotes(before->name),
                               std::to_string(tensor->begin));
        }
        if (tensor->begin > covered) {
            throw_header_error(source, in_words(*tensor), "bytes that belong to no tensor",
                               "a begin of " + std::to_string(covered),
                               std::to_string(tensor->begin));
        }
        covered = tensor->end;
        before = tensor;
    }
    if (covered != data_bytes) {
        throw_header_error(source, "end of the file", "bytes behind the last tensor",
                           std::to_string(covered) + " bytes of tensors",
                           std::to_string(data_bytes) + " bytes");
    }
}

}  // namespace kasmina::checkpoint::file::detail
