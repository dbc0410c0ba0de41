// Clipping: what counts towards the norm, and gradients that no scale can mend.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <kasmina/optim/clip_gradients.hpp>

#include "optim/parameters.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::clipping_test {
namespace {

template <class B>
using Pointers = std::vector<const Parameter<B>*>;
using Values = std::vector<double>;

TEMPLATE_TEST_CASE("the norm spans all tensors, and a norm within the bound changes nothing",
                   "[H-7]", test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> a = test::make_parameter<B>(context, {1, 1}, {3, 0});
    const Parameter<B> b = test::make_parameter<B>(context, {1}, {4});
    optim::GradientClipper<B> clipper(5.1);
    CHECK(clipper.clip(context, Pointers<B>{&a, &b}).get() == Approx(5.0));
    CHECK(a.gradient().to_host(context) == Values{3, 0});
    CHECK(b.gradient().to_host(context) == Values{4});
}

TEMPLATE_TEST_CASE("a norm above the bound is scaled down to it, values left alone", "[H-7]",
                   test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> a = test::make_parameter<B>(context, {7, 8}, {3, 0});
    const Parameter<B> b = test::make_parameter<B>(context, {9}, {4});
    optim::GradientClipper<B> clipper(1.0);
    CHECK(clipper.clip(context, Pointers<B>{&a, &b}).get() == Approx(5.0));
    CHECK(a.gradient().to_host(context)[0] == Approx(0.6).epsilon(1e-6));
    CHECK(b.gradient().to_host(context)[0] == Approx(0.8).epsilon(1e-6));
    CHECK(clipper.clip(context, Pointers<B>{&a, &b}).get() == Approx(1.0).epsilon(1e-6));
    CHECK(a.value().to_host(context) == Values{7, 8});
}

TEMPLATE_TEST_CASE("frozen parameters and those without a gradient stay out of the norm",
                   "[H-7][I-6]", test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> learning = test::make_parameter<B>(context, {1}, {3});
    const Parameter<B> frozen = test::make_parameter<B>(context, {1}, {100});
    frozen.state()->trainable = false;
    const Parameter<B> untouched = test::make_parameter<B>(context, {1});
    optim::GradientClipper<B> clipper(1.0);
    CHECK(clipper.clip(context, Pointers<B>{&learning, &frozen, &untouched}).get() == Approx(3.0));
    CHECK(frozen.gradient().to_host(context) == Values{100});
    CHECK(clipper.clip(context, Pointers<B>{}).get() == 0.0);
}

TEMPLATE_TEST_CASE("gradients whose norm is not finite are returned as they are", "[H-7]",
                   test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const double infinity = std::numeric_limits<double>::infinity();
    const Parameter<B> sane = test::make_parameter<B>(context, {1}, {3});
    Parameter<B> broken = test::make_parameter<B>(context, {1}, {infinity});
    optim::GradientClipper<B> clipper(1.0);
    CHECK(std::isinf(clipper.clip(context, Pointers<B>{&sane, &broken}).get()));
    CHECK(sane.gradient().to_host(context) == Values{3});
    test::set_gradient<B>(context, broken, {std::nan("")});
    CHECK(std::isnan(clipper.clip(context, Pointers<B>{&sane, &broken}).get()));
    CHECK(sane.gradient().to_host(context) == Values{3});
}

TEST_CASE("clipping waits for nothing; its norm may be read later, as it was", "[H-7][P-3]") {
    using B = test::Device64;
    B::Context context;
    const Parameter<B> parameter = test::make_parameter<B>(context, {0, 0}, {3, 4});
    optim::GradientClipper<B> clipper(1.0);
    const std::uint64_t before = context.waits();
    Pending<B, double> first = clipper.clip(context, Pointers<B>{&parameter});
    Pending<B, double> second = clipper.clip(context, Pointers<B>{&parameter});
    CHECK(context.waits() == before);
    CHECK(second.get() == Approx(1.0).epsilon(1e-6));
    CHECK(first.get() == Approx(5.0));
}

TEST_CASE("a bound that is not positive and finite is refused", "[H-7][E-2]") {
    using B = test::Oracle;
    for (const double bound : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS(optim::GradientClipper<B>(bound), OptionError);
    }
}

}  // namespace
}  // namespace kasmina::clipping_test
