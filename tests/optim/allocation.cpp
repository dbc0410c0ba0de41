// After the first step, clipping, measuring and stepping allocate nothing and wait for nothing.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <kasmina/health/gradient_probe.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/optim/sgd.hpp>

#include "optim/parameters.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/counting_allocator.hpp"

namespace kasmina {
namespace {

TEMPLATE_TEST_CASE("after the first step nothing is allocated", "[H-7][P-3]",
                   optim::Sgd<test::Eigen32>, optim::AdamW<test::Eigen32>) {
    using B = typename TestType::Backend;
    typename B::Context context;
    const Parameter<B> host = test::make_parameter<B>(context, {1, 2, 3}, {0.5, -1, 4});
    const Parameter<B> seed = test::make_parameter<B>(context, {1, 2}, {1, 1});
    const std::vector<const Parameter<B>*> hosts{&host};
    const std::vector<const Parameter<B>*> seeds{&seed};
    const std::vector<const Parameter<B>*> all{&host, &seed};
    TestType optimiser;
    typename TestType::Options options{};
    if constexpr (requires { options.momentum; }) options.momentum = 0.9;
    optimiser.add_group(options);
    optimiser.synchronise(0, all);
    GradientProbe<B> probe;
    optim::GradientClipper<B> clipper(1.0);
    double norms = 0.0;
    const auto step = [&] {
        probe.add(hosts);
        probe.add(seeds);
        probe.launch(context);
        Pending<B, double> norm = clipper.clip(context, all);
        optimiser.step(context);
        norms += norm.get() + probe.read()[1].norm;
    };
    step();
    const std::size_t before = test::allocations();
    step();
    step();
    CHECK(test::allocations() == before);
    CHECK(norms > 0.0);
}

TEST_CASE("health, clipping and a step wait for nothing", "[H-7][P-3]") {
    using B = test::Device32;
    B::Context context;
    const Parameter<B> host = test::make_parameter<B>(context, {1, 2, 3}, {0.5, -1, 4});
    const std::vector<const Parameter<B>*> all{&host};
    optim::AdamW<B> optimiser;
    optimiser.add_group({});
    optimiser.synchronise(0, all);
    GradientProbe<B> probe;
    optim::GradientClipper<B> clipper(1.0);
    const std::uint64_t before = context.waits();
    probe.launch(context, all);
    Pending<B, double> norm = clipper.clip(context, all);
    optimiser.step(context);
    CHECK(context.waits() == before);
    CHECK(norm.get() == Approx(probe.read()[0].norm));
    CHECK(host.value().to_host(context) != std::vector<float>{1, 2, 3});
}

}  // namespace
}  // namespace kasmina
