// An optimiser's state: taken by names, put into a fresh optimiser, whole or not at all.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/sgd.hpp>

#include "optim/parameters.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::state_test {
namespace {

using Values = std::vector<double>;

template <class B>
using Named = std::vector<nn::NamedParameter<B>>;

/// A host of two tensors and a seed of one, each group with options of its own.
template <class Optimiser>
struct Run {
    using B = typename Optimiser::Backend;
    using Options = typename Optimiser::Options;

    explicit Run(typename B::Context& on, double rate = 0.125)
        : context(on),
          weight(test::make_parameter<B>(context, {1, -2})),
          bias(test::make_parameter<B>(context, {3})),
          seed(test::make_parameter<B>(context, {0.5, 0.25, -0.75})) {
        for (const double factor : {1.0, 2.0}) {
            Options options{};
            options.learning_rate = factor * rate;
            if constexpr (requires { options.momentum; }) options.momentum = 0.9;
            if constexpr (requires { options.decayed; }) {
                // All here are vectors.
                options.decayed = rate < 0.5 ? optim::Decayed::matrices : optim::Decayed::all;
            }
            optimiser.add_group(options);
        }
        synchronise();
    }

    void synchronise() {
        optimiser.synchronise(0, host());
        optimiser.synchronise(1, Named<B>{{"slots/r0c0/seed/scale", &seed}});
    }

    Named<B> host() { return {{"host/weight", &weight}, {"host/bias", &bias}}; }

    /// Gradients that differ from step to step; the bias joins in late.
    void step(int number) {
        test::set_gradient<B>(context, weight, {0.5 * number, -1});
        if (number > 1) test::set_gradient<B>(context, bias, {0.25 - number});
        test::set_gradient<B>(context, seed, {1, 0.125 * number, -0.5});
        optimiser.step(context);
    }

    [[nodiscard]] std::vector<Values> values() {
        return {weight.value().to_host(context), bias.value().to_host(context),
                seed.value().to_host(context)};
    }

    /// The values of another run.
    void take_values(const Run& other) {
        weight.value().copy_from(context, other.weight.value());
        bias.value().copy_from(context, other.bias.value());
        seed.value().copy_from(context, other.seed.value());
    }

    typename B::Context& context;
    Parameter<B> weight;
    Parameter<B> bias;
    Parameter<B> seed;
    Optimiser optimiser;
};

template <class B>
Values moments_of(typename B::Context& context, const optim::Optimiser<B, optim::AdamWRule>& of) {
    Values all;
    for (std::size_t group = 0; group < of.groups(); ++group) {
        all.push_back(of.options(group).learning_rate);
        for (const optim::Tracked<B>& tracked : of.tracked(group)) {
            all.push_back(static_cast<double>(tracked.steps));
            for (const Tensor<B>* moment : {&tracked.first, &tracked.second}) {
                const Values values = moment->to_host(context);
                all.insert(all.end(), values.begin(), values.end());
            }
        }
    }
    return all;
}

TEMPLATE_TEST_CASE("a state in a fresh optimiser goes on bit for bit", "[P-7][H-7]",
                   optim::Sgd<test::Eigen64>, optim::AdamW<test::Eigen64>, optim::Sgd<test::Oracle>,
                   optim::AdamW<test::Oracle>, optim::Sgd<test::Device64>,
                   optim::AdamW<test::Device64>) {
    typename TestType::Backend::Context context;
    Run<TestType> before(context);
    for (int step = 1; step <= 3; ++step) before.step(step);
    const auto state = before.optimiser.state(context);
    Run<TestType> after(context, 0.75);
    after.take_values(before);
    after.optimiser.restore(context, state);
    CHECK(after.optimiser.options(0).learning_rate == 0.125);
    CHECK(after.optimiser.options(1).learning_rate == 0.25);
    CHECK(after.optimiser.tracked(0)[0].steps == 3);
    CHECK(after.optimiser.tracked(0)[1].steps == 2);
    for (int step = 4; step <= 6; ++step) {
        before.step(step);
        after.step(step);
        CHECK(after.values() == before.values());
    }
    Run<TestType> forgetful(context);
    forgetful.take_values(before);
    forgetful.step(7);
    before.step(7);
    CHECK(forgetful.values() != before.values());
}

TEMPLATE_TEST_CASE(
    "a state is a copy: training goes on without moving it, and it can be used twice", "[P-7]",
    test::Oracle, test::Device64) {
    using B = TestType;
    typename B::Context context;
    Run<optim::AdamW<B>> run(context);
    for (int step = 1; step <= 3; ++step) run.step(step);
    const auto state = run.optimiser.state(context);
    const Values moments = moments_of<B>(context, run.optimiser);
    run.step(4);
    REQUIRE(moments_of<B>(context, run.optimiser) != moments);
    Run<optim::AdamW<B>> shadow(context);
    shadow.optimiser.restore(context, state);
    shadow.step(4);
    run.optimiser.restore(context, state);
    CHECK(moments_of<B>(context, run.optimiser) == moments);
}

TEST_CASE("taking and giving back a state waits for nothing", "[P-3][P-7]") {
    using B = test::Device64;
    B::Context context;
    Run<optim::AdamW<B>> run(context);
    run.step(1);
    const std::uint64_t before = context.waits();
    run.step(2);
    const auto state = run.optimiser.state(context);
    run.optimiser.restore(context, state);
    run.step(3);
    CHECK(context.waits() == before);
}

TEST_CASE("a state names its rule, and has each parameter under its name", "[P-7]") {
    using B = test::Oracle;
    B::Context context;
    Run<optim::AdamW<B>> run(context);
    run.step(1);
    const auto state = run.optimiser.state(context);
    CHECK(state.rule == "adamw");
    REQUIRE(state.groups.size() == 2);
    REQUIRE(state.groups[0].parameters.size() == 2);
    CHECK(state.groups[0].parameters[0].name == "host/weight");
    CHECK(state.groups[0].parameters[0].first.shape() == Shape{2});
    CHECK(state.groups[0].parameters[1].name == "host/bias");
    CHECK(state.groups[0].parameters[1].steps == 0);
    CHECK(state.groups[0].parameters[1].first.empty());
    CHECK(state.groups[1].parameters[0].name == "slots/r0c0/seed/scale");
    CHECK(Run<optim::Sgd<B>>(context).optimiser.state(context).rule == "sgd");
    // Nothing of it is hidden from those who write it down.
    std::vector<std::string> fields;
    reflect::for_each_field(
        state.groups[0].parameters[0],
        [&fields](std::string_view name, const auto&) { fields.emplace_back(name); });
    CHECK(fields == std::vector<std::string>{"name", "steps", "first", "second"});
}

TEST_CASE("a seed that has gone is not in the state; one that has come starts anew", "[P-7][H-7]") {
    using B = test::Oracle;
    B::Context context;
    Run<optim::AdamW<B>> run(context);
    run.step(1);
    auto late = std::make_unique<Parameter<B>>(test::make_parameter<B>(context, {1}, {1}));
    run.optimiser.synchronise(
        1, Named<B>{{"slots/r0c0/seed/scale", &run.seed}, {"slots/r1c0/seed/scale", late.get()}});
    run.step(2);
    late.reset();
    const auto state = run.optimiser.state(context);
    CHECK(state.groups[1].parameters.size() == 1);

    Run<optim::AdamW<B>> other(context);
    Parameter<B> another = test::make_parameter<B>(context, {1}, {1});
    other.optimiser.synchronise(
        1, Named<B>{{"slots/r0c0/seed/scale", &other.seed}, {"slots/r1c0/seed/scale", &another}});
    other.step(1);
    REQUIRE(other.optimiser.tracked(1)[1].steps == 1);
    other.optimiser.restore(context, state);
    CHECK(other.optimiser.tracked(1)[0].steps == 2);
    CHECK(other.optimiser.tracked(1)[1].steps == 0);
    CHECK(other.optimiser.tracked(1)[1].first.empty());
}

TEST_CASE("a state that does not fit is refused by what is wrong, and nothing is changed",
          "[P-7][E-2]") {
    using B = test::Oracle;
    B::Context context;
    Run<optim::AdamW<B>> source(context);
    for (int step = 1; step <= 3; ++step) source.step(step);
    auto state = source.optimiser.state(context);

    Run<optim::AdamW<B>> run(context, 0.5);
    run.step(1);
    const Values before = moments_of<B>(context, run.optimiser);
    std::string text;
    const auto restore = [&] { run.optimiser.restore(context, state); };
    auto& entry = state.groups[1].parameters[0];
    SECTION("another rule") {
        state.rule = "lion";
        text = test::error_text<StateError>(restore);
        CHECK(test::mentions(text, "adamw"));
        CHECK(test::mentions(text, "lion"));
    }
    SECTION("another number of groups") {
        state.groups.pop_back();
        text = test::error_text<StateError>(restore);
        CHECK(test::mentions(text, "groups"));
    }
    SECTION("options out of range") {
        state.groups[1].options.beta2 = 1.5;
        text = test::error_text<OptionError>(restore);
        CHECK(test::mentions(text, "beta2"));
    }
    SECTION("a name that the group does not step") {
        entry.name = "host/bias";  // of the other group
        text = test::error_text<UnknownNameError>(restore);
        CHECK(test::mentions(text, "host/bias"));
        CHECK(test::mentions(text, "slots/r0c0/seed/scale"));
    }
    SECTION("no name") {
        entry.name.clear();
        text = test::error_text<UnknownNameError>(restore);
    }
    SECTION("one name twice") {
        state.groups[0].parameters[0].name = "host/bias";
        state.groups[0].parameters[0].first = Tensor<B>::full(context, {1}, 0.0);
        state.groups[0].parameters[0].second = Tensor<B>::full(context, {1}, 0.0);
        text = test::error_text<DuplicateNameError>(restore);
        CHECK(test::mentions(text, "host/bias"));
    }
    SECTION("a moment of another shape") {
        entry.second = Tensor<B>::full(context, {3, 1}, 0.0);
        text = test::error_text<ShapeError>(restore);
        CHECK(test::mentions(text, "(3, 1)"));
        CHECK(test::mentions(text, "slots/r0c0/seed/scale"));
    }
    SECTION("a moment that is missing") {
        entry.second = Tensor<B>{};
        text = test::error_text<StateError>(restore);
        CHECK(test::mentions(text, "slots/r0c0/seed/scale"));
    }
    SECTION("moments without a step") {
        entry.steps = 0;
        text = test::error_text<StateError>(restore);
    }
    SECTION("steps below 0") {
        entry = {entry.name, -1, {}, {}};
        text = test::error_text<StateError>(restore);
        CHECK(test::mentions(text, "-1"));
    }
    INFO(text);
    CHECK_FALSE(text.empty());
    CHECK(moments_of<B>(context, run.optimiser) == before);
}

TEST_CASE("parameters without names are stepped, but have no state to give", "[P-7][H-7]") {
    using B = test::Oracle;
    B::Context context;
    const Parameter<B> nameless = test::make_parameter<B>(context, {1}, {1});
    optim::Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.25});
    sgd.synchronise(0, std::vector<const Parameter<B>*>{&nameless});
    sgd.step(context);
    CHECK(nameless.value().to_host(context) == Values{0.75});
    CHECK_THROWS_AS(sgd.state(context), OptionError);
}

TEST_CASE("names are addresses: not empty, and one for each parameter in all groups",
          "[P-7][E-2]") {
    using B = test::Oracle;
    B::Context context;
    Run<optim::Sgd<B>> run(context);
    Parameter<B> other = test::make_parameter<B>(context, {1});
    CHECK_THROWS_AS(run.optimiser.synchronise(0, Named<B>{{"", &run.weight}}), OptionError);
    CHECK_THROWS_AS(
        run.optimiser.synchronise(0, Named<B>{{"host/a", &run.weight}, {"host/a", &other}}),
        DuplicateNameError);
    CHECK_THROWS_AS(run.optimiser.synchronise(1, Named<B>{{"host/bias", &other}}),
                    DuplicateNameError);
    CHECK(run.optimiser.tracked(0).size() == 2);
    CHECK(run.optimiser.tracked(1)[0].name == "slots/r0c0/seed/scale");
    // Tied weights go by their first name; a name may be given to another once its owner is gone.
    run.optimiser.synchronise(0, Named<B>{{"host/in", &run.weight}, {"host/out", &run.weight}});
    REQUIRE(run.optimiser.tracked(0).size() == 1);
    CHECK(run.optimiser.tracked(0)[0].name == "host/in");
    std::optional<Parameter<B>> gone(test::make_parameter<B>(context, {1}));
    run.optimiser.synchronise(1, Named<B>{{"slots/r0c0/seed/scale", &*gone}});
    gone.reset();
    CHECK_NOTHROW(run.optimiser.synchronise(0, Named<B>{{"slots/r0c0/seed/scale", &other}}));
}

TEST_CASE("a parameter that is called otherwise keeps its state", "[H-7]") {
    using B = test::Oracle;
    B::Context context;
    Run<optim::Sgd<B>> run(context);
    run.step(1);
    run.optimiser.synchronise(0, Named<B>{{"trunk/weight", &run.weight}});
    CHECK(run.optimiser.tracked(0)[0].name == "trunk/weight");
    CHECK(run.optimiser.tracked(0)[0].steps == 1);
}

}  // namespace
}  // namespace kasmina::state_test
