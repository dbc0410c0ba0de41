// After the first step attention allocates nothing, whatever its mask.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/autodiff/ops/attention_masks.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/catch.hpp"
#include "support/counting_allocator.hpp"

namespace kasmina::allocation_test {
namespace {

using B = backends::Eigen<float>;

/// Allocations of three steps after the second, forward and backward.
template <class Mask, class Score>
std::size_t allocations_of_later_steps(B::Context& context, const Mask& mask, const Score& score) {
    const Shape shape{2, 70, 24};
    const auto values = testing::normal_values<float>(shape.elements(), 1);
    const auto upstream = Tensor<B>::full(context, {2, 70, 8}, 1.0F);
    Tape<B> tape(context);
    const auto step = [&] {
        tape.clear();
        const auto x = tape.leaf(shape, values);
        tape.backward(ops::attention(x, 2, mask, score), upstream);
    };
    step();
    step();
    const std::size_t before = test::allocations();
    for (int i = 0; i < 3; ++i) step();
    return test::allocations() - before;
}

TEST_CASE("after the first step, attention allocates nothing", "[allocation][attention]") {
    for (const int threads : {1, 2}) {
        CAPTURE(threads);
        B::Context context(threads);
        CHECK(allocations_of_later_steps(context, masks::Causal{}, scores::None{}) == 0);
        CHECK(allocations_of_later_steps(context, masks::Sliding{9}, scores::Alibi{2}) == 0);
        const auto captures = [first = Index{1}](Index, Index, Index query, Index key) {
            return key <= query + first;
        };
        CHECK(allocations_of_later_steps(context, captures, scores::SoftCap{2.0}) == 0);
        const auto ids = Tensor<B, std::int32_t>::full(context, {2, 70}, 3);
        CHECK(allocations_of_later_steps(context, ops::Documents<B>(ids), scores::None{}) == 0);
    }
}

/// What the pool holds for the way back, beside input and output, and the most that it held until
/// the way back was over.
struct Memory {
    std::size_t kept = 0;
    std::size_t peak = 0;
};

Memory memory_of(Index time, int threads) {
    B::Context context(threads);
    const Shape shape{2, time, 24};
    const Parameter<B> x(Tensor<B>::full(context, shape, 0.25F));
    const auto upstream = Tensor<B>::full(context, {2, time, 8}, 1.0F);
    Tape<B> tape(context);
    // Now the mask's tiles and the parameter's gradient are there.
    tape.backward(ops::attention(tape.parameter(x), 2), upstream);
    tape.clear();
    Memory memory;
    context.pool().reset_peak();
    const auto input = tape.parameter(x);
    const std::size_t before = context.pool().statistics().bytes_in_use;
    const auto y = ops::attention(input, 2);
    memory.kept = context.pool().statistics().bytes_in_use - before;
    tape.backward(y, upstream);
    memory.peak = context.pool().statistics().peak_bytes - before;
    return memory;
}

TEST_CASE("attention keeps one number for each query, and never a matrix of queries and keys",
          "[attention][P-4]") {
    for (const int threads : {1, 2}) {
        for (const Index time : {256, 1024}) {
            CAPTURE(threads, time);
            const auto rows = static_cast<std::size_t>(2 * time) * sizeof(float);
            const std::size_t output = 8 * rows;
            const std::size_t sums = 2 * rows;  // of two heads
            const Memory memory = memory_of(time, threads);
            // The pool rounds up by an eighth at most.
            CHECK(memory.kept <= (output + sums) * 9 / 8 + 1024);
            CHECK(memory.kept >= output + sums);
            // And tiles that do not grow.
            CHECK(memory.peak <= memory.kept + static_cast<std::size_t>(threads) * (1U << 19U));
        }
    }
}

/// One more key with each call, as of a model that generates.
TEST_CASE("a growing cache of keys allocates nothing", "[allocation][attention]") {
    B::Context context;
    Tape<B> tape(context, Recording::none);
    std::vector<Tensor<B>> keys;
    for (Index count = 1; count <= 200; ++count) {
        keys.push_back(Tensor<B>::full(context, {1, count, 8}, 0.5F));
    }
    const auto query = Tensor<B>::full(context, {1, 1, 8}, 0.5F);
    const auto call = [&](const Tensor<B>& kv) {
        tape.clear();
        const auto k = tape.constant(kv);
        static_cast<void>(ops::attention(tape.constant(query), k, k, 2));
    };
    call(keys[0]);
    const std::size_t before = test::allocations();
    for (const Tensor<B>& kv : keys) call(kv);
    CHECK(test::allocations() - before == 0);
    CHECK(context.mask_tiles().size() == 0);
}

}  // namespace
}  // namespace kasmina::allocation_test
