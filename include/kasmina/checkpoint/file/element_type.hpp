// ElementType: the kinds of elements that a safetensors file holds, by name and size.
#pragma once

#include <kasmina/comma_list.hpp>
#include <kasmina/requirements.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kasmina::checkpoint::file {

/// Kinds of elements, in the order in which the format's own writer ranks them: files hold the
/// tensors of the last kind first, so that every tensor lies at a multiple of its element's size.
enum class ElementType : std::uint8_t {
    boolean,
    u8,
    i8,
    i16,
    u16,
    f16,
    bf16,
    i32,
    u32,
    f32,
    f64,
    i64,
    u64,
};

namespace detail {

struct NamedElementType {
    std::string_view name;
    std::size_t bytes;
};

/// By ElementType.
inline constexpr std::array<NamedElementType, 13> element_types{{{"BOOL", 1},
                                                                 {"U8", 1},
                                                                 {"I8", 1},
                                                                 {"I16", 2},
                                                                 {"U16", 2},
                                                                 {"F16", 2},
                                                                 {"BF16", 2},
                                                                 {"I32", 4},
                                                                 {"U32", 4},
                                                                 {"F32", 4},
                                                                 {"F64", 8},
                                                                 {"I64", 8},
                                                                 {"U64", 8}}};

}  // namespace detail

/// The name in the file: "F32".
[[nodiscard]] constexpr std::string_view name_of(ElementType type) noexcept {
    return detail::element_types[static_cast<std::size_t>(type)].name;
}

/// Bytes of one element.
[[nodiscard]] constexpr std::size_t bytes_of(ElementType type) noexcept {
    return detail::element_types[static_cast<std::size_t>(type)].bytes;
}

/// The kind with this name in the file; none where there is none.
[[nodiscard]] constexpr std::optional<ElementType> element_type_named(std::string_view name) {
    for (std::size_t i = 0; i < detail::element_types.size(); ++i) {
        if (detail::element_types[i].name == name) return static_cast<ElementType>(i);
    }
    return std::nullopt;
}

/// "BOOL, U8, ...", for messages.
[[nodiscard]] inline std::string element_type_names() {
    std::string list;
    for (const auto& type : detail::element_types) append_to_list(list, type.name);
    return list;
}

}  // namespace kasmina::checkpoint::file
