// The kernels of attention: the same bits in any order of threads and blocks, heads of more than a
// chunk, tiles that nobody sees.
#include "cuda/attention_both_ways.hpp"
#include "cuda/orders.hpp"

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/backend/attention.hpp>

namespace kasmina::conformance {
TEST_CASE("attention has the same bits in any order of threads", "[E-1][X-3][cuda]") {
    // Less than a tile, and not in vectors; several tiles, the last of them not full.
    const AttentionShape small{2, 2, 5, 5, 3, 0};
    const AttentionShape large{1, 2, 130, 130, 8, 0};
    for (const bool classified : {false, true}) {
        check_orders([&](auto& run) {
            attend(run, small, masks::None{}, scores::None{}, classified);
            attend(run, small, masks::Causal{}, scores::None{}, classified);
        });
        check_orders(
            [&](auto& run) { attend(run, large, masks::Causal{}, scores::None{}, classified); });
        check_orders([&](auto& run) {
            attend(run, large, masks::Sliding{.window = 40}, scores::SoftCap{.cap = 2.0},
                   classified);
        });
    }
}

TEST_CASE("heads of more than a chunk, and few queries of many keys", "[X-3][cuda]") {
    check_orders([](auto& run) {
        attend(run, AttentionShape{1, 1, 3, 70, 72, 67}, masks::Causal{}, scores::None{}, true);
        attend(run, AttentionShape{1, 1, 66, 2, 129, 0}, masks::None{}, scores::None{}, false);
    });
}

TEST_CASE("gradients of attention that nobody wants are not made", "[cuda]") {
    const AttentionShape shape{1, 1, 4, 4, 4, 0};
    const AttentionLayout layout{16, 4, 4};
    for (int wanted = 0; wanted < 4; ++wanted) {
        check_orders([&]<class B>(Run<B>& run) {
            const auto* numbers = run.in(normal(16, 1));
            auto* y = run.out(16);
            auto* log_sum_exp = run.out(4);
            B::attention(run.context, masks::Causal{}, scores::None{},
                         {.shape = shape,
                          .q_layout = layout,
                          .k_layout = layout,
                          .v_layout = layout,
                          .y_layout = layout,
                          .q = numbers,
                          .k = numbers,
                          .v = numbers,
                          .y = y,
                          .log_sum_exp = log_sum_exp});
            const auto target = [&](int which) {
                return wanted == which ? run.target(16, false) : run.unwanted();
            };
            B::attention_pullback(run.context, masks::Causal{}, scores::None{},
                                  {.shape = shape,
                                   .q_layout = layout,
                                   .k_layout = layout,
                                   .v_layout = layout,
                                   .y_layout = layout,
                                   .q = numbers,
                                   .k = numbers,
                                   .v = numbers,
                                   .y = y,
                                   .log_sum_exp = log_sum_exp,
                                   .grad_y = run.in(normal(16, 2)),
                                   .grad_q = target(1),
                                   .grad_k = target(2),
                                   .grad_v = target(3)});
        });
    }
}

namespace {

/// Query 70 of head 1 sees nothing.
struct OneBlind {
    constexpr bool operator()(Index, Index head, Index query, Index key) const noexcept {
        return key <= query && !(head == 1 && query == 70);
    }
};

}  // namespace

TEST_CASE("masks are classified in any order of threads, and who sees nothing is found",
          "[X-3][cuda]") {
    const AttentionShape shape{1, 3, 80, 150, 0, 0};
    check_orders([&]<class B>(Run<B>& run) {
        const Index tiles = 3 * shape.query_tiles() * shape.key_tiles();
        const auto classify = [&](const auto& mask) {
            auto* kinds = run.integers_out(tiles);
            B::classify_mask(run.context, mask,
                             {.shape = shape, .kinds = kinds, .blind = run.integers_out(1)});
        };
        classify(OneBlind{});
        classify(masks::Causal{});
        classify(masks::None{});
        classify(masks::Sliding{.window = 3});
        classify(masks::PrefixLm{.length = 64});
    });
}

}  // namespace kasmina::conformance
