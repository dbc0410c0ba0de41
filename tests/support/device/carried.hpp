// A kernel's arguments, copied for later: pointers translated, what spans show taken along.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/pfr/core.hpp>

#include <kasmina/backend/geometry.hpp>

#include "support/device/memory.hpp"

namespace kasmina::test {

/// What carried spans point into; lives as long as the queued work.
using Luggage = std::vector<std::shared_ptr<const void>>;

namespace detail {

template <class V>
inline constexpr bool is_span = false;
template <class V>
inline constexpr bool is_span<std::span<V>> = true;

template <class V>
inline constexpr bool is_array = false;
template <class V, std::size_t N>
inline constexpr bool is_array<std::array<V, N>> = true;

template <class V>
inline constexpr bool is_optional = false;
template <class V>
inline constexpr bool is_optional<std::optional<V>> = true;

}  // namespace detail

/// The copy of `value` that a queued kernel gets. Numbers are copied; pointers are the device's and
/// are translated to where the bytes are; spans show host memory, which is copied into `luggage`;
/// aggregates are carried member by member. Errors: DeviceError for a pointer that is not the
/// device's.
template <class V>
[[nodiscard]] V carried(const V& value, Luggage& luggage) {
    if constexpr (std::is_arithmetic_v<V> || std::is_enum_v<V> || std::is_same_v<V, OutputExtent>) {
        return value;
    } else if constexpr (std::is_pointer_v<V>) {
        return DeviceMemory::instance().on_host(value);
    } else if constexpr (detail::is_span<V>) {
        using Element = std::remove_const_t<typename V::element_type>;
        static_assert(std::is_const_v<typename V::element_type>,
                      "a kernel that runs later cannot write into the host's span; give it a "
                      "pointer to the device's memory");
        auto copy = std::make_shared<std::vector<Element>>();
        copy->reserve(value.size());
        for (const Element& element : value) copy->push_back(carried(element, luggage));
        const V span(*copy);
        luggage.push_back(std::move(copy));
        return span;
    } else if constexpr (detail::is_array<V>) {
        V copy = value;
        for (auto& element : copy) element = carried(element, luggage);
        return copy;
    } else if constexpr (detail::is_optional<V>) {
        return value ? V(carried(*value, luggage)) : V();
    } else {
        static_assert(std::is_aggregate_v<V>, "arguments are plain structs");
        V copy = value;
        boost::pfr::for_each_field(copy, [&](auto& member) { member = carried(member, luggage); });
        return copy;
    }
}

}  // namespace kasmina::test
