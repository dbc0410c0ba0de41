// Storage: the capability that every backend has, memory and its ways to and from the host.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include <kasmina/tensor/index.hpp>

/// \file
/// A backend is a struct of types and static functions. Pointers that these take are the backend's
/// own memory unless they say host: nobody else may look behind them. `Context` owns what a thread
/// of work needs (threads, a memory pool, a stream) and is passed to every call. Work is ordered on
/// it and may be done later: a call returns when it is ordered. What the host wants to know it asks
/// for with `read`, which is ordered like everything else and waits only in `get()`. Memory may be
/// given back while work on it is still to be done: that, too, is ordered.
namespace kasmina {

namespace detail {

/// Memory for elements of type T, and what is done with it.
template <class B, class T>
concept StoresElements =
    requires(typename B::Context& context, typename B::template Buffer<T> buffer, T* to,
             const T* from, T value, Index count, typename B::template Reading<T> reading) {
        requires std::movable<typename B::template Buffer<T>>;
        requires std::movable<typename B::template Reading<T>>;
        { buffer.data() } -> std::same_as<T*>;
        { buffer.size() } -> std::convertible_to<Index>;
        // From the context's pool, uninitialised; goes back there at the end of its life.
        { B::template acquire<T>(context, count) } -> std::same_as<typename B::template Buffer<T>>;
        // The same outside any pool: it may outlive the context.
        {
            B::template persistent<T>(context, count)
        } -> std::same_as<typename B::template Buffer<T>>;
        // `from` is host memory, which may be overwritten when the call returns.
        B::upload(context, from, to, count);
        B::copy(context, from, to, count);
        B::fill(context, to, count, value);
        // A copy to the host under way. `get()` waits for it, at most once; the values live as
        // long as the reading.
        {
            B::template read<T>(context, from, count)
        } -> std::same_as<typename B::template Reading<T>>;
        { reading.get() } -> std::convertible_to<std::span<const T>>;
    };

}  // namespace detail

/// Memory for the backend's own scalar, for doubles (sums that must be exact) and for integers
/// (labels, token ids, counters); sums of scalars; and a wait for all that was ordered.
template <class B>
concept StorageBackend =
    std::floating_point<typename B::Scalar> && detail::StoresElements<B, typename B::Scalar> &&
    detail::StoresElements<B, double> && detail::StoresElements<B, std::int32_t> &&
    detail::StoresElements<B, std::int64_t> &&
    requires(typename B::Context& context, const typename B::Scalar* from, typename B::Scalar* to,
             Index count) {
        B::add(context, from, to, count);  // to += from
        B::synchronise(context);
    };

}  // namespace kasmina
