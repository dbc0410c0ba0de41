// The kernels that move and sum numbers by strides, and those of softmax: the same bits in any
// order of threads and blocks.
#include "cuda/orders.hpp"

#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backend/softmax.hpp>

namespace kasmina::conformance::row_orders_test {
namespace {

/// A tensor of those extents with its axes in another order: axis i of the result is axis order[i].
StridedAxes permuted(const std::vector<Index>& extents, const std::vector<std::size_t>& order) {
    std::vector<Index> strides(extents.size(), 1);
    for (std::size_t i = extents.size() - 1; i > 0; --i) {
        strides[i - 1] = strides[i] * extents[i];
    }
    StridedAxes axes;
    for (const std::size_t from : order) axes.append(extents[from], strides[from], 1);
    for (std::size_t i = order.size() - 1; i > 0; --i) {
        axes.to_strides[i - 1] = axes.to_strides[i] * axes.extents[i];
    }
    return axes;
}

/// The sum over those axes, whose results lie side by side.
StridedAxes summed(const std::vector<Index>& extents, const std::vector<std::size_t>& over) {
    StridedAxes axes;
    for (const Index extent : extents) axes.append(extent, 1, 1);
    Index from = 1;
    Index to = 1;
    for (std::size_t i = extents.size(); i > 0; --i) {
        const bool kept = std::find(over.begin(), over.end(), i - 1) == over.end();
        axes.from_strides[i - 1] = from;
        axes.to_strides[i - 1] = kept ? to : 0;
        from *= extents[i - 1];
        if (kept) to *= extents[i - 1];
    }
    return axes;
}

Index results_of_sum(const StridedAxes& axes) {
    Index results = 1;
    for (std::size_t i = 0; i < axes.rank; ++i) {
        if (axes.to_strides[i] != 0) results *= axes.extents[i];
    }
    return results;
}

template <class B>
void copy_both_ways(Run<B>& run, const StridedAxes& axes) {
    for (const bool accumulate : {false, true}) {
        const auto target = run.target(axes.elements(), accumulate);
        B::rearrange(run.context, {.axes = axes,
                                   .accumulate = accumulate,
                                   .from = run.in(normal(axes.elements(), 1)),
                                   .to = target.data});
    }
}

}  // namespace

TEST_CASE("numbers are divided as division does", "[cuda]") {
    using backends::cuda_detail::Divisor;
    constexpr Index most = backends::cuda_detail::divisible_numbers - 1;
    for (const Index divisor : {Index{1}, Index{2}, Index{3}, Index{7}, Index{64}, Index{641},
                                Index{65537}, Index{1} << 30U, most - 1, most}) {
        const Divisor by(divisor);
        CHECK(Index{by.value()} == divisor);
        for (const Index base : {Index{0}, divisor, 2 * divisor, 1000 * divisor, most}) {
            for (const Index number : {base - 1, base, base + 1, base + divisor / 2}) {
                if (number < 0 || number > most) continue;
                INFO(number << " / " << divisor);
                CHECK(Index{by.quotient(static_cast<std::uint32_t>(number))} == number / divisor);
            }
        }
    }
}

TEST_CASE("an element's row is found by a product, or by a division where there are too many",
          "[cuda]") {
    using backends::cuda_detail::RowOf;
    for (const Index length : {Index{1}, Index{3}, Index{10}, Index{1000}}) {
        for (const Index rows : {Index{7}, Index{1} << 31U}) {
            const RowOf row_of(rows, length);
            for (const Index row : {Index{0}, Index{1}, rows / 2, rows - 1}) {
                INFO("row " << row << " of " << rows << " times " << length);
                CHECK(row_of(row * length) == row);
                CHECK(row_of(row * length + length - 1) == row);
            }
        }
    }
    CHECK_NOTHROW(RowOf(0, 0));  // divides by nothing
}

TEST_CASE("axes that are halved are the same places", "[N-2][cuda]") {
    using namespace backends::cuda_detail;
    const Axes axes(permuted({3, 5, 4}, {2, 0, 1}));
    std::vector<Index> seen(60, 0);
    const auto visit = [&](const auto& again, const Axes& part, const Places& start) -> void {
        if (part.elements() > 4) {
            part.in_halves([&](const Axes& half, const Places& further) {
                again(again, half, Places{start.from + further.from, start.to + further.to});
            });
            return;
        }
        const Walk walk(part);
        for (Index i = 0; i < part.elements(); ++i) {
            const Places at = walk.at(static_cast<std::uint32_t>(i));
            const Index to = start.to + at.to;
            // In the result's order (4, 3, 5): which number of the source (3, 5, 4) it is.
            CHECK(start.from + at.from == to % 15 * 4 + to / 15);
            ++seen[static_cast<std::size_t>(to)];
        }
    };
    visit(visit, axes, Places{0, 0});
    CHECK(std::count(seen.begin(), seen.end(), 1) == 60);
}

TEST_CASE("rearranged numbers are the same in any order of threads", "[N-2][E-1][X-3][cuda]") {
    for (const StridedAxes& axes : {
             permuted({5}, {0}),
             permuted({2, 3, 4, 8}, {0, 2, 1, 3}),    // in vectors
             permuted({2, 3, 4, 6}, {0, 2, 1, 3}),    // not
             permuted({70, 45}, {1, 0}),              // turned in tiles
             permuted({2, 33, 3, 40}, {0, 2, 3, 1}),  // some of them turned
             permuted({3, 2, 5}, {2, 1, 0}),          // too few for a tile
             permuted({2, 1, 3, 2, 1, 3}, {5, 4, 3, 2, 1, 0}),
             permuted({3, 0, 4}, {1, 0, 2}),  // nothing
             permuted({1, 1}, {1, 0}),
         }) {
        check_orders([&](auto& run) { copy_both_ways(run, axes); });
    }
}

TEST_CASE("parts of numbers are written to parts, and stretched", "[N-2][cuda]") {
    check_orders([&]<class B>(Run<B>& run) {
        const auto* from = run.in(normal(7 * 12, 1));
        // A slice of the columns into the middle of another matrix; with and without vectors.
        for (const Index first : {Index{4}, Index{3}}) {
            auto* to = run.inout(normal(7 * 20, 2));
            StridedAxes axes;
            axes.append(7, 12, 20);
            axes.append(8, 1, 1);
            B::rearrange(run.context, {.axes = axes, .from = from + first, .to = to + 8});
        }
        StridedAxes stretched;
        stretched.append(5, 0, 12);
        stretched.append(12, 1, 1);
        B::rearrange(run.context, {.axes = stretched, .from = from, .to = run.out(60)});
        StridedAxes columns;
        columns.append(7, 12, 9);
        columns.append(9, 0, 1);
        B::rearrange(run.context, {.axes = columns, .from = from, .to = run.out(63)});
    });
}

TEST_CASE("sums over axes are the same in any order of threads", "[N-2][E-1][X-3][cuda]") {
    for (const StridedAxes& axes : {
             summed({300}, {0}),   // one sum
             summed({9, 5}, {1}),  // rows, and columns
             summed({40, 37}, {0}),
             summed({2, 3, 4, 5}, {1, 2}),  // in the middle
             summed({2, 3, 4, 5}, {0, 3}),  // at both ends
             summed({20000}, {0}),          // more than a block's
             summed({3000, 6}, {0}),
             summed({4, 0, 3}, {1}),  // of nothing
             summed({0, 3}, {1}),     // none
             summed({4, 1, 3}, {1}),
         }) {
        INFO(axes.extents[0] << " ... sums: " << results_of_sum(axes));
        check_orders([&]<class B>(Run<B>& run) {
            const auto* from = run.in(normal(axes.elements(), 1));
            for (const bool accumulate : {false, true}) {
                const auto target = run.target(results_of_sum(axes), accumulate);
                B::sum_axes(run.context, {.axes = axes,
                                          .scale = 0.25,
                                          .accumulate = accumulate,
                                          .from = from,
                                          .to = target.data});
            }
        });
    }
}

TEST_CASE("softmax is the same in any order of threads", "[N-2][E-1][X-3][cuda]") {
    // A row on a warp and on a block, in vectors and not; no rows.
    for (const auto& [rows, columns] :
         {std::array<Index, 2>{9, 3}, std::array<Index, 2>{5, 64}, std::array<Index, 2>{3, 201},
          std::array<Index, 2>{2, 2500}, std::array<Index, 2>{1, 2049}, std::array<Index, 2>{0, 7},
          std::array<Index, 2>{4, 1}}) {
        INFO(rows << " rows of " << columns);
        const Index size = rows * columns;
        check_orders([&]<class B>(Run<B>& run) {
            for (const bool log : {false, true}) {
                auto* y = run.out(size);
                B::softmax(run.context, {.rows = rows,
                                         .columns = columns,
                                         .log = log,
                                         .x = run.in(normal(size, 1)),
                                         .y = y});
                for (const bool accumulate : {false, true}) {
                    B::softmax_pullback(run.context, {.rows = rows,
                                                      .columns = columns,
                                                      .log = log,
                                                      .y = y,
                                                      .grad_y = run.in(normal(size, 2)),
                                                      .grad_x = run.target(size, accumulate)});
                }
                // In place.
                auto* both = run.inout(normal(size, 3));
                B::softmax(run.context,
                           {.rows = rows, .columns = columns, .log = log, .x = both, .y = both});
                auto* gradient = run.inout(normal(size, 4));
                B::softmax_pullback(run.context, {.rows = rows,
                                                  .columns = columns,
                                                  .log = log,
                                                  .y = y,
                                                  .grad_y = gradient,
                                                  .grad_x = {gradient, false}});
            }
        });
    }
}

TEST_CASE("what is ruled out has no share of a softmax, and a NaN makes its row one",
          "[N-2][cuda]") {
    const double never = -std::numeric_limits<double>::infinity();
    const double nan = std::numeric_limits<double>::quiet_NaN();
    check_orders([&]<class B>(Run<B>& run) {
        const auto* x = run.in({never, 1, 2, never,          //
                                1, nan, 2, 3,                //
                                never, never, never, never,  //
                                1000, -1000, 999, 0});
        for (const bool log : {false, true}) {
            B::softmax(run.context,
                       {.rows = 4, .columns = 4, .log = log, .x = x, .y = run.out(16)});
        }
    });
}

}  // namespace kasmina::conformance::row_orders_test
