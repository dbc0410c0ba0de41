// Counts calls of the global operators new and delete, to prove that a piece of code makes none, or
// leaves nothing behind.
#pragma once

#include <cstddef>

namespace kasmina::test {

/// Number of allocations by operator new in this program so far, from all threads. Link
/// counting_allocator.cpp into the test.
[[nodiscard]] std::size_t allocations() noexcept;

/// Number of those that have not been freed.
[[nodiscard]] std::size_t live_allocations() noexcept;

/// Bytes of all those allocations together, freed or not.
[[nodiscard]] std::size_t allocated_bytes() noexcept;

/// The most bytes that were there at once since `forget_most_bytes`, in sizes of the allocator's.
[[nodiscard]] std::size_t most_bytes() noexcept;

/// From now on the most are those that are there now, which it returns.
std::size_t forget_most_bytes() noexcept;

}  // namespace kasmina::test
