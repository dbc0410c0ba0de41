// The gradient probe: one norm over many tensors and one for each, the same for any thread count.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include <kasmina/health/gradient_probe.hpp>

#include "optim/parameters.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::gradient_probe_test {
namespace {

TEMPLATE_TEST_CASE("the probe measures the norm of all and of each", "[I-4][I-7]", test::Eigen32,
                   test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> a = test::make_parameter<B>(context, {0, 0}, {2, 2});
    const Parameter<B> b = test::make_parameter<B>(context, {0}, {1});
    const std::vector<const Parameter<B>*> both{&a, &b};
    GradientProbe<B> probe;
    const GradientNorm norm = probe.measure(context, both);
    CHECK(norm.measured);
    CHECK(norm.norm == Approx(3.0));
    CHECK(norm.parameters == 3);
    REQUIRE(probe.tensor_norms().size() == 2);
    CHECK(probe.tensor_norms()[0] == Approx(std::sqrt(8.0)));
    CHECK(probe.tensor_norms()[1] == Approx(1.0));
}

TEMPLATE_TEST_CASE("parameters without a gradient count, frozen ones too, and lend no norm",
                   "[I-4][I-6]", test::Eigen32, test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> learning = test::make_parameter<B>(context, {0, 0}, {3, 4});
    Parameter<B> frozen = test::make_parameter<B>(context, {0, 0, 0}, {9, 9, 9});
    frozen.set_trainable(false);
    const std::vector<const Parameter<B>*> both{&learning, &frozen};
    GradientProbe<B> probe;
    const GradientNorm norm = probe.measure(context, both);
    CHECK(norm.norm == Approx(5.0));
    CHECK(norm.parameters == 5);
    CHECK(probe.tensor_norms().size() == 1);
}

TEMPLATE_TEST_CASE("no gradient at all is not measured", "[I-4]", test::Eigen32, test::Oracle,
                   test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> none = test::make_parameter<B>(context, {1, 2});
    const Parameter<B> some = test::make_parameter<B>(context, {1}, {1});
    GradientProbe<B> probe;
    CHECK(probe.measure(context, std::vector<const Parameter<B>*>{&some}).measured);
    const GradientNorm norm = probe.measure(context, std::vector<const Parameter<B>*>{&none});
    CHECK_FALSE(norm.measured);
    CHECK(norm.norm == 0.0);
    CHECK(norm.parameters == 2);
    CHECK(probe.tensor_norms().empty());
    CHECK_FALSE(probe.measure(context, std::vector<const Parameter<B>*>{}).measured);
}

TEMPLATE_TEST_CASE("a gradient that is not finite shows in its tensor and in the whole", "[I-7]",
                   test::Eigen32, test::Oracle, test::Device64) {
    using B = TestType;
    using Scalar = typename B::Scalar;
    typename B::Context context;
    const Parameter<B> broken =
        test::make_parameter<B>(context, {0}, {std::numeric_limits<Scalar>::quiet_NaN()});
    const Parameter<B> sane = test::make_parameter<B>(context, {0}, {1});
    GradientProbe<B> probe;
    const GradientNorm norm =
        probe.measure(context, std::vector<const Parameter<B>*>{&broken, &sane});
    CHECK_FALSE(std::isfinite(norm.norm));
    CHECK(parameter_health(probe.tensor_norms()).exploding);
    CHECK(probe.tensor_norms()[1] == Approx(1.0));
}

TEMPLATE_TEST_CASE("a launched measurement is of the gradients as they were then, and is read once",
                   "[I-5]", test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    Parameter<B> parameter = test::make_parameter<B>(context, {0, 0}, {3, 4});
    const std::vector<const Parameter<B>*> pointers{&parameter};
    GradientProbe<B> probe;
    CHECK_THROWS_AS(probe.read(), OptionError);
    probe.launch(context, pointers);
    parameter.state()->gradient.dense().assign(context, std::vector<double>{300, 400});
    const GradientNorm norm = probe.read()[0];
    CHECK(norm.norm == Approx(5.0));
    CHECK(norm.measured);
    CHECK(probe.tensor_norms()[0] == Approx(5.0));
    CHECK_THROWS_AS(probe.read(), OptionError);
}

TEMPLATE_TEST_CASE("several groups are measured at once, each by itself", "[I-4][P-3]",
                   test::Eigen32, test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> a = test::make_parameter<B>(context, {0, 0}, {2, 2});
    const Parameter<B> b = test::make_parameter<B>(context, {0}, {1});
    const Parameter<B> none = test::make_parameter<B>(context, {0, 0, 0});
    GradientProbe<B> probe;
    const std::size_t host = probe.add(std::vector<const Parameter<B>*>{&a, &none});
    const std::size_t silent = probe.add(std::vector<const Parameter<B>*>{&none});
    const std::size_t seed = probe.add(std::vector<const Parameter<B>*>{&b});
    CHECK_FALSE(probe.launched());
    probe.launch(context);
    CHECK(probe.launched());
    const std::span<const GradientNorm> norms = probe.read();
    REQUIRE(norms.size() == 3);
    CHECK(norms[host].norm == Approx(std::sqrt(8.0)));
    CHECK(norms[host].parameters == 5);
    CHECK_FALSE(norms[silent].measured);
    CHECK(norms[silent].parameters == 3);
    CHECK(norms[seed].norm == Approx(1.0));
    CHECK(probe.tensor_norms(host).size() == 1);
    CHECK(probe.tensor_norms(silent).empty());
    CHECK(probe.tensor_norms(seed)[0] == Approx(1.0));
    CHECK_THROWS_AS(probe.tensor_norms(3), OptionError);

    // The next group after a launch begins anew.
    CHECK(probe.add(std::vector<const Parameter<B>*>{&b}) == 0);
    CHECK_THROWS_AS(probe.tensor_norms(0), OptionError);
    probe.launch(context);
    CHECK(probe.read().size() == 1);
}

TEST_CASE("a parameter that goes between add and launch is measured all the same", "[I-4][E-4]") {
    using B = test::Eigen32;
    B::Context context;
    const Parameter<B> host = test::make_parameter<B>(context, {0}, {1});
    std::optional<Parameter<B>> seed(test::make_parameter<B>(context, {0, 0}, {3, 4}));
    GradientProbe<B> probe;
    probe.add(std::vector<const Parameter<B>*>{&host});
    probe.add(std::vector<const Parameter<B>*>{&*seed});
    seed.reset();
    probe.launch(context);
    CHECK(probe.read()[1].norm == Approx(5.0));
}

TEST_CASE("measuring waits for nothing until it is read, and then once", "[P-3]") {
    using B = test::Device64;
    B::Context context;
    const Parameter<B> a = test::make_parameter<B>(context, {0, 0}, {2, 2});
    const Parameter<B> b = test::make_parameter<B>(context, {0}, {1});
    GradientProbe<B> probe;
    const std::uint64_t before = context.waits();
    probe.add(std::vector<const Parameter<B>*>{&a});
    probe.add(std::vector<const Parameter<B>*>{&b});
    probe.launch(context);
    CHECK(context.waits() == before);
    CHECK(probe.read()[1].norm == Approx(1.0));
    CHECK(context.waits() == before + 1);
}

TEST_CASE("norms of several devices combine into the norm of all", "[I-5][I-4]") {
    using B = test::Eigen64;
    B::Context here;
    B::Context there;  // a second device
    const Parameter<B> a = test::make_parameter<B>(here, {0, 0}, {2, 2});
    const Parameter<B> b = test::make_parameter<B>(there, {0}, {1});
    const Parameter<B> none = test::make_parameter<B>(there, {0, 0, 0});
    const std::vector<const Parameter<B>*> first{&a};
    const std::vector<const Parameter<B>*> second{&b, &none};
    const std::vector<const Parameter<B>*> third{&none};
    std::array<GradientProbe<B>, 3> probes;
    probes[0].launch(here, first);
    probes[1].launch(there, second);
    probes[2].launch(there, third);
    const std::array<GradientNorm, 3> norms{probes[0].read()[0], probes[1].read()[0],
                                            probes[2].read()[0]};
    const GradientNorm whole = combined(norms);
    CHECK(whole.norm == Approx(3.0));
    CHECK(whole.parameters == 2 + 1 + 3 + 3);
    CHECK(whole.measured);
    CHECK_FALSE(combined(std::array{norms[2]}).measured);
    CHECK_FALSE(combined({}).measured);
}

TEST_CASE("norms are bit-identical for 1, 2 and 4 threads", "[I-4][E-1]") {
    using B = test::Eigen32;
    std::mt19937 random(7);
    std::uniform_real_distribution<float> draw(-1.0F, 1.0F);
    B::Context context;
    std::vector<Parameter<B>> parameters;
    for (const std::size_t size : {std::size_t{1}, std::size_t{70'001}, std::size_t{300'007}}) {
        std::vector<float> gradient(size);
        for (float& value : gradient) value = draw(random);
        parameters.push_back(test::make_parameter<B>(context, std::vector<float>(size), gradient));
    }
    std::vector<const Parameter<B>*> pointers;
    for (const Parameter<B>& parameter : parameters) pointers.push_back(&parameter);

    std::vector<double> norms;
    for (const int threads : {1, 2, 4}) {
        B::Context some_threads(threads);
        GradientProbe<B> probe;
        norms.push_back(probe.measure(some_threads, pointers).norm);
    }
    double exact = 0.0;
    for (const Parameter<B>& parameter : parameters) {
        for (const float value : parameter.gradient().to_host(context)) {
            exact += static_cast<double>(value) * static_cast<double>(value);
        }
    }
    CHECK(norms[0] == Approx(std::sqrt(exact)).epsilon(1e-5));
    CHECK(norms[0] == norms[1]);
    CHECK(norms[0] == norms[2]);
}

}  // namespace
}  // namespace kasmina::gradient_probe_test
