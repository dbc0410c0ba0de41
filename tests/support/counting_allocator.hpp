// Counts calls of the global operator new, to prove that a piece of code makes none.
#pragma once

#include <cstddef>

namespace kasmina::test {

/// Number of allocations by operator new in this program so far, from all threads. Link
/// counting_allocator.cpp into the test.
[[nodiscard]] std::size_t allocations() noexcept;

}  // namespace kasmina::test
