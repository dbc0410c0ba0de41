// Clipping: what counts towards the norm, and gradients that no scale can mend.
#include <cmath>
#include <limits>
#include <vector>

#include <kasmina/optim/clip_gradients.hpp>

#include "optim/parameters.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina {
namespace {

using B = test::Oracle;
using Pointers = std::vector<const Parameter<B>*>;
using Values = std::vector<double>;

TEST_CASE("the norm spans all tensors, and a norm within the bound changes nothing", "[H-7]") {
    B::Context context;
    const Parameter<B> a = test::make_parameter<B>({1, 1}, {3, 0});
    const Parameter<B> b = test::make_parameter<B>({1}, {4});
    optim::GradientClipper<B> clipper(5.1);
    CHECK(clipper.clip(context, Pointers{&a, &b}) == Approx(5.0));
    CHECK(a.gradient().to_host() == Values{3, 0});
    CHECK(b.gradient().to_host() == Values{4});
}

TEST_CASE("a norm above the bound is scaled down to it, values left alone", "[H-7]") {
    B::Context context;
    const Parameter<B> a = test::make_parameter<B>({7, 8}, {3, 0});
    const Parameter<B> b = test::make_parameter<B>({9}, {4});
    optim::GradientClipper<B> clipper(1.0);
    CHECK(clipper.clip(context, Pointers{&a, &b}) == Approx(5.0));
    CHECK(a.gradient().to_host()[0] == Approx(0.6).epsilon(1e-6));
    CHECK(b.gradient().to_host()[0] == Approx(0.8).epsilon(1e-6));
    CHECK(clipper.clip(context, Pointers{&a, &b}) == Approx(1.0).epsilon(1e-6));
    CHECK(a.value().to_host() == Values{7, 8});
}

TEST_CASE("frozen parameters and those without a gradient stay out of the norm", "[H-7][I-6]") {
    B::Context context;
    const Parameter<B> learning = test::make_parameter<B>({1}, {3});
    const Parameter<B> frozen = test::make_parameter<B>({1}, {100});
    frozen.state()->trainable = false;
    const Parameter<B> untouched = test::make_parameter<B>({1});
    optim::GradientClipper<B> clipper(1.0);
    CHECK(clipper.clip(context, Pointers{&learning, &frozen, &untouched}) == Approx(3.0));
    CHECK(frozen.gradient().to_host() == Values{100});
    CHECK(clipper.clip(context, Pointers{}) == 0.0);
}

TEST_CASE("gradients whose norm is not finite are returned as they are", "[H-7]") {
    B::Context context;
    const double infinity = std::numeric_limits<double>::infinity();
    const Parameter<B> sane = test::make_parameter<B>({1}, {3});
    Parameter<B> broken = test::make_parameter<B>({1}, {infinity});
    optim::GradientClipper<B> clipper(1.0);
    CHECK(std::isinf(clipper.clip(context, Pointers{&sane, &broken})));
    CHECK(sane.gradient().to_host() == Values{3});
    test::set_gradient(broken, {std::nan("")});
    CHECK(std::isnan(clipper.clip(context, Pointers{&sane, &broken})));
    CHECK(sane.gradient().to_host() == Values{3});
}

TEST_CASE("a bound that is not positive and finite is refused", "[H-7][E-2]") {
    for (const double bound : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS(optim::GradientClipper<B>(bound), OptionError);
    }
}

}  // namespace
}  // namespace kasmina
