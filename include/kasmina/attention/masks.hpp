// Attention masks: which keys a query sees, as predicates on (batch, head, query, key).
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include <kasmina/tensor/index.hpp>

/// \file
/// A mask is any trivially copyable callable
///
///     constexpr bool operator()(Index batch, Index head, Index query, Index key) const
///
/// that says whether a query may look at a key. Positions count from the first key: a query that
/// stands at the end of the keys has the position of the last (AttentionShape::query_offset). It
/// runs wherever the backend computes, so what it points to is the backend's memory. Tiles of it
/// are classified (backend/attention.hpp); two things that it may say make that cheaper:
///
/// - `static constexpr bool depends_on_batch = false`, and `depends_on_head`: one classification
///   then serves all batches, or heads. They are taken to be true where nothing is said.
/// - `operator==`: two masks that are equal let through the same keys, always, and are classified
///   once for all calls. A mask without state is equal to itself. One that reads memory must have
///   no `operator==`, as the memory may change: it is classified with each call.
namespace kasmina {

template <class Mask>
concept AttentionMask =
    std::is_trivially_copyable_v<Mask> &&
    requires(const Mask& mask, Index batch, Index head, Index query, Index key) {
        { mask(batch, head, query, key) } -> std::same_as<bool>;
    };

template <class Mask>
[[nodiscard]] constexpr bool mask_depends_on_batch() noexcept {
    if constexpr (requires { Mask::depends_on_batch; }) {
        return Mask::depends_on_batch;
    } else {
        return true;
    }
}

template <class Mask>
[[nodiscard]] constexpr bool mask_depends_on_head() noexcept {
    if constexpr (requires { Mask::depends_on_head; }) {
        return Mask::depends_on_head;
    } else {
        return true;
    }
}

/// Whether equal masks are the same mask whatever happens between two calls.
template <class Mask>
inline constexpr bool mask_is_a_value = std::is_empty_v<Mask> || std::equality_comparable<Mask>;

namespace masks {

/// Every query sees every key.
struct None {
    static constexpr bool depends_on_batch = false;
    static constexpr bool depends_on_head = false;

    constexpr bool operator()(Index, Index, Index, Index) const noexcept { return true; }
    bool operator==(const None&) const = default;
};

/// A query sees what is not behind it in time: the keys up to its own position.
struct Causal {
    static constexpr bool depends_on_batch = false;
    static constexpr bool depends_on_head = false;

    constexpr bool operator()(Index, Index, Index query, Index key) const noexcept {
        return key <= query;
    }
    bool operator==(const Causal&) const = default;
};

/// A query sees the last `window` keys up to its own position (Beltagy, Peters and Cohan,
/// "Longformer", 2020).
struct Sliding {
    static constexpr bool depends_on_batch = false;
    static constexpr bool depends_on_head = false;

    Index window = 0;

    constexpr bool operator()(Index, Index, Index query, Index key) const noexcept {
        return key <= query && query - key < window;
    }
    bool operator==(const Sliding&) const = default;
};

/// All see the first `length` keys, and beyond them what is not later (Raffel et al., "Exploring
/// the limits of transfer learning", 2020).
struct PrefixLm {
    static constexpr bool depends_on_batch = false;
    static constexpr bool depends_on_head = false;

    Index length = 0;

    constexpr bool operator()(Index, Index, Index query, Index key) const noexcept {
        return key <= query || key < length;
    }
    bool operator==(const PrefixLm&) const = default;
};

/// The same with a prefix of its own for each batch element: `lengths` is the backend's memory, one
/// number for each. See ops::Prefixes for one that keeps that memory.
struct PrefixLmEach {
    static constexpr bool depends_on_head = false;

    const std::int32_t* lengths = nullptr;

    constexpr bool operator()(Index batch, Index, Index query, Index key) const noexcept {
        return key <= query || key < lengths[batch];
    }
};

/// Several documents in one row: a query sees the keys of its own document up to its own position.
/// `documents` (batch, time) is the backend's memory and says which document each position is of.
/// See ops::Documents for one that keeps that memory.
struct Document {
    static constexpr bool depends_on_head = false;

    const std::int32_t* documents = nullptr;
    Index time = 0;

    constexpr bool operator()(Index batch, Index, Index query, Index key) const noexcept {
        const std::int32_t* const row = documents + batch * time;
        return key <= query && row[query] == row[key];
    }
};

}  // namespace masks
}  // namespace kasmina
