// A kernel's arguments, copied for later: pointers translated, what spans show taken along.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/pfr/core.hpp>

#include <kasmina/backend/convolution.hpp>
#include <kasmina/backend/pooling.hpp>

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

/// Numbers alone.
template <class V>
concept Shape = std::same_as<V, ConvShape> || std::same_as<V, PoolShape>;

/// Arguments that begin with such a shape. It has no default, and then Boost.PFR counts members by
/// trying all numbers that the struct's size allows: minutes of a compiler's time.
template <class V>
concept OfShape =
    requires(const V value) { requires Shape<std::remove_cvref_t<decltype(value.shape)>>; };

}  // namespace detail

/// The copy of `value` that a queued kernel gets. Numbers are copied; pointers are the device's and
/// are translated to where the bytes are; spans show host memory, which is copied into `luggage`;
/// aggregates are carried member by member. Errors: DeviceError for a pointer that is not the
/// device's.
template <class V>
[[nodiscard]] V carried(const V& value, Luggage& luggage) {
    if constexpr (std::is_arithmetic_v<V> || std::is_enum_v<V> || detail::Shape<V>) {
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
        const auto carry = [&](auto&... members) { ((members = carried(members, luggage)), ...); };
        if constexpr (!detail::OfShape<V>) {
            boost::pfr::for_each_field(copy, carry);
        } else if constexpr (requires { V{value.shape, {}, {}, {}}; }) {
            auto& [shape, first, second, third] = copy;
            carry(shape, first, second, third);
        } else {
            auto& [shape, first, second] = copy;
            carry(shape, first, second);
        }
        return copy;
    }
}

}  // namespace kasmina::test
