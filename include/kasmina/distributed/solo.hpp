// The communicator concept, and the communicator of a process that is alone.
#pragma once

#include <kasmina/requirements.hpp>

#include <concepts>

namespace kasmina {

/// How ranks agree (spec D-2). `decide` returns rank 0's verdict on every rank.
template <class C>
concept Communicator = std::movable<C> && requires(C communicator, bool verdict) {
    { communicator.rank() } -> std::convertible_to<int>;
    { communicator.size() } -> std::convertible_to<int>;
    { communicator.decide(verdict) } -> std::same_as<bool>;
};

/// One rank: every verdict is its own, and no code is generated for agreeing.
struct Solo {
    [[nodiscard]] static constexpr int rank() noexcept { return 0; }
    [[nodiscard]] static constexpr int size() noexcept { return 1; }
    [[nodiscard]] static constexpr bool decide(bool verdict) noexcept { return verdict; }
};

static_assert(Communicator<Solo>);

}  // namespace kasmina
