// After the first step, clipping, measuring and stepping allocate nothing and wait for nothing.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <kasmina/autodiff/ops/embedding.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>
#include <kasmina/health/gradient_probe.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/optim/sgd.hpp>

#include "optim/parameters.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/counting_allocator.hpp"

namespace kasmina::allocation_test {
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

TEST_CASE("no tensor of a table's size is made for SGD on rows, and nothing after the first step",
          "[H-7][N-2][P-3][P-4]") {
    using B = test::Eigen32;
    constexpr Index rows = 5000;
    constexpr Index width = 16;
    B::Context context;
    const Parameter<B> table(Tensor<B>::full(context, {rows, width}, 0.5F));
    const std::vector<const Parameter<B>*> all{&table};
    optim::Sgd<B> sgd;
    sgd.synchronise(sgd.add_group({}), all);
    const TokenIds<B> batch(context, {2, 3}, std::vector<std::int32_t>{4999, 7, 7, 0, 8, 7}, rows);
    const TokenIds<B> less(context, {2}, std::vector<std::int32_t>{3, 3}, rows);
    GradientProbe<B> probe;
    optim::GradientClipper<B> clipper(1.0);
    Tape<B> tape(context);
    double norms = 0.0;
    const auto step = [&](const TokenIds<B>& ids) {
        tape.clear();
        sgd.zero_gradients();
        tape.backward(ops::sum(ops::embedding(tape.parameter(table), ids)));
        probe.launch(context, all);
        Pending<B, double> norm = clipper.clip(context, all);
        sgd.step(context);
        norms += norm.get() + probe.read()[0].norm;
    };
    const std::size_t at_first = test::forget_most_bytes();
    step(batch);
    CHECK(test::most_bytes() - at_first < rows * width * sizeof(float) / 4);
    step(less);
    const std::size_t before = test::allocations();
    step(batch);
    step(less);
    step(batch);
    CHECK(test::allocations() == before);
    CHECK(test::most_bytes() - at_first < rows * width * sizeof(float) / 4);
    CHECK(norms > 0.0);
    CHECK(table.state()->gradient.in_rows());
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
}  // namespace kasmina::allocation_test
