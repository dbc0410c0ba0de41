// Optimiser state follows parameters: it comes with a seed, goes with it, and rests while frozen.
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/sgd.hpp>

#include "optim/parameters.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::groups_test {
namespace {

template <class B>
using Pointers = std::vector<const Parameter<B>*>;
using Values = std::vector<double>;
using optim::AdamW;
using optim::Sgd;

TEMPLATE_TEST_CASE("groups step with their own rates", "[H-7]", test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> host = test::make_parameter<B>(context, {1}, {1});
    const Parameter<B> seed = test::make_parameter<B>(context, {1}, {1});
    Sgd<B> sgd;
    const std::size_t slow = sgd.add_group({.learning_rate = 0.25});
    const std::size_t fast = sgd.add_group({.learning_rate = 0.5});
    CHECK(sgd.groups() == 2);
    sgd.synchronise(slow, Pointers<B>{&host});
    sgd.synchronise(fast, Pointers<B>{&seed});
    sgd.step(context);
    CHECK(host.value().to_host(context) == Values{0.75});
    CHECK(seed.value().to_host(context) == Values{0.5});

    sgd.set_learning_rate(slow, 0.5);
    CHECK(sgd.options(slow).learning_rate == 0.5);
    sgd.step(context);
    CHECK(host.value().to_host(context) == Values{0.25});
    CHECK(seed.value().to_host(context) == Values{0.0});
}

TEMPLATE_TEST_CASE("a seed that comes later starts with fresh state, as if it were alone", "[H-7]",
                   test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    Parameter<B> host = test::make_parameter<B>(context, {1, 2}, {0.5, -1});
    const Parameter<B> late = test::make_parameter<B>(context, {3}, {2});
    const Parameter<B> alone = test::make_parameter<B>(context, {3}, {2});
    const Parameter<B> undisturbed = test::make_parameter<B>(context, {1, 2}, {0.5, -1});

    AdamW<B> shared;
    shared.add_group({.learning_rate = 0.1});
    shared.synchronise(0, Pointers<B>{&host});
    AdamW<B> apart;
    apart.add_group({.learning_rate = 0.1});
    apart.add_group({.learning_rate = 0.1});
    apart.synchronise(0, Pointers<B>{&undisturbed});
    for (int step = 0; step < 3; ++step) {
        shared.step(context);
        apart.step(context);
    }
    // Before and between those that are known, so that runs of equal step counts are cut.
    shared.synchronise(0, Pointers<B>{&late, &host});
    apart.synchronise(1, Pointers<B>{&alone});
    CHECK(shared.tracked(0)[0].steps == 0);
    CHECK(shared.tracked(0)[1].steps == 3);
    for (int step = 0; step < 3; ++step) {
        shared.step(context);
        apart.step(context);
    }
    CHECK(late.value().to_host(context) == alone.value().to_host(context));
    CHECK(host.value().to_host(context) == undisturbed.value().to_host(context));
    CHECK(late.value().to_host(context) != Values{3});
}

TEMPLATE_TEST_CASE("decay of matrices alone is that of a group for them and one for the others",
                   "[H-7]", test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const auto make = [&](const Shape& shape) {
        Parameter<B> parameter(Tensor<B>::full(context, shape, 2.0));
        test::set_gradient<B>(context, parameter,
                              Values(static_cast<std::size_t>(parameter.value().size()), 0.5));
        return parameter;
    };
    const auto make_all = [&] {
        std::vector<Parameter<B>> parameters;
        for (const Shape& shape : {Shape{3}, Shape{2, 1}, Shape{}, Shape{1, 1}, Shape{2}}) {
            parameters.push_back(make(shape));
        }
        return parameters;
    };
    const std::vector<Parameter<B>> one = make_all();
    const std::vector<Parameter<B>> two = make_all();
    const optim::AdamWOptions all{.learning_rate = 0.1, .weight_decay = 0.5};
    optim::AdamWOptions matrices = all;
    matrices.decayed = optim::Decayed::matrices;
    optim::AdamWOptions none = all;
    none.weight_decay = 0.0;
    AdamW<B> together;
    together.add_group(matrices);
    AdamW<B> apart;
    apart.add_group(all);
    apart.add_group(none);
    const auto check_steps = [&] {
        for (int step = 0; step < 2; ++step) {
            together.step(context);
            apart.step(context);
        }
        for (std::size_t i = 0; i < one.size(); ++i) {
            CAPTURE(i);
            CHECK(one[i].value().to_host(context) == two[i].value().to_host(context));
        }
    };
    together.synchronise(0, Pointers<B>{&one[1], &one[4]});
    apart.synchronise(0, Pointers<B>{&two[1]});
    apart.synchronise(1, Pointers<B>{&two[4]});
    check_steps();
    CHECK(one[1].value().to_host(context)[0] < one[4].value().to_host(context)[0]);
    // Others come between them.
    together.synchronise(0, Pointers<B>{&one[0], &one[1], &one[2], &one[3], &one[4]});
    apart.synchronise(0, Pointers<B>{&two[1], &two[3]});
    apart.synchronise(1, Pointers<B>{&two[0], &two[2], &two[4]});
    check_steps();
    CHECK(together.tracked(0)[1].steps == 4);
    CHECK(together.tracked(0)[2].steps == 2);
}

TEMPLATE_TEST_CASE("the state of a pruned seed goes, and does not come back with it", "[H-7]",
                   test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> host = test::make_parameter<B>(context, {1}, {1});
    std::optional<Parameter<B>> seed(test::make_parameter<B>(context, {1}, {1}));
    Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.5, .momentum = 0.5});
    sgd.synchronise(0, Pointers<B>{&host, &*seed});
    sgd.step(context);
    const std::weak_ptr<ParameterState<B>> state = seed->state();

    SECTION("dropped by synchronise") {
        sgd.synchronise(0, Pointers<B>{&host});
        CHECK(sgd.tracked(0).size() == 1);
        sgd.synchronise(0, Pointers<B>{&host, &*seed});
        CHECK(sgd.tracked(0)[0].steps == 1);
        CHECK(sgd.tracked(0)[1].steps == 0);
        CHECK(sgd.tracked(0)[1].first.empty());
    }
    SECTION("destroyed without a word: the optimiser keeps nothing alive and steps on") {
        seed.reset();
        CHECK(state.expired());
        sgd.step(context);
        CHECK(host.value().to_host(context) == Values{1 - 0.5 - 0.5 * 1.5});
        sgd.zero_gradients();
        CHECK_FALSE(host.has_gradient());
    }
}

TEMPLATE_TEST_CASE("parameters that move with their module keep their state", "[H-7][S-11]",
                   test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    Parameter<B> before = test::make_parameter<B>(context, {1}, {1});
    Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.5, .momentum = 0.5});
    sgd.synchronise(0, Pointers<B>{&before});
    sgd.step(context);
    const Parameter<B> after = std::move(before);
    sgd.synchronise(0, Pointers<B>{&after});
    CHECK(sgd.tracked(0)[0].steps == 1);
    sgd.step(context);
    CHECK(after.value().to_host(context) == Values{1 - 0.5 - 0.5 * 1.5});
}

TEMPLATE_TEST_CASE("frozen parameters are moved by neither momentum nor decay", "[I-6][H-7]",
                   optim::Sgd<test::Oracle>, optim::AdamW<test::Oracle>, optim::Sgd<test::Device64>,
                   optim::AdamW<test::Device64>) {
    using B = typename TestType::Backend;
    typename B::Context context;
    typename TestType::Options options{};
    options.learning_rate = 0.125;
    options.weight_decay = 0.5;
    if constexpr (requires { options.momentum; }) options.momentum = 0.9;
    TestType optimiser;
    optimiser.add_group(options);
    Parameter<B> parameter = test::make_parameter<B>(context, {1, -2}, {1, 1});
    optimiser.synchronise(0, Pointers<B>{&parameter});
    optimiser.step(context);
    const Values value = parameter.value().to_host(context);
    const Values moment = optimiser.tracked(0)[0].first.to_host(context);

    parameter.set_trainable(false);
    parameter.state()->has_gradient = true;  // not even a gradient that lies about
    optimiser.step(context);
    CHECK(parameter.value().to_host(context) == value);
    CHECK(optimiser.tracked(0)[0].first.to_host(context) == moment);
    CHECK(optimiser.tracked(0)[0].steps == 1);

    parameter.set_trainable(true);
    optimiser.step(context);
    CHECK(parameter.value().to_host(context) != value);
    CHECK(optimiser.tracked(0)[0].steps == 2);
}

TEMPLATE_TEST_CASE("a parameter without a gradient is skipped, decay and all", "[H-7]",
                   test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> parameter = test::make_parameter<B>(context, {1}, {1});
    Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.5, .momentum = 0.9, .weight_decay = 0.1});
    sgd.synchronise(0, Pointers<B>{&parameter});
    sgd.step(context);
    const Values value = parameter.value().to_host(context);
    sgd.zero_gradients();
    sgd.step(context);
    CHECK(parameter.value().to_host(context) == value);
    CHECK(sgd.tracked(0)[0].steps == 1);
}

TEMPLATE_TEST_CASE("clear_state forgets moments and counts, and keeps groups and members",
                   "[H-7][K]", test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> used = test::make_parameter<B>(context, {1, 2}, {0.5, -1});
    AdamW<B> adamw;
    adamw.add_group({.learning_rate = 0.1});
    adamw.synchronise(0, Pointers<B>{&used});
    for (int step = 0; step < 5; ++step) adamw.step(context);
    const Parameter<B> fresh =
        test::make_parameter<B>(context, used.value().to_host(context), {0.5, -1});
    AdamW<B> anew;
    anew.add_group({.learning_rate = 0.1});
    anew.synchronise(0, Pointers<B>{&fresh});

    adamw.clear_state();
    REQUIRE(adamw.tracked(0).size() == 1);
    CHECK(adamw.tracked(0)[0].steps == 0);
    CHECK(adamw.tracked(0)[0].first.empty());
    CHECK(adamw.tracked(0)[0].second.empty());
    for (int step = 0; step < 3; ++step) {
        adamw.step(context);
        anew.step(context);
    }
    CHECK(used.value().to_host(context) == fresh.value().to_host(context));
}

TEMPLATE_TEST_CASE("a parameter named twice is stepped once", "[H-7][H-4]", test::Oracle,
                   test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> tied = test::make_parameter<B>(context, {1}, {1});
    Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.25});
    sgd.synchronise(0, Pointers<B>{&tied, &tied});
    CHECK(sgd.tracked(0).size() == 1);
    sgd.step(context);
    CHECK(tied.value().to_host(context) == Values{0.75});
}

TEMPLATE_TEST_CASE("options out of range are refused, with the option named", "[H-7][E-2]",
                   test::Oracle, test::Device64) {
    using B = TestType;
    const double nan = std::nan("");
    const double infinity = std::numeric_limits<double>::infinity();
    const std::vector<std::pair<optim::SgdOptions, std::string>> bad_sgd{
        {{.learning_rate = -0.1}, "learning_rate"},
        {{.learning_rate = nan}, "learning_rate"},
        {{.learning_rate = infinity}, "learning_rate"},
        {{.momentum = -0.1}, "momentum"},
        {{.momentum = 1.0}, "momentum"},
        {{.weight_decay = -1e-9}, "weight_decay"},
        {{.nesterov = true}, "Nesterov"}};
    for (const auto& [options, named] : bad_sgd) {
        Sgd<B> sgd;
        const std::string text =
            test::error_text<OptionError>([&, &given = options] { sgd.add_group(given); });
        INFO(named << ": " << text);
        CHECK(test::mentions(text, named));
        CHECK(sgd.groups() == 0);
    }
    const std::vector<std::pair<optim::AdamWOptions, std::string>> bad_adamw{
        {{.learning_rate = -1.0}, "learning_rate"},
        {{.beta1 = 1.0}, "beta1"},
        {{.beta1 = -0.1}, "beta1"},
        {{.beta2 = 1.0}, "beta2"},
        {{.epsilon = -1e-8}, "epsilon"},
        {{.weight_decay = nan}, "weight_decay"},
        {{.decayed = static_cast<optim::Decayed>(7)}, "all (0), matrices (1)"}};
    for (const auto& [options, named] : bad_adamw) {
        AdamW<B> adamw;
        const std::string text =
            test::error_text<OptionError>([&, &given = options] { adamw.add_group(given); });
        INFO(named << ": " << text);
        CHECK(test::mentions(text, named));
    }
}

TEMPLATE_TEST_CASE("an unknown group and a bad rate are errors that change nothing", "[H-7][E-2]",
                   test::Oracle, test::Device64) {
    using B = TestType;
    Sgd<B> sgd;
    CHECK_THROWS_AS(sgd.synchronise(0, Pointers<B>{}), OptionError);
    sgd.add_group({.learning_rate = 0.25});
    CHECK_THROWS_AS(sgd.set_learning_rate(0, -1.0), OptionError);
    CHECK_THROWS_AS(sgd.set_learning_rate(1, 0.5), OptionError);
    CHECK_THROWS_AS(sgd.options(1), OptionError);
    CHECK_THROWS_AS(sgd.tracked(1), OptionError);
    CHECK(sgd.options(0).learning_rate == 0.25);
}

TEMPLATE_TEST_CASE("a parameter of another group is refused, and nothing is changed", "[H-7][E-2]",
                   test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    const Parameter<B> shared(Tensor<B>::full(context, {3}, 1.0F));
    const Parameter<B> own(Tensor<B>::full(context, {2}, 1.0F));
    Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.25});
    sgd.add_group({.learning_rate = 0.5});
    sgd.synchronise(0, Pointers<B>{&shared});
    sgd.synchronise(1, Pointers<B>{&own});
    const std::string text = test::error_text<OptionError>([&] {
        sgd.synchronise(1, Pointers<B>{&own, &shared});
    });
    INFO(text);
    CHECK(test::mentions(text, "(3)"));
    CHECK(sgd.tracked(0).size() == 1);
    REQUIRE(sgd.tracked(1).size() == 1);
    CHECK(sgd.tracked(1)[0].parameter.lock() == own.state());
    sgd.synchronise(0, Pointers<B>{});
    sgd.synchronise(1, Pointers<B>{&own, &shared});
    CHECK(sgd.tracked(1).size() == 2);
}

}  // namespace
}  // namespace kasmina::groups_test
