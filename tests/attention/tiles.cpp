// Tiles of a mask: classified once for a mask that is a value; empty ones are not touched.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/autodiff/ops/attention_masks.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::tiles_test {
namespace {

static_assert(AttentionMask<masks::None> && mask_is_a_value<masks::None>);
static_assert(AttentionMask<masks::Sliding> && mask_is_a_value<masks::Sliding>);
static_assert(AttentionMask<masks::Document> && !mask_is_a_value<masks::Document>);
static_assert(!mask_is_a_value<masks::PrefixLmEach>);
static_assert(masks::Causal{}(0, 0, 3, 3) && !masks::Causal{}(0, 0, 3, 4));
static_assert(masks::Sliding{2}(0, 0, 3, 2) && !masks::Sliding{2}(0, 0, 3, 1));
static_assert(!masks::Sliding{2}(0, 0, 3, 4));
static_assert(masks::PrefixLm{5}(0, 0, 3, 4) && !masks::PrefixLm{5}(0, 0, 3, 5));

template <class B>
Variable<B> input(Tape<B>& tape, const Shape& shape) {
    using Scalar = typename B::Scalar;
    return tape.leaf(shape, testing::normal_values<Scalar>(shape.elements(), 1));
}

TEST_CASE("a mask that is a value is classified once for each length", "[attention]") {
    using B = test::Device64;
    B::Context context;
    Tape<B> tape(context);
    const auto run = [&](Index time, const auto& mask) {
        tape.clear();
        const auto y = ops::attention(input(tape, {2, time, 6}), 2, mask);
        const auto launches = context.launches();
        static_cast<void>(y);
        return launches;
    };
    const auto waits_of = [&](Index time, const auto& mask) {
        const auto before = context.waits();
        run(time, mask);
        return context.waits() - before;
    };
    CHECK(waits_of(9, masks::Causal{}) == 1);
    CHECK(waits_of(9, masks::Causal{}) == 0);
    CHECK(waits_of(10, masks::Causal{}) == 1);
    CHECK(waits_of(9, masks::Sliding{3}) == 1);
    CHECK(waits_of(9, masks::Sliding{3}) == 0);
    CHECK(waits_of(9, masks::Sliding{4}) == 1);
    CHECK(waits_of(9, masks::None{}) == 1);
    CHECK(waits_of(9, masks::Causal{}) == 0);
    CHECK(context.mask_tiles().size() == 5);

    // Two functions of one signature in one function are two masks.
    const auto first = [](Index, Index, Index query, Index key) { return key <= query; };
    const auto second = [](Index, Index, Index query, Index key) { return key <= query + 1; };
    CHECK(waits_of(9, first) == 1);
    CHECK(waits_of(9, second) == 1);
    CHECK(waits_of(9, first) == 0);
    // What it holds is not known, and so neither whether it is what it was.
    Index window = 3;
    const auto captures = [window](Index, Index, Index query, Index key) {
        return key <= query && query - key < window;
    };
    CHECK(waits_of(9, captures) == 1);
    CHECK(waits_of(9, captures) == 1);
    CHECK(context.mask_tiles().size() == 7);
}

TEST_CASE("few queries are no reason to classify", "[attention]") {
    using B = test::Device64;
    B::Context context;
    Tape<B> tape(context);
    for (Index keys = 1; keys < 20; ++keys) {
        tape.clear();
        const auto kv = input(tape, {1, keys, 6});
        static_cast<void>(ops::attention(input(tape, {1, 1, 6}), kv, kv, 2));
    }
    CHECK(context.waits() == 0);
    CHECK(context.mask_tiles().size() == 0);
}

TEST_CASE("a context has room for a limited number of masks", "[attention]") {
    using B = test::Eigen64;
    B::Context context;
    Tape<B> tape(context, Recording::none);
    const auto run = [&](Index time, Index window) {
        tape.clear();
        return ops::attention(input(tape, {1, time, 6}), 1, masks::Sliding{window}).to_host();
    };
    const auto expected = run(8, 200);
    for (Index window = 1; window <= 80; ++window) run(8, window);
    CHECK(context.mask_tiles().size() == MaskTileCache::most);
    CHECK(run(8, 300) == expected);
}

/// What a mask reads from memory may be something else with the next call.
TEST_CASE("ids that change are looked at again", "[attention]") {
    using B = test::Eigen64;
    B::Context context;
    Tape<B> tape(context);
    auto ids = Tensor<B, std::int32_t>::from_host(context, {1, 6},
                                                  std::vector<std::int32_t>{0, 0, 0, 1, 1, 1});
    const auto run = [&] {
        tape.clear();
        return ops::attention(input(tape, {1, 6, 6}), 1, ops::Documents<B>(ids)).to_host();
    };
    const auto causal = [&] {
        tape.clear();
        return ops::attention(input(tape, {1, 6, 6}), 1).to_host();
    }();
    CHECK(run() != causal);
    ids.assign(context, std::vector<std::int32_t>(6, 7));
    CHECK(run() == causal);
}

/// Keeps no key of the second tile.
struct WithoutSecondTile {
    constexpr bool operator()(Index, Index, Index query, Index key) const {
        return key <= query && (key < 64 || key >= 128);
    }
};

TEST_CASE("empty tiles are not read, and their keys get a gradient of 0", "[attention]") {
    using B = test::Eigen32;
    const Shape shape{1, 192, 8};
    const auto run = [&](float hidden) {
        B::Context context;
        Tape<B> tape(context);
        auto keys = testing::normal_values<float>(shape.elements(), 2);
        for (Index i = 64 * 8; i < 128 * 8; ++i) keys[static_cast<std::size_t>(i)] = hidden;
        const auto q = input(tape, shape);
        const auto k = tape.leaf(shape, keys);
        const auto v = tape.leaf(shape, keys);
        const auto y = ops::attention(q, k, v, 2, WithoutSecondTile{});
        const auto output = y.to_host();
        tape.backward(y, testing::normal_values<float>(shape.elements(), 3));
        return std::vector{output, tape.gradient(q), tape.gradient(k), tape.gradient(v)};
    };
    const auto expected = run(0.0F);
    CHECK(run(std::numeric_limits<float>::quiet_NaN()) == expected);
    for (const auto& gradient : {expected[2], expected[3]}) {
        for (std::size_t i = 64 * 8; i < 128 * 8; ++i) REQUIRE(gradient[i] == 0.0F);
    }
}

}  // namespace
}  // namespace kasmina::tiles_test
