// Attention in tiles against the whole matrix: products, a bias for what is not seen, a softmax.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/autodiff/ops/attention_masks.hpp>
#include <kasmina/autodiff/ops/matmul.hpp>
#include <kasmina/autodiff/ops/permute.hpp>
#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/autodiff/ops/softmax.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::dense_test {
namespace {

using B = test::Eigen64;
using Numbers = std::vector<double>;

struct AddScaled {
    double factor;

    template <class V>
    constexpr V operator()(const V& a, const V& b) const {
        return a + b * factor;
    }
};

/// Output, then the gradients of queries, keys and values.
template <class Attend>
std::vector<Numbers> results(const Shape& queries, const Shape& keys, const Attend& attend) {
    B::Context context;
    Tape<B> tape(context);
    const auto leaf = [&](const Shape& shape, std::uint64_t seed) {
        return tape.leaf(shape, testing::normal_values<double>(shape.elements(), seed));
    };
    const auto q = leaf(queries, 1);
    const auto k = leaf(keys, 2);
    const auto v = leaf(keys, 3);
    const Variable<B> y = attend(context, tape, q, k, v);
    const Numbers output = y.to_host();
    tape.backward(y, testing::normal_values<double>(queries.elements(), 4));
    return {output, tape.gradient(q), tape.gradient(k), tape.gradient(v)};
}

/// The whole matrix of scores, in operations of the library.
template <class Mask>
Variable<B> dense(Tape<B>& tape, const Variable<B>& q, const Variable<B>& k, const Variable<B>& v,
                  Index heads, const Mask& mask) {
    const Index batch = q.shape()[0];
    const Index queries = q.shape()[1];
    const Index keys = k.shape()[1];
    const Index size = q.shape()[2] / heads;
    const auto split = [&](const Variable<B>& x) {
        return ops::permute(ops::reshape(x, {batch, x.shape()[1], heads, size}), {0, 2, 1, 3});
    };
    Numbers bias;
    for (Index plane = 0; plane < batch * heads; ++plane) {
        for (Index i = 0; i < queries; ++i) {
            for (Index j = 0; j < keys; ++j) {
                const bool seen = mask(plane / heads, plane % heads, i + keys - queries, j);
                bias.push_back(seen ? 0.0 : -1e30);
            }
        }
    }
    const double scale = 1.0 / std::sqrt(static_cast<double>(size));
    const auto products = ops::matmul(split(q), split(k), {.transpose_b = true});
    const auto hidden = tape.constant({batch, heads, queries, keys}, bias);
    const auto shares = ops::softmax(ops::pointwise(AddScaled{scale}, hidden, products));
    const auto mixed = ops::matmul(shares, split(v));
    return ops::reshape(ops::permute(mixed, {0, 2, 1, 3}), q.shape());
}

void check_equal(const std::vector<Numbers>& expected, const std::vector<Numbers>& got) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO("result " << i);
        REQUIRE(expected[i].size() == got[i].size());
        double worst = 0.0;
        for (std::size_t k = 0; k < expected[i].size(); ++k) {
            const double difference = std::abs(expected[i][k] - got[i][k]);
            worst = std::isnan(difference) ? 1e9 : std::max(worst, difference);
        }
        CHECK(worst < 1e-12);
    }
}

/// `mask` in tiles against `plain`, which the host can ask, in the whole matrix.
template <class Make, class Plain>
void check_mask(const Shape& queries, const Shape& keys, Index heads, const Make& make,
                const Plain& plain) {
    const auto whole = results(queries, keys, [&](auto&, auto& tape, const auto&... qkv) {
        return dense(tape, qkv..., heads, plain);
    });
    const auto tiled = results(queries, keys, [&](auto& context, auto&, const auto&... qkv) {
        return ops::attention(qkv..., heads, make(context));
    });
    check_equal(whole, tiled);
}

template <class Mask>
void check_mask(const Shape& queries, const Shape& keys, Index heads, const Mask& mask) {
    check_mask(
        queries, keys, heads, [&](auto&) { return mask; }, mask);
}

TEST_CASE("masks in tiles give what the whole matrix gives", "[attention][B-1]") {
    const Shape shape{2, 150, 10};
    check_mask(shape, shape, 2, masks::Causal{});
    check_mask(shape, shape, 2, masks::Sliding{17});
    check_mask(shape, shape, 2, masks::PrefixLm{70});
    check_mask(shape, shape, 2, [](Index batch, Index head, Index query, Index key) {
        return (query * key + batch + head) % 5 != 1 || query == key;
    });
    check_mask({1, 3, 6}, {1, 140, 6}, 3, masks::Causal{});
    check_mask({2, 70, 6}, {2, 140, 6}, 1, masks::Sliding{65});
    check_mask({1, 140, 6}, {1, 5, 6}, 2, masks::None{});
}

TEST_CASE("documents in a row do not see each other", "[attention]") {
    const Shape shape{2, 140, 6};
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < 280; ++i) ids.push_back(i < 140 ? i / 30 : i / 70);
    check_mask(
        shape, shape, 2,
        [&](auto& context) {
            // The ids' tensor goes before the backward pass: the operation keeps its memory.
            return ops::Documents<B>(Tensor<B, std::int32_t>::from_host(context, {2, 140}, ids));
        },
        masks::Document{ids.data(), 140});
}

TEST_CASE("each batch element has a prefix of its own", "[attention]") {
    const Shape shape{3, 80, 4};
    const std::vector<std::int32_t> lengths{0, 5, 66};
    check_mask(
        shape, shape, 2,
        [&](auto& context) {
            return ops::Prefixes<B>(Tensor<B, std::int32_t>::from_host(context, {3}, lengths));
        },
        masks::PrefixLmEach{lengths.data()});
}

}  // namespace
}  // namespace kasmina::dense_test
