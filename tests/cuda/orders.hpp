// Orders: a kernel's call on the emulated card, its threads and blocks in several orders.
#pragma once

#include "conformance/support.hpp"

namespace kasmina::conformance {

using Float = test::EmulatedCuda<float>;

/// What `call` writes with threads and blocks in an order drawn from `seed`.
template <class Call>
std::vector<Values> in_order(std::uint64_t seed, const Call& call) {
    Float::Context context(seed);
    auto results = results_of<Float>(context, call);
    context.synchronise();
    return results;
}

/// Different orders give the same bits, and what the oracle writes.
template <class Call>
void check_orders(const Call& call) {
    const auto first = in_order(1, call);
    for (const std::uint64_t seed : {2U, 3U, 4U}) {
        INFO("order " << seed);
        CHECK(identical(first, in_order(seed, call)));
    }
    Oracle::Context context;
    const auto expected = results_of<Oracle>(context, call);
    REQUIRE(expected.size() == first.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO("output " << i);
        CHECK(difference(expected[i], first[i]) <= tolerance<float>);
    }
}

}  // namespace kasmina::conformance
