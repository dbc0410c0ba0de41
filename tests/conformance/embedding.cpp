// Conformance of looking up rows of a table, and of summing gradients back.
#include "conformance/support.hpp"

namespace kasmina::conformance {
namespace {

struct Table {
    Index rows;
    Index width;
    Index count;
};

constexpr std::array<Table, 6> tables{
    {{1, 1, 1}, {3, 2, 5}, {10, 13, 4}, {50, 70, 33}, {7, 130, 260}, {5, 3, 0}}};

/// Some rows often, some never.
std::vector<std::int32_t> ids_for(const Table& table) {
    std::vector<std::int32_t> ids;
    for (Index i = 0; i < table.count; ++i) {
        ids.push_back(static_cast<std::int32_t>(i * i % table.rows));
    }
    return ids;
}

}  // namespace

TEST_CASE("embeddings agree with the oracle", "[B-7][E-1][N-2]") {
    for (const Table& of : tables) {
        INFO(of.count << " of " << of.rows << " rows of " << of.width);
        const std::vector<std::int32_t> ids = ids_for(of);
        check_against_oracle([&]<class B>(Run<B>& run) {
            const auto* on_backend = run.integers(ids);
            B::embedding(run.context, {.rows = of.rows,
                                       .width = of.width,
                                       .count = of.count,
                                       .table = run.in(normal(of.rows * of.width, 1)),
                                       .ids = on_backend,
                                       .y = run.out(of.count * of.width)});
            const auto pullback = [&](auto target) {
                B::embedding_pullback(run.context,
                                      {.rows = of.rows,
                                       .width = of.width,
                                       .count = of.count,
                                       .ids = on_backend,
                                       .grad_y = run.in(normal(of.count * of.width, 2)),
                                       .grad_table = target});
            };
            for (const bool accumulate : {false, true}) {
                pullback(run.target(of.rows * of.width, accumulate));
            }
            pullback(run.unwanted());
        });
    }
}

TEST_CASE("an id that is no row gives NaN and no gradient", "[B-7]") {
    check_against_oracle([&]<class B>(Run<B>& run) {
        const auto* ids = run.integers(std::array<std::int32_t, 4>{1, -1, 2, 0});
        B::embedding(run.context, {.rows = 2,
                                   .width = 2,
                                   .count = 4,
                                   .table = run.in({1, 2, 3, 4}),
                                   .ids = ids,
                                   .y = run.out(8)});
        B::embedding_pullback(run.context, {.rows = 2,
                                            .width = 2,
                                            .count = 4,
                                            .ids = ids,
                                            .grad_y = run.in({1, 2, 3, 4, 5, 6, 7, 8}),
                                            .grad_table = run.target(4, false)});
    });
}

TEST_CASE("the oracle's embedding by hand", "[B-7]") {
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        const auto* ids = run.integers(std::array<std::int32_t, 3>{2, 0, 2});
        Oracle::embedding(run.context, {.rows = 3,
                                        .width = 2,
                                        .count = 3,
                                        .table = run.in({1, 2, 3, 4, 5, 6}),
                                        .ids = ids,
                                        .y = run.out(6)});
        Oracle::embedding_pullback(run.context, {.rows = 3,
                                                 .width = 2,
                                                 .count = 3,
                                                 .ids = ids,
                                                 .grad_y = run.in({1, 2, 3, 4, 5, 6}),
                                                 .grad_table = run.target(6, false)});
    });
    CHECK(results[0] == Values{5, 6, 1, 2, 5, 6});
    CHECK(results[1] == Values{3, 4, 0, 0, 6, 8});
}

}  // namespace kasmina::conformance
