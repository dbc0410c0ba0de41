// MaskTileCache: the tiles of masks that were classified before, one cache for each context.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/code_size.hpp>
#include <kasmina/tensor/index.hpp>

namespace kasmina {

/// What tiles were classified for: a mask by its type and value, and the extents of the planes.
/// Masks are compared by a function that the key brings along, so that this is no template.
class MaskTileKey {
public:
    static constexpr std::size_t most_bytes = 64;

    template <class Mask>
    MaskTileKey(const Mask& mask, const std::array<Index, 5>& extents)
        : type_(&type_of<Mask>), equal_(&equal<Mask>), extents_(extents) {
        static_assert(std::is_trivially_copyable_v<Mask> && sizeof(Mask) <= most_bytes,
                      "a mask is a few plain numbers, so that any backend can take it along");
        std::memcpy(mask_.data(), &mask, sizeof(Mask));
    }

    [[nodiscard]] bool operator==(const MaskTileKey& other) const {
        return type_ == other.type_ && extents_ == other.extents_ &&
               equal_(mask_.data(), other.mask_.data());
    }

private:
    /// Its address is the type's name.
    template <class Mask>
    static constexpr char type_of = 0;

    template <class Mask>
    [[nodiscard]] static bool equal([[maybe_unused]] const void* a,
                                    [[maybe_unused]] const void* b) {
        if constexpr (std::is_empty_v<Mask>) {
            return true;
        } else {
            return *static_cast<const Mask*>(a) == *static_cast<const Mask*>(b);
        }
    }

    const void* type_;
    bool (*equal_)(const void*, const void*);
    std::array<Index, 5> extents_;
    alignas(std::max_align_t) std::array<std::byte, most_bytes> mask_{};
};

/// A member of a context. What is in it stays where it is until the context ends, so that work that
/// was recorded finds it again; there is room for a limited number, and what comes later is
/// classified with each call.
class MaskTileCache {
public:
    static constexpr std::size_t most = 64;

    /// Null where it was not put in.
    [[nodiscard]] const std::int32_t* find(const MaskTileKey& key) const {
        for (const Entry& entry : entries_) {
            if (entry.key == key) return entry.kinds;
        }
        return nullptr;
    }

    [[nodiscard]] bool is_full() const noexcept { return entries_.size() >= most; }

    /// Keeps a buffer of the backend's, which holds the kinds of that mask's tiles.
    template <class Buffer>
    void keep(const MaskTileKey& key, Buffer buffer) {
        auto held = std::make_shared<Buffer>(std::move(buffer));
        const std::int32_t* const kinds = held->data();
        entries_.push_back({key, std::move(held), kinds});
    }

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
    struct Entry {
        MaskTileKey key;
        std::shared_ptr<const void> buffer;
        const std::int32_t* kinds;
    };

    std::vector<Entry> entries_;
};

}  // namespace kasmina
