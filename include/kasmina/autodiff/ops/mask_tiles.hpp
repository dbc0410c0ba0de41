// Tiles of a mask: classified once for a mask that is a value, before any kernel looks at them.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <kasmina/attention/masks.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/attention.hpp>
#include <kasmina/error.hpp>

namespace kasmina::ops::detail {

/// Where the kinds are, and the memory of those that the context does not keep.
template <class B>
struct ClassifiedMask {
    MaskTiles tiles{};
    typename B::template Buffer<std::int32_t> owned{};
};

[[noreturn]] KASMINA_COLD inline void throw_blind_query(const AttentionShape& planes, Index place) {
    const Index query = place % planes.queries;
    const Index plane = place / planes.queries;
    throw OptionError(
        "the mask leaves a query nothing to see", "ops::attention", "a key or more for each query",
        "none of " + std::to_string(planes.keys) + " keys for batch " +
            std::to_string(plane / planes.heads) + ", head " +
            std::to_string(plane % planes.heads) + ", query " + std::to_string(query) +
            ", which stands at position " + std::to_string(query + planes.query_offset),
        "let each query see at least itself; see query_offset where there are more "
        "keys than queries, or fewer");
}

/// The planes that have to be looked at. Errors: ShapeError when their queries cannot be counted.
template <class Mask>
[[nodiscard]] AttentionShape planes_of(const AttentionShape& shape) {
    AttentionShape planes = shape;
    if (!mask_depends_on_batch<Mask>()) planes.batch = 1;
    if (!mask_depends_on_head<Mask>()) planes.heads = 1;
    constexpr Index most = std::numeric_limits<std::int32_t>::max();
    if (planes.batch * planes.heads > most / planes.queries) {
        throw ShapeError("a mask has too many queries", "ops::attention",
                         "batch * heads * queries below 2^31",
                         std::to_string(planes.batch) + " * " + std::to_string(planes.heads) +
                             " * " + std::to_string(planes.queries),
                         "use a smaller batch, or a mask that does not depend on it");
    }
    return planes;
}

/// Errors: OptionError for the first query without a key. For few queries, and for those behind a
/// cache: there is no map then, as it would be another with each call.
template <class Mask>
void check_on_host(const Mask& mask, const AttentionShape& planes) {
    for (Index place = 0; place < planes.batch * planes.heads * planes.queries; ++place) {
        const Index plane = place / planes.queries;
        const Index position = place % planes.queries + planes.query_offset;
        bool sees = false;
        for (Index key = 0; key < planes.keys && !sees; ++key) {
            sees = mask(plane / planes.heads, plane % planes.heads, position, key);
        }
        if (!sees) throw_blind_query(planes, place);
    }
}

/// Up to so many queries are asked for on the host.
inline constexpr Index few_queries = 4;

/// Whether as many queries and keys will come again.
enum class Lengths : std::uint8_t { lasting, passing };

/// The tiles of a mask for `shape`; of a value none where the lengths are passing. Waits where they
/// are classified: once for a mask that is a value, with each call for another. Errors: OptionError
/// naming the first query that sees no key.
template <AttentionBackend B, AttentionMask Mask>
[[nodiscard]] ClassifiedMask<B> classified(Tape<B>& tape, const Mask& mask,
                                           const AttentionShape& shape,
                                           Lengths lengths = Lengths::lasting) {
    const AttentionShape planes = planes_of<Mask>(shape);
    ClassifiedMask<B> result;
    if constexpr (mask_is_a_value<Mask>) {
        if (planes.queries <= few_queries || lengths == Lengths::passing) {
            check_on_host(mask, planes);
            return result;
        }
    }
    const Index tiles = planes.query_tiles() * planes.key_tiles();
    result.tiles.head_stride = planes.heads > 1 ? tiles : 0;
    result.tiles.batch_stride = planes.batch > 1 ? planes.heads * tiles : 0;
    const Index kinds = planes.batch * planes.heads * tiles;
    const auto classify = [&](auto buffer) {
        const ClassifyMask call{
            .shape = planes, .kinds = buffer.data(), .blind = buffer.data() + kinds};
        B::classify_mask(tape.context(), mask, call);
        const std::int32_t blind =
            B::template read<std::int32_t>(tape.context(), call.blind, 1).get()[0];
        if (blind != no_blind_query) throw_blind_query(planes, blind);
        return buffer;
    };
    if constexpr (mask_is_a_value<Mask>) {
        MaskTileCache& cache = tape.context().mask_tiles();
        const MaskTileKey key(
            mask, {planes.batch, planes.heads, planes.queries, planes.keys, planes.query_offset});
        result.tiles.kinds = cache.find(key);
        if (result.tiles.kinds != nullptr) return result;
        if (!cache.is_full()) {
            cache.keep(key,
                       classify(B::template persistent<std::int32_t>(tape.context(), kinds + 1)));
            result.tiles.kinds = cache.find(key);
            return result;
        }
    }
    result.owned = classify(tape.template acquire<std::int32_t>(kinds + 1));
    result.tiles.kinds = result.owned.data();
    return result;
}

}  // namespace kasmina::ops::detail
