// Attention's gradients against finite differences in double, under masks and bent scores.
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::gradients_test {
namespace {

constexpr double tolerance = 1e-6;

#define KASMINA_BACKENDS test::Eigen64, test::Oracle, test::Device64

/// Keeps two of three keys, which ones depending on everything; every query sees some.
struct Scattered {
    constexpr bool operator()(Index batch, Index head, Index query, Index key) const {
        return (batch + 2 * head + query + key) % 3 != 0;
    }
};

/// A score whose slope depends on all of its arguments.
struct Bent {
    template <class V>
    constexpr V operator()(const V& score, Index batch, Index head, const V& query,
                           const V& key) const {
        const V push = (query - key) * 0.1 + V(static_cast<double>(batch + head));
        return score * score * 0.2 + math::tanh(score + push);
    }
};

TEMPLATE_TEST_CASE("attention over what one layer gave", "[gradient][attention]",
                   KASMINA_BACKENDS) {
    const auto error = [](const Shape& qkv, Index heads, const auto& mask, const auto& score) {
        return testing::gradient_error<TestType>(
            {qkv}, [&](auto&, const auto& x) { return ops::attention(x[0], heads, mask, score); });
    };
    CHECK(error({1, 1, 3}, 1, masks::Causal{}, scores::None{}) < tolerance);
    CHECK(error({2, 5, 39}, 1, masks::Causal{}, scores::SoftCap{1.5}) < tolerance);
    CHECK(error({2, 7, 30}, 2, masks::Sliding{3}, scores::Alibi{2}) < tolerance);
    CHECK(error({3, 4, 18}, 3, masks::PrefixLm{2}, Bent{}) < tolerance);
    CHECK(error({2, 9, 12}, 2, Scattered{}, Bent{}) < tolerance);
}

TEMPLATE_TEST_CASE("attention of queries over other keys", "[gradient][attention]",
                   KASMINA_BACKENDS) {
    const auto error = [](const Shape& q, const Shape& kv, Index heads, const auto& mask,
                          const auto& score) {
        return testing::gradient_error<TestType>({q, kv, kv}, [&](auto&, const auto& x) {
            return ops::attention(x[0], x[1], x[2], heads, mask, score);
        });
    };
    CHECK(error({2, 3, 10}, {2, 8, 10}, 2, masks::Causal{}, scores::None{}) < tolerance);
    CHECK(error({1, 6, 9}, {1, 2, 9}, 3, masks::None{}, scores::SoftCap{2.0}) < tolerance);
    CHECK(error({2, 1, 4}, {2, 5, 4}, 2, masks::Sliding{2}, Bent{}) < tolerance);
}

TEST_CASE("attention across tiles", "[gradient][attention]") {
    using B = test::Eigen64;
    const auto error = [](const Shape& qkv, const auto& mask) {
        return testing::gradient_error<B>(
            {qkv}, [&](auto&, const auto& x) { return ops::attention(x[0], 1, mask, Bent{}); });
    };
    CHECK(error({1, 67, 9}, masks::Causal{}) < tolerance);
    CHECK(error({1, 130, 3}, masks::Sliding{30}) < tolerance);
    CHECK(error({1, 65, 6}, Scattered{}) < tolerance);
}

TEMPLATE_TEST_CASE("one variable as queries, keys and values gets all three gradients",
                   "[gradient][attention]", test::Eigen64, test::Device64) {
    CHECK(testing::gradient_error<TestType>({{2, 5, 6}}, [](auto&, const auto& x) {
              return ops::attention(x[0], x[0], x[0], 2);
          }) < tolerance);
    CHECK(testing::gradient_error<TestType>({{2, 5, 6}, {2, 5, 6}}, [](auto&, const auto& x) {
              return ops::attention(x[0], x[1], x[1], 3, masks::None{});
          }) < tolerance);
}

TEST_CASE("what needs no gradient gets none", "[gradient][attention]") {
    using B = test::Eigen64;
    const Shape shape{1, 4, 6};
    const auto values = [&](std::uint64_t seed) {
        return testing::normal_values<double>(shape.elements(), seed);
    };
    const auto gradient_of_v = [&](bool alone) {
        B::Context context;
        Tape<B> tape(context);
        const auto input = [&](std::uint64_t seed) {
            return alone ? tape.constant(shape, values(seed)) : tape.leaf(shape, values(seed));
        };
        const auto q = input(1);
        const auto k = input(2);
        const auto v = tape.leaf(shape, values(3));
        tape.backward(ops::attention(q, k, v, 2), values(4));
        return tape.gradient(v);
    };
    CHECK(gradient_of_v(true) == gradient_of_v(false));
}

}  // namespace
}  // namespace kasmina::gradients_test
