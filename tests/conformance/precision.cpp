// Conformance of fast products: bfloat16 operands and wide sums, where the context says so.
#include <memory>

#include "conformance/support.hpp"

#include <kasmina/backends/xtensor/bfloat16.hpp>

namespace kasmina::conformance::precision_test {
namespace {

using backends::xtensor_detail::rounded_to_bfloat16;

static_assert(ComputePrecisionBackend<backends::Xtensor<float>>);
static_assert(ComputePrecisionBackend<backends::Xtensor<double>>);
static_assert(ComputePrecisionBackend<test::DeviceLike<double>>);
// The CPU backend multiplies in full and lets nobody believe otherwise.
static_assert(!ComputePrecisionBackend<backends::Eigen<float>>);
static_assert(!ComputePrecisionBackend<backends::Eigen<double>>);

Values rounded(Values values) {
    for (double& value : values) value = rounded_to_bfloat16(value);
    return values;
}

/// What `call`, a generic callable on a Run and two inputs, writes with the context set to fast.
template <class B, class Call>
std::vector<Values> fast_results(const Call& call, const Values& a, const Values& b) {
    typename B::Context context{};
    context.set_precision(Precision::fast);
    return results_of<B>(context, [&](Run<B>& run) { call(run, run.in(a), run.in(b)); });
}

/// A fast product of two inputs is the full product of the rounded ones, and differs from the
/// full product of the inputs.
template <class Call>
void check_fast(const Call& call, const Values& a, const Values& b) {
    Oracle::Context context;
    const auto full = [&](const Values& x, const Values& y) {
        return results_of<Oracle>(context,
                                  [&](Run<Oracle>& run) { call(run, run.in(x), run.in(y)); });
    };
    const auto expected = full(rounded(a), rounded(b));
    CHECK(identical(fast_results<Oracle>(call, a, b), expected));
    CHECK(identical(fast_results<test::DeviceLike<double>>(call, a, b), expected));
    const double error = difference(full(a, b)[0], expected[0]);
    CHECK(error > 1e-5);
    CHECK(error < 2e-2);
    // Sums as wide as the scalar: floats lose no more than float sums do.
    CHECK(difference(expected[0], fast_results<backends::Xtensor<float>>(call, a, b)[0]) < 1e-5);
}

}  // namespace

TEST_CASE("numbers round to bfloat16 to the nearest, ties to even", "[P-8]") {
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(rounded_to_bfloat16(1.0) == 1.0);
    CHECK(rounded_to_bfloat16(-3.5F) == -3.5F);
    CHECK(rounded_to_bfloat16(1.0 + 0x1p-8) == 1.0);               // a tie, to even
    CHECK(rounded_to_bfloat16(1.0 + 3 * 0x1p-8) == 1.0 + 0x1p-6);  // a tie, to even
    CHECK(rounded_to_bfloat16(1.0 + 0x1p-8 + 0x1p-40) == 1.0 + 0x1p-7);
    CHECK(rounded_to_bfloat16(0.1F) == 0.10009765625F);
    CHECK(rounded_to_bfloat16(3.3895313892515355e38F) == 3.3895313892515355e38F);  // the greatest
    CHECK(rounded_to_bfloat16(std::numeric_limits<float>::max()) ==
          std::numeric_limits<float>::infinity());
    CHECK(rounded_to_bfloat16(-1e300) == -infinity);
    CHECK(rounded_to_bfloat16(0x1p-133) == 0x1p-133);  // the least above 0
    CHECK(rounded_to_bfloat16(0x1p-134) == 0.0);       // a tie, to even
    CHECK(rounded_to_bfloat16(3 * 0x1p-134) == 0x1p-132);
    CHECK(std::signbit(rounded_to_bfloat16(-0.0)));
    CHECK(rounded_to_bfloat16(infinity) == infinity);
    CHECK(std::isnan(rounded_to_bfloat16(std::numeric_limits<double>::quiet_NaN())));
}

TEST_CASE("a context starts with full precision and goes back to it", "[P-8]") {
    Oracle::Context context;
    CHECK(context.precision() == Precision::full);
    context.set_precision(Precision::fast);
    CHECK(context.precision() == Precision::fast);
    context.set_precision(Precision::full);
    const auto results = results_of<Oracle>(context, [](Run<Oracle>& run) {
        Oracle::gemm(
            run.context,
            {.m = 1, .n = 1, .k = 1, .a = run.in({1.001}), .b = run.in({1}), .c = run.out(1)});
    });
    CHECK(results[0][0] == 1.001);
}

TEST_CASE("a precision that does not exist is refused, and changes nothing", "[P-8][E-2]") {
    const auto check = [](auto context) {
        context->set_precision(Precision::fast);
        CHECK_THROWS_AS(context->set_precision(static_cast<Precision>(9)), OptionError);
        CHECK(context->precision() == Precision::fast);
    };
    check(std::make_unique<Oracle::Context>());
    check(std::make_unique<test::DeviceLike<double>::Context>());
}

TEST_CASE("fast matrix products multiply rounded operands", "[P-8]") {
    check_fast(
        [](auto& run, const auto* a, const auto* b) {
            using B = typename std::remove_reference_t<decltype(run)>::Backend;
            B::gemm(run.context, {.m = 5, .n = 7, .k = 30, .a = a, .b = b, .c = run.out(35)});
        },
        normal(150, 1), normal(210, 2));
}

TEST_CASE("a fast product's bias is not rounded", "[P-8]") {
    Oracle::Context context;
    context.set_precision(Precision::fast);
    const auto results = results_of<Oracle>(context, [](Run<Oracle>& run) {
        Oracle::gemm(run.context, {.m = 1,
                                   .n = 1,
                                   .k = 1,
                                   .a = run.in({1}),
                                   .b = run.in({2}),
                                   .c = run.out(1),
                                   .bias = run.in({0.001})});
    });
    CHECK(results[0][0] == 2.001);
}

TEST_CASE("fast convolutions and their ways back multiply rounded operands", "[P-8]") {
    const ConvShape shape = keeping_size({2, 4, 5, 3, 6, 3, 3});
    const Values x = normal(2 * 4 * 5 * 3, 1);
    const Values weight = normal(6 * 3 * 9, 2);
    const Values grad_y = normal(2 * 4 * 5 * 6, 3);
    check_fast(
        [&](auto& run, const auto* in, const auto* by) {
            using B = typename std::remove_reference_t<decltype(run)>::Backend;
            B::conv2d(run.context,
                      {.shape = shape, .x = in, .weight = by, .y = run.out(2 * 4 * 5 * 6)});
        },
        x, weight);
    check_fast(
        [&](auto& run, const auto* in, const auto* by) {
            using B = typename std::remove_reference_t<decltype(run)>::Backend;
            B::conv2d_pullback_input(run.context, {.shape = shape,
                                                   .weight = by,
                                                   .grad_y = in,
                                                   .grad_x = run.target(2 * 4 * 5 * 3, false)});
        },
        grad_y, weight);
    check_fast(
        [&](auto& run, const auto* in, const auto* by) {
            using B = typename std::remove_reference_t<decltype(run)>::Backend;
            B::conv2d_pullback_weight(run.context, {.shape = shape,
                                                    .x = by,
                                                    .grad_y = in,
                                                    .grad_weight = run.target(6 * 3 * 9, true)});
        },
        grad_y, x);
}

TEST_CASE("fast depthwise convolutions and their ways back multiply rounded operands", "[P-8]") {
    ConvShape shape = keeping_size({2, 4, 5, 6, 6, 3, 3});
    shape.groups = 6;
    const Index map = 2 * 4 * 5 * 6;
    const Values x = normal(map, 1);
    const Values weight = normal(6 * 9, 2);
    const Values grad_y = normal(map, 3);
    check_fast(
        [&](auto& run, const auto* in, const auto* by) {
            using B = typename std::remove_reference_t<decltype(run)>::Backend;
            B::depthwise_conv2d(run.context,
                                {.shape = shape, .x = in, .weight = by, .y = run.out(map)});
        },
        x, weight);
    check_fast(
        [&](auto& run, const auto* in, const auto* by) {
            using B = typename std::remove_reference_t<decltype(run)>::Backend;
            B::depthwise_conv2d_pullback_input(
                run.context,
                {.shape = shape, .weight = by, .grad_y = in, .grad_x = run.target(map, false)});
        },
        grad_y, weight);
    check_fast(
        [&](auto& run, const auto* in, const auto* by) {
            using B = typename std::remove_reference_t<decltype(run)>::Backend;
            B::depthwise_conv2d_pullback_weight(
                run.context,
                {.shape = shape, .x = by, .grad_y = in, .grad_weight = run.target(6 * 9, false)});
        },
        grad_y, x);
}

}  // namespace kasmina::conformance::precision_test
