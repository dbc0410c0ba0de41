// What attention asks of its inputs, and what it says where it does not get it.
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/autodiff/ops/attention_masks.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::operation_test {
namespace {

using B = test::Eigen64;
using test::mentions;

/// The error of attention over a variable of that shape.
template <class Expected, class... Arguments>
std::string error_of(const Shape& shape, const Arguments&... arguments) {
    B::Context context;
    Tape<B> tape(context);
    const auto x = tape.leaf(shape, testing::normal_values<double>(shape.elements(), 1));
    return test::error_text<Expected>([&] { static_cast<void>(ops::attention(x, arguments...)); });
}

TEST_CASE("a query that sees no key is named", "[attention][E-2]") {
    const auto blind = [](Index batch, Index head, Index query, Index key) {
        return key <= query && !(batch == 1 && head == 2 && query == 70);
    };
    const std::string text = error_of<OptionError>({2, 80, 18}, 3, blind);
    CHECK(mentions(text, "batch 1, head 2, query 70"));
    CHECK(mentions(text, "none of 80 keys"));

    CHECK(mentions(error_of<OptionError>({1, 3, 6}, 1, masks::Sliding{0}), "query 0"));
    CHECK(mentions(error_of<OptionError>({1, 9, 6}, 1, masks::Sliding{0}), "query 0"));
}

TEMPLATE_TEST_CASE("queries beyond the keys are blind under a causal mask", "[attention]",
                   test::Eigen64, test::Device64) {
    typename TestType::Context context;
    Tape<TestType> tape(context);
    const auto leaf = [&](const Shape& shape) {
        return tape.leaf(shape, testing::normal_values<double>(shape.elements(), 1));
    };
    const auto q = leaf({1, 7, 4});
    const auto kv = leaf({1, 5, 4});
    CHECK(mentions(
        test::error_text<OptionError>([&] { static_cast<void>(ops::attention(q, kv, kv, 2)); }),
        "query 0, which stands at position -2"));
    // Where the first query stands can be said.
    const auto y =
        ops::attention(q, kv, kv, 2, masks::Causal{}, scores::None{}, {.query_offset = 0});
    CHECK(y.shape() == Shape{1, 7, 4});
}

TEST_CASE("heads that do not divide and shapes that do not fit are errors", "[attention][E-2]") {
    CHECK(mentions(error_of<OptionError>({1, 4, 30}, 3), "a divisor of 10"));
    CHECK(mentions(error_of<OptionError>({1, 4, 30}, 0), "the heads do not divide the width"));
    CHECK(mentions(error_of<ShapeError>({1, 4, 10}, 2), "3 * width"));
    CHECK(mentions(error_of<ShapeError>({4, 12}, 2), "3 * width"));
    CHECK(mentions(error_of<ShapeError>({1, 0, 12}, 2), "extents of 1 or more"));

    B::Context context;
    Tape<B> tape(context);
    const auto leaf = [&](const Shape& shape) {
        return tape.leaf(shape, testing::normal_values<double>(shape.elements(), 1));
    };
    const auto error = [&](const Shape& q, const Shape& k, const Shape& v) {
        return test::error_text<ShapeError>(
            [&] { static_cast<void>(ops::attention(leaf(q), leaf(k), leaf(v), 2)); });
    };
    CHECK(mentions(error({1, 2, 4}, {2, 2, 4}, {2, 2, 4}), "the queries' batch"));
    CHECK(mentions(error({1, 2, 4}, {1, 2, 6}, {1, 2, 6}), "the queries' batch and width"));
    CHECK(mentions(error({1, 2, 4}, {1, 2, 4}, {1, 3, 4}), "v has the wrong shape"));
    CHECK(mentions(error({1, 2, 4}, {1, 0, 4}, {1, 0, 4}), "extents of 1 or more"));
}

TEST_CASE("ids and lengths that do not fit are errors", "[attention][E-2]") {
    B::Context context;
    const auto integers = [&](const Shape& shape) {
        return Tensor<B, std::int32_t>::full(context, shape, 0);
    };
    const Shape qkv{2, 6, 6};
    CHECK(mentions(error_of<ShapeError>(qkv, 1, ops::Documents<B>(integers({2, 5}))),
                   "ids of documents"));
    CHECK(mentions(error_of<ShapeError>(qkv, 1, ops::Prefixes<B>(integers({3}))),
                   "lengths of prefixes"));
    CHECK_THROWS_AS(ops::Documents<B>(integers({6})), ShapeError);
    CHECK_THROWS_AS(ops::Prefixes<B>(integers({2, 6})), ShapeError);
    CHECK(mentions(error_of<OptionError>(qkv, 1, ops::Documents<B>(integers({2, 6})),
                                         scores::None{}, ops::AttentionOptions{.query_offset = 1}),
                   "a position that no id is for"));
}

TEST_CASE("a scale of one's own", "[attention]") {
    B::Context context;
    Tape<B> tape(context);
    const Shape shape{1, 3, 4};
    const auto q = testing::normal_values<double>(shape.elements(), 1);
    auto doubled = q;
    for (double& value : doubled) value *= 2.0;
    const auto k = tape.leaf(shape, testing::normal_values<double>(shape.elements(), 2));
    const auto run = [&](const std::vector<double>& values, const ops::AttentionOptions& options) {
        return ops::attention(tape.leaf(shape, values), k, k, 1, masks::Causal{}, scores::None{},
                              options)
            .to_host();
    };
    CHECK(run(q, {}) == run(q, {.scale = 0.5}));
    CHECK(run(q, {.scale = 1.0}) == run(doubled, {}));
    CHECK(run(q, {.scale = 1.0}) != run(q, {}));
    const double none = std::numeric_limits<double>::quiet_NaN();
    CHECK(mentions(test::error_text<OptionError>([&] { run(q, {.scale = none}); }), "scale"));
}

/// Whatever the bits of the NaN are: e to a power is made of bits.
TEST_CASE("a query that is no number gives none, and harms no other", "[attention]") {
    using F = test::Eigen32;
    for (const std::uint32_t bits : {0x7fc00000U, 0x7fc00001U, 0xffc001ffU, 0x7fffffffU}) {
        F::Context context;
        Tape<F> tape(context);
        const Shape shape{1, 9, 12};
        auto values = testing::normal_values<float>(shape.elements(), 1);
        const auto clean = ops::attention(tape.leaf(shape, values), 1).to_host();
        for (std::size_t i = 0; i < 4; ++i) values[5 * 12 + i] = std::bit_cast<float>(bits);
        const auto output = ops::attention(tape.leaf(shape, values), 1).to_host();
        for (std::size_t i = 0; i < output.size(); ++i) {
            if (i / 4 == 5) {
                REQUIRE(std::isnan(output[i]));
            } else {
                REQUIRE(output[i] == clean[i]);
            }
        }
    }
}

/// Sums that overflow without their greatest term in front, and shares that underflow.
TEST_CASE("large scores neither overflow nor drown", "[attention]") {
    using F = test::Eigen32;
    F::Context context;
    Tape<F> tape(context);
    const Shape shape{1, 130, 2};
    std::vector<float> keys;
    for (int i = 0; i < 130; ++i) keys.insert(keys.end(), {static_cast<float>(i % 67), 1.0F});
    std::vector<float> queries(260, 40.0F);
    const auto k = tape.leaf(shape, keys);
    const auto y = ops::attention(tape.leaf(shape, queries), k, k, 1, masks::None{}).to_host();
    // All of the weight is on the one key of 66.
    for (std::size_t i = 0; i < y.size(); i += 2) {
        REQUIRE(std::abs(y[i] - 66.0F) < 1e-4F);
        REQUIRE(std::abs(y[i + 1] - 1.0F) < 1e-5F);
    }
}

TEMPLATE_TEST_CASE("an empty batch gives an empty output", "[attention]", test::Eigen64,
                   test::Device64) {
    typename TestType::Context context;
    Tape<TestType> tape(context);
    const auto x = tape.leaf(Shape{0, 4, 6}, std::vector<double>{});
    const auto y = ops::attention(x, 2);
    CHECK(y.shape() == Shape{0, 4, 2});
    tape.backward(y, std::vector<double>{});
    CHECK(tape.gradient(x).empty());
}

TEST_CASE("a score that does not fit, and positions that cannot be counted, are refused",
          "[attention][E-2]") {
    const Shape shape{1, 5, 12};
    const std::string slopes = error_of<OptionError>(shape, 2, masks::Causal{}, scores::Alibi{});
    CHECK(mentions(slopes, "heads = 2"));
    CHECK(mentions(slopes, "got 1"));
    for (const double cap : {0.0, -5.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
        const scores::SoftCap capped{.cap = cap};
        CHECK(mentions(error_of<OptionError>(shape, 2, masks::Causal{}, capped), "cap"));
    }
    using Limits = std::numeric_limits<Index>;
    for (const Index offset : {Limits::max(), Limits::min()}) {
        const ops::AttentionOptions options{.query_offset = offset};
        CHECK(mentions(error_of<OptionError>(shape, 2, masks::Causal{}, scores::None{}, options),
                       "query_offset"));
        B::Context context;
        const ops::Documents<B> documents(
            Tensor<B, std::int32_t>::from_host(context, {1, 5}, std::vector<std::int32_t>(5)));
        CHECK(mentions(error_of<OptionError>(shape, 2, documents, scores::None{}, options),
                       "query_offset"));
    }
}

TEST_CASE("a pass that does not record keeps nothing", "[attention][P-4]") {
    B::Context context;
    Tape<B> tape(context, Recording::none);
    const Shape shape{2, 70, 12};
    const auto x = tape.constant(shape, testing::normal_values<double>(shape.elements(), 1));
    const auto y = ops::attention(x, 2);
    CHECK(tape.operations() == 0);
    CHECK_FALSE(y.requires_gradient());
}

}  // namespace
}  // namespace kasmina::operation_test
