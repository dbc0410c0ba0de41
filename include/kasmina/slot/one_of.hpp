// OneOf: a value of one of several types, and no more of std::variant than a slot's stages need.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <kasmina/code_size.hpp>

namespace kasmina::slot_detail {

/// Holds one value, never none, of one of the types `Ts`, which are different and whose moves
/// cannot fail. A std::variant of nine stages takes the compiler more than all that is done with
/// them: unions within unions, and a table of functions for each copy, move and end.
template <class... Ts>
class OneOf {
    static_assert((std::is_nothrow_move_constructible_v<Ts> && ...), "it is never empty");

public:
    template <class T>
        requires(std::same_as<T, Ts> || ...)
    OneOf(T value) noexcept : index_(index_of<T>()) {
        ::new (static_cast<void*>(bytes_)) T(std::move(value));
    }

    KASMINA_RARE OneOf(OneOf&& other) noexcept : index_(other.index_) { move_from(other); }
    KASMINA_RARE OneOf& operator=(OneOf&& other) noexcept {
        if (this == &other) return *this;
        end();
        index_ = other.index_;
        move_from(other);
        return *this;
    }
    KASMINA_RARE ~OneOf() { end(); }

    /// Ends the value that is held, for this one.
    template <class T>
    void emplace(T value) noexcept {
        end();
        index_ = index_of<T>();
        ::new (static_cast<void*>(bytes_)) T(std::move(value));
    }

    /// The place of the held value's type among `Ts`.
    [[nodiscard]] std::size_t index() const noexcept { return index_; }

    template <class T>
    [[nodiscard]] bool holds() const noexcept {
        return index_ == index_of<T>();
    }

    /// The held value; null where it is of another type.
    template <class T>
    [[nodiscard]] T* get_if() noexcept {
        return holds<T>() ? std::launder(reinterpret_cast<T*>(bytes_)) : nullptr;
    }
    template <class T>
    [[nodiscard]] const T* get_if() const noexcept {
        return holds<T>() ? std::launder(reinterpret_cast<const T*>(bytes_)) : nullptr;
    }

private:
    template <class T>
    [[nodiscard]] static consteval std::size_t index_of() {
        constexpr bool is_it[] = {std::same_as<T, Ts>...};
        std::size_t index = 0;
        while (!is_it[index]) ++index;
        return index;
    }

    /// Of the same type as `other`'s, where nothing is held.
    void move_from(OneOf& other) noexcept {
        static_cast<void>(((holds<Ts>() && (::new (static_cast<void*>(bytes_))
                                                Ts(std::move(*other.template get_if<Ts>())),
                                            true)) ||
                           ...));
    }

    void end() noexcept {
        static_cast<void>(((holds<Ts>() && (std::destroy_at(get_if<Ts>()), true)) || ...));
    }

    std::size_t index_;
    alignas(Ts...) std::byte bytes_[std::max({sizeof(Ts)...})];
};

}  // namespace kasmina::slot_detail
