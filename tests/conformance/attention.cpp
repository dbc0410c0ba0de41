// Conformance of attention: tiles of masks, forward, backward, in any layout.
#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/backend/attention.hpp>

#include "conformance/support.hpp"

namespace kasmina::conformance::attention_test {
namespace {

/// Two empty tiles, one full; the rest depends on everything.
struct Patchy {
    constexpr bool operator()(Index batch, Index head, Index query, Index key) const {
        if (query < 64) return key < 64;
        return key >= 64 && (batch + head + query + key) % 3 != 0;
    }
};

/// A score whose slope depends on all of its arguments.
struct Bent {
    template <class V>
    constexpr V operator()(const V& score, Index batch, Index head, const V& query,
                           const V& key) const {
        const V push = (query - key) * V(0.01) + V(static_cast<double>(batch - head));
        return math::tanh(score + push) + score * V(0.5);
    }
};

/// Queries, keys and values side by side, as one layer gives them, or each by itself.
struct Layouts {
    AttentionLayout q;
    AttentionLayout k;
    AttentionLayout y;
    Index in = 0;  ///< elements of the memory that all three lie in
    Index k_at = 0;
    Index v_at = 0;

    explicit Layouts(const AttentionShape& shape, bool together) {
        const Index width = shape.heads * shape.head_size;
        const Index row = together ? 3 * width : width;
        q = {shape.queries * row, shape.head_size, row};
        k = {shape.keys * row, shape.head_size, row};
        y = {shape.queries * width, shape.head_size, width};
        k_at = together ? width : shape.batch * shape.queries * width;
        v_at = k_at + (together ? width : shape.batch * shape.keys * width);
        in = shape.batch * width * (shape.queries + 2 * shape.keys);
    }
};

/// The kinds of a mask's tiles for all batches and heads, and the first blind query.
template <class B, class Mask>
void classify(Run<B>& run, const Mask& mask, const AttentionShape& shape) {
    auto* const kinds =
        run.integers_out(shape.batch * shape.heads * shape.query_tiles() * shape.key_tiles());
    auto* const blind = run.integers_out(1);
    B::classify_mask(run.context, mask, {.shape = shape, .kinds = kinds, .blind = blind});
}

template <class B, class Mask, class Score>
void attend(Run<B>& run, const Mask& mask, const Score& score, const AttentionShape& shape,
            bool together, bool with_tiles) {
    using Scalar = typename B::Scalar;
    const Layouts of(shape, together);
    const Index tiles = shape.query_tiles() * shape.key_tiles();
    MaskTiles map;
    if (with_tiles) {
        auto* const kinds = run.integers_out(shape.batch * shape.heads * tiles);
        auto* const blind = run.integers_out(1);
        B::classify_mask(run.context, mask, {.shape = shape, .kinds = kinds, .blind = blind});
        map = {kinds, shape.heads * tiles, tiles};
    }
    const auto* const in = run.in(normal(of.in, 1));
    auto* const y = run.out(shape.batch * of.y.batch);
    auto* const sums = run.out(shape.batch * shape.heads * shape.queries);
    Attention<Scalar> forward{.shape = shape,
                              .scale = 0.7,
                              .tiles = map,
                              .q_layout = of.q,
                              .k_layout = of.k,
                              .v_layout = of.k,
                              .y_layout = of.y,
                              .q = in,
                              .k = in + of.k_at,
                              .v = in + of.v_at,
                              .y = y,
                              .log_sum_exp = sums};
    B::attention(run.context, mask, score, forward);
    const auto pull_back = [&](auto grad_q, auto grad_k, auto grad_v) {
        B::attention_pullback(run.context, mask, score,
                              {.shape = shape,
                               .scale = 0.7,
                               .tiles = map,
                               .q_layout = of.q,
                               .k_layout = of.k,
                               .v_layout = of.k,
                               .y_layout = of.y,
                               .q = forward.q,
                               .k = forward.k,
                               .v = forward.v,
                               .y = y,
                               .log_sum_exp = sums,
                               .grad_y = run.in(normal(shape.batch * of.y.batch, 2)),
                               .grad_q = grad_q,
                               .grad_k = grad_k,
                               .grad_v = grad_v});
    };
    const auto none = run.unwanted();
    for (const bool accumulate : {false, true}) {
        const auto all = run.target(of.in, accumulate);
        pull_back(all, GradientTarget<Scalar>{all.data + of.k_at, accumulate},
                  GradientTarget<Scalar>{all.data + of.v_at, accumulate});
    }
    if (together) return;
    const Index keys = shape.batch * of.k.batch;
    pull_back(run.target(shape.batch * of.q.batch, false), none, none);
    pull_back(none, run.target(keys, false), none);
    pull_back(none, none, run.target(keys, false));
    // Nobody has to ask for the sums of a forward that stays one.
    forward.y = run.out(shape.batch * of.y.batch);
    forward.log_sum_exp = nullptr;
    B::attention(run.context, mask, score, forward);
}

template <class Mask, class Score>
void check(const Mask& mask, const Score& score, const AttentionShape& shape, bool together,
           bool with_tiles = true) {
    INFO(shape.batch << " x " << shape.heads << " heads of " << shape.head_size << ", "
                     << shape.queries << " queries, " << shape.keys << " keys");
    check_against_oracle(
        [&]<class B>(Run<B>& run) { attend(run, mask, score, shape, together, with_tiles); });
}

[[nodiscard]] constexpr AttentionShape self(Index batch, Index heads, Index time, Index size) {
    return {batch, heads, time, time, size, 0};
}

}  // namespace

TEST_CASE("the tiles of a mask agree with the oracle", "[B-7][attention]") {
    const auto check_tiles = [](const auto& mask, const AttentionShape& shape) {
        check_against_oracle([&]<class B>(Run<B>& run) { classify(run, mask, shape); });
    };
    check_tiles(masks::None{}, {1, 1, 1, 1, 1, 0});
    check_tiles(masks::None{}, {1, 1, 65, 130, 1, 0});
    check_tiles(masks::Causal{}, {1, 1, 200, 200, 1, 0});
    check_tiles(masks::Causal{}, {1, 1, 10, 130, 1, 120});
    check_tiles(masks::Causal{}, {2, 1, 100, 70, 1, -30});  // the first thirty see nothing
    check_tiles(masks::Sliding{20}, {1, 1, 200, 200, 1, 0});
    check_tiles(masks::PrefixLm{65}, {1, 2, 129, 129, 1, 0});
    check_tiles(Patchy{}, {3, 2, 128, 128, 1, 0});
}

TEST_CASE("attention agrees with the oracle", "[B-7][E-1][N-9][attention]") {
    check(masks::Causal{}, scores::None{}, self(1, 1, 1, 1), true);
    check(masks::Causal{}, scores::None{}, self(3, 2, 7, 13), true);
    check(masks::Causal{}, scores::None{}, self(2, 2, 70, 9), true);
    check(masks::None{}, scores::None{}, {2, 3, 5, 70, 3, 65}, false);
    check(masks::Causal{}, scores::None{}, {1, 1, 66, 150, 17, 84}, false);
    check(masks::Causal{}, scores::None{}, {1, 2, 5, 70, 48, 65}, false);
    check(masks::Sliding{40}, scores::Alibi{2}, self(1, 2, 130, 5), true);
    check(masks::PrefixLm{30}, scores::SoftCap{2.0}, self(2, 1, 70, 5), true);
    check(Patchy{}, Bent{}, self(2, 1, 128, 3), false);
}

TEST_CASE("where nobody has classified, each element is asked for", "[B-7][attention]") {
    check(masks::Causal{}, scores::None{}, {2, 2, 1, 70, 8, 69}, false, false);
    check(masks::Sliding{5}, scores::Alibi{2}, {1, 2, 3, 9, 7, 6}, false, false);
    check(Patchy{}, Bent{}, self(1, 1, 128, 2), true, false);
}

TEST_CASE("a mask reads the backend's memory", "[B-7][attention]") {
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < 140; ++i) ids.push_back(i / 25);
    const AttentionShape shape = self(2, 2, 70, 8);
    check_against_oracle([&]<class B>(Run<B>& run) {
        const auto* const on_backend = run.integers(ids);
        const masks::Document mask{on_backend, 70};
        classify(run, mask, shape);
        attend(run, mask, scores::None{}, shape, true, true);
    });
}

TEST_CASE("the oracle's attention by hand", "[B-7][attention]") {
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        const AttentionLayout layout{2, 1, 1};
        const auto* const q = run.in({1.0, 2.0});
        const auto* const k = run.in({0.0, std::log(3.0)});
        const auto* const v = run.in({4.0, 8.0});
        auto* const y = run.out(2);
        auto* const sums = run.out(2);
        Oracle::attention(run.context, masks::Causal{}, scores::None{},
                          {.shape = {1, 1, 2, 2, 1, 0},
                           .scale = 0.5,
                           .q_layout = layout,
                           .k_layout = layout,
                           .v_layout = layout,
                           .y_layout = layout,
                           .q = q,
                           .k = k,
                           .v = v,
                           .y = y,
                           .log_sum_exp = sums});
    });
    // The second query's weights are 1 and 3.
    CHECK(difference({4.0, 7.0}, results[0]) < 1e-12);
    CHECK(difference({0.0, std::log(4.0)}, results[1]) < 1e-12);
}

TEST_CASE("the oracle's pullback of attention by slopes", "[N-1][attention]") {
    const AttentionShape shape{2, 2, 5, 6, 3, 1};
    const Layouts of(shape, false);
    const auto call = [&](auto& run, const std::vector<Values>& inputs, auto* y, auto* sums) {
        Attention<double> forward{.shape = shape,
                                  .scale = 0.7,
                                  .q_layout = of.q,
                                  .k_layout = of.k,
                                  .v_layout = of.k,
                                  .y_layout = of.y,
                                  .q = run.in(inputs[0]),
                                  .k = run.in(inputs[1]),
                                  .v = run.in(inputs[2]),
                                  .y = y,
                                  .log_sum_exp = sums};
        Oracle::attention(run.context, masks::Causal{}, Bent{}, forward);
        return forward;
    };
    const Index queries = shape.batch * of.q.batch;
    const Index keys = shape.batch * of.k.batch;
    const double error = slope_error(
        {normal(queries, 1), normal(keys, 2), normal(keys, 3)},
        [&](auto& run, const auto& inputs) {
            auto* const y = run.out(queries);
            call(run, inputs, y, static_cast<double*>(nullptr));
        },
        [&](auto& run, const auto& inputs, const double* upstream) {
            auto y = Oracle::persistent<double>(run.context, queries);
            auto sums = Oracle::persistent<double>(run.context, queries);
            const auto forward = call(run, inputs, y.data(), sums.data());
            const auto grad_q = run.target(queries, false);
            const auto grad_k = run.target(keys, false);
            const auto grad_v = run.target(keys, false);
            Oracle::attention_pullback(run.context, masks::Causal{}, Bent{},
                                       {.shape = shape,
                                        .scale = 0.7,
                                        .q_layout = of.q,
                                        .k_layout = of.k,
                                        .v_layout = of.k,
                                        .y_layout = of.y,
                                        .q = forward.q,
                                        .k = forward.k,
                                        .v = forward.v,
                                        .y = y.data(),
                                        .log_sum_exp = sums.data(),
                                        .grad_y = upstream,
                                        .grad_q = grad_q,
                                        .grad_k = grad_k,
                                        .grad_v = grad_v});
        });
    CHECK(error < slope_tolerance);
}

}  // namespace kasmina::conformance::attention_test
