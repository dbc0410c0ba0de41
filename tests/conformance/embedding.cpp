// Conformance of looking up rows of a table, of summing gradients back, and of those kept as rows.
#include "conformance/support.hpp"

#include <kasmina/backend/row_gradient.hpp>

namespace kasmina::conformance::embedding_test {
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

TEST_CASE("gradients in rows agree with the oracle", "[B-7][E-1][N-2][H-7]") {
    for (const Table& of : tables) {
        INFO(of.count << " of " << of.rows << " rows of " << of.width);
        std::vector<std::int32_t> ids = ids_for(of);
        if (of.count > 3) ids[1] = -1;
        if (of.count > 3) ids[3] = static_cast<std::int32_t>(of.rows);
        check_against_oracle([&]<class B>(Run<B>& run) {
            auto* const row_ids = run.integers_out(of.count);
            auto* const values = run.out(of.count * of.width);
            B::embedding_pullback_rows(run.context,
                                       {.rows = of.rows,
                                        .width = of.width,
                                        .count = of.count,
                                        .ids = run.integers(ids),
                                        .grad_y = run.in(normal(of.count * of.width, 2)),
                                        .row_ids = row_ids,
                                        .values = values});
            const GradientRows<typename B::Scalar> rows{of.rows, of.width, of.count, row_ids,
                                                        values};
            B::rows_to_dense(run.context, {.gradient = rows, .dense = run.out(of.rows * of.width)});
            for (const double rate : {0.25, 0.0}) {
                B::sgd_row_step(run.context, {.learning_rate = rate,
                                              .gradient = rows,
                                              .value = run.inout(normal(of.rows * of.width, 3))});
            }
        });
    }
}

/// Whole gradients and steps, and the same by way of rows: two outputs that are alike.
template <class B>
void step_both_ways(Run<B>& run, const Table& of) {
    const auto* const ids = run.integers(ids_for(of));
    const auto* const grad_y = run.in(normal(of.count * of.width, 2));
    const Index size = of.rows * of.width;
    auto* const whole = run.out(size);
    auto* const stepped = run.inout(normal(size, 3));
    auto* const from_rows = run.out(size);
    auto* const stepped_rows = run.inout(normal(size, 3));
    B::embedding_pullback(run.context, {.rows = of.rows,
                                        .width = of.width,
                                        .count = of.count,
                                        .ids = ids,
                                        .grad_y = grad_y,
                                        .grad_table = {whole, false}});
    using Scalar = typename B::Scalar;
    const std::array<OptimiserSlice<Scalar>, 1> slices{
        {{.value = stepped, .gradient = whole, .size = size}}};
    B::sgd_step(run.context, {.learning_rate = 0.3, .parameters = slices});
    auto* const row_ids = run.integers_out(of.count);
    auto* const values = run.out(of.count * of.width);
    B::embedding_pullback_rows(run.context, {.rows = of.rows,
                                             .width = of.width,
                                             .count = of.count,
                                             .ids = ids,
                                             .grad_y = grad_y,
                                             .row_ids = row_ids,
                                             .values = values});
    const GradientRows<Scalar> rows{of.rows, of.width, of.count, row_ids, values};
    B::rows_to_dense(run.context, {.gradient = rows, .dense = from_rows});
    B::sgd_row_step(run.context, {.learning_rate = 0.3, .gradient = rows, .value = stepped_rows});
}

TEST_CASE("by way of rows, gradients and steps have the bits of whole ones", "[B-7][E-1][H-7]") {
    const auto check = []<class... Bs>(std::type_identity<std::tuple<Bs...>>) {
        const auto on = []<class B>(std::type_identity<B>) {
            for (const Table& of : tables) {
                INFO(typeid(B).name()
                     << ", " << of.count << " of " << of.rows << " rows of " << of.width);
                typename B::Context context{};
                const auto results =
                    results_of<B>(context, [&](Run<B>& run) { step_both_ways(run, of); });
                CHECK(identical({results[0]}, {results[2]}));
                CHECK(identical({results[1]}, {results[3]}));
            }
        };
        (on(std::type_identity<Bs>{}), ...);
    };
    check(std::type_identity<Backends>{});
    check(std::type_identity<std::tuple<Oracle>>{});
}

TEST_CASE("the oracle's rows of a gradient by hand", "[B-7]") {
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        auto* const row_ids = run.integers_out(5);
        auto* const values = run.out(10);
        const auto* const ids = run.integers(std::array<std::int32_t, 5>{2, 7, 0, 2, -1});
        Oracle::embedding_pullback_rows(run.context,
                                        {.rows = 3,
                                         .width = 2,
                                         .count = 5,
                                         .ids = ids,
                                         .grad_y = run.in({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}),
                                         .row_ids = row_ids,
                                         .values = values});
        const GradientRows<double> rows{3, 2, 5, row_ids, values};
        Oracle::rows_to_dense(run.context, {.gradient = rows, .dense = run.out(6)});
        Oracle::sgd_row_step(
            run.context,
            {.learning_rate = 0.5, .gradient = rows, .value = run.inout({1, 1, 1, 1, 1, 1})});
    });
    CHECK(results[0] == Values{0, 2, -1, -1, -1});
    CHECK(results[1] == Values{5, 6, 8, 10, 0, 0, 0, 0, 0, 0});
    CHECK(results[2] == Values{5, 6, 0, 0, 8, 10});
    CHECK(results[3] == Values{-1.5, -2, 1, 1, -3, -4});
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

}  // namespace kasmina::conformance::embedding_test
