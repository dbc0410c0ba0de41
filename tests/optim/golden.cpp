// Optimisers and clipping against what PyTorch did, step by step.
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/embedding.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/optim/sgd.hpp>

#include "optim/parameters.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/golden_module.hpp"

namespace kasmina::golden_test {
namespace {

using test::agrees;
using test::GoldenCase;
using test::GoldenTensor;
using test::relative_error;

const std::vector<std::string> names{"bias", "linear", "conv"};

double option_or(const GoldenCase& golden, const std::string& name, double otherwise) {
    return golden.metadata().contains(name) ? golden.number(name) : otherwise;
}

/// The `step`-th of the recorded tensors that are stacked along the first axis.
GoldenTensor at_step(const GoldenTensor& stacked, std::size_t step) {
    GoldenTensor one = stacked;
    const std::size_t size = stacked.values.size() / stacked.shape.front();
    const auto first = stacked.values.begin() + static_cast<std::ptrdiff_t>(step * size);
    one.values.assign(first, first + static_cast<std::ptrdiff_t>(size));
    one.shape.erase(one.shape.begin());
    return one;
}

/// Steps `optimiser` through a recorded case and compares values after each step and the state
/// after the last.
template <class B, class Rule>
void follow(const GoldenCase& golden, const typename Rule::Options& options,
            const std::vector<std::string>& moments) {
    using Scalar = typename B::Scalar;
    typename B::Context context;
    std::vector<Parameter<B>> parameters;
    for (const std::string& name : names) {
        const GoldenTensor& recorded = golden.at("param." + name);
        const std::vector<Scalar> values = recorded.as<Scalar>();
        parameters.emplace_back(Tensor<B>::from_host(context, test::shape_of(recorded), values));
    }
    std::vector<const Parameter<B>*> pointers;
    for (const Parameter<B>& parameter : parameters) pointers.push_back(&parameter);

    optim::Optimiser<B, Rule> optimiser;
    const std::size_t group = optimiser.add_group(options);
    optimiser.synchronise(group, pointers);
    const std::ptrdiff_t steps = golden.count("steps");
    REQUIRE(steps == 20);
    for (std::size_t step = 0; step < static_cast<std::size_t>(steps); ++step) {
        for (std::size_t i = 0; i < names.size(); ++i) {
            const GoldenTensor gradient = at_step(golden.at("grad." + names[i]), step);
            test::set_gradient<B>(context, parameters[i], gradient.template as<Scalar>());
        }
        optimiser.step(context);
        for (std::size_t i = 0; i < names.size(); ++i) {
            const GoldenTensor after = at_step(golden.at("after." + names[i]), step);
            INFO(golden.file() << ", step " << step << ", " << names[i] << ", off by "
                               << relative_error(parameters[i].value().to_host(context), after));
            REQUIRE(agrees(parameters[i].value().to_host(context), after));
        }
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& tracked = optimiser.tracked(group)[i];
        CHECK(tracked.steps == steps);
        for (std::size_t m = 0; m < moments.size(); ++m) {
            const Tensor<B>& state = m == 0 ? tracked.first : tracked.second;
            INFO(golden.file() << " " << moments[m] << " " << names[i]);
            CHECK(
                agrees(state.to_host(context), golden.at("state." + moments[m] + "." + names[i])));
        }
    }
}

TEMPLATE_TEST_CASE("SGD is PyTorch's, step for step", "[H-7][golden]", test::Eigen32, test::Eigen64,
                   test::Oracle, test::Device64) {
    for (const std::string& name : test::golden_cases("optimiser/sgd_")) {
        const GoldenCase golden = test::read_golden(name);
        const optim::SgdOptions options{.learning_rate = golden.number("lr"),
                                        .momentum = option_or(golden, "momentum", 0.0),
                                        .weight_decay = option_or(golden, "weight_decay", 0.0),
                                        .nesterov = golden.metadata().contains("nesterov")};
        std::vector<std::string> moments;
        if (options.momentum > 0.0) moments.emplace_back("momentum");
        follow<TestType, optim::SgdRule>(golden, options, moments);
    }
}

TEMPLATE_TEST_CASE("SGD on rows is PyTorch's on the gradient of a sparse embedding",
                   "[H-7][N-2][golden]", test::Eigen32, test::Device64) {
    using B = TestType;
    using Scalar = typename B::Scalar;
    const GoldenCase golden = test::read_golden("optimiser/sparse_sgd");
    typename B::Context context;
    const GoldenTensor& begin = golden.at("param.weight");
    const Parameter<B> table(
        Tensor<B>::from_host(context, test::shape_of(begin), begin.as<Scalar>()));
    const std::vector<const Parameter<B>*> all{&table};
    optim::Sgd<B> sgd;
    sgd.synchronise(sgd.add_group({.learning_rate = golden.number("lr")}), all);
    Tape<B> tape(context);
    for (std::size_t step = 0; step < 5; ++step) {
        const std::vector<double> labels = at_step(golden.at("labels"), step).values;
        const std::vector<std::int32_t> ids(labels.begin(), labels.end());
        tape.clear();
        sgd.zero_gradients();
        const Variable<B> rows =
            ops::embedding(tape.parameter(table), TokenIds<B>(context, {6}, ids, 9));
        tape.backward(rows, at_step(golden.at("grad_output"), step).template as<Scalar>());
        REQUIRE(table.state()->gradient.in_rows());
        sgd.step(context);
        CHECK(agrees(table.value().to_host(context), at_step(golden.at("after.weight"), step)));
    }
    const RowGradient<B>& left = *table.state()->gradient.rows();
    const std::vector<std::int32_t> ids = left.ids.to_host(context);
    const std::vector<double>& expected = golden.at("ids").values;
    std::vector<double> named;
    std::vector<Scalar> rows;
    for (std::size_t place = 0; place < ids.size(); ++place) {
        if (ids[place] < 0) continue;
        named.push_back(ids[place]);
        const std::vector<Scalar> values = left.values.to_host(context);
        for (std::size_t k = 0; k < 7; ++k) rows.push_back(values[7 * place + k]);
    }
    CHECK(named == expected);
    CHECK(agrees(rows, golden.at("rows")));
}

TEMPLATE_TEST_CASE("AdamW is PyTorch's, step for step", "[H-7][golden]", test::Eigen32,
                   test::Eigen64, test::Oracle, test::Device64) {
    for (const std::string& name : test::golden_cases("optimiser/adamw_")) {
        const GoldenCase golden = test::read_golden(name);
        const optim::AdamWOptions options{.learning_rate = golden.number("lr"),
                                          .beta1 = golden.number("beta1"),
                                          .beta2 = golden.number("beta2"),
                                          .epsilon = golden.number("eps"),
                                          .weight_decay = golden.number("weight_decay"),
                                          .decayed = golden.metadata().contains("decayed")
                                                         ? optim::Decayed::matrices
                                                         : optim::Decayed::all};
        follow<TestType, optim::AdamWRule>(golden, options, {"first", "second"});
    }
}

TEMPLATE_TEST_CASE("gradients are clipped as PyTorch clips them", "[H-7][golden]", test::Eigen32,
                   test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    using Scalar = typename B::Scalar;
    typename B::Context context;
    for (const std::string& name : test::golden_cases("optimiser/clip_")) {
        INFO(name);
        const GoldenCase golden = test::read_golden(name);
        std::vector<Parameter<B>> parameters;
        for (const std::string& tensor : names) {
            const GoldenTensor& gradient = golden.at("grad." + tensor);
            parameters.emplace_back(Tensor<B>::full(context, test::shape_of(gradient), Scalar{0}));
            test::set_gradient<B>(context, parameters.back(), gradient.as<Scalar>());
        }
        std::vector<const Parameter<B>*> pointers;
        for (const Parameter<B>& parameter : parameters) pointers.push_back(&parameter);

        optim::GradientClipper<B> clipper(golden.number("max_norm"));
        const std::vector<Scalar> norm{static_cast<Scalar>(clipper.clip(context, pointers).get())};
        CHECK(agrees(norm, golden.at("norm")));
        for (std::size_t i = 0; i < names.size(); ++i) {
            CHECK(agrees(parameters[i].gradient().to_host(context),
                         golden.at("clipped." + names[i])));
        }
    }
}

}  // namespace
}  // namespace kasmina::golden_test
