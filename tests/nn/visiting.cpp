// Visiting: names, order, states, counts, names that collide, and that a module may move.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/hosts/cnn.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/gate_network.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/nn/parameters.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/values.hpp"

namespace kasmina::visiting_test {
namespace {

using B = test::Eigen64;

template <class M>
std::vector<std::string> names_of(M& module) {
    std::vector<std::string> names;
    for (const auto& named : nn::parameters<B>(module)) names.push_back(named.name);
    for (const auto& named : nn::states<B>(module)) names.push_back(named.name);
    return names;
}

TEST_CASE("a host names its parameters and states as PyTorch would", "[visit]") {
    B::Context context{};
    hosts::Cnn<B> host(context, {.base = 2, .blocks = 2});
    CHECK(names_of(host) ==
          std::vector<std::string>{"blocks.0.conv.weight", "blocks.0.norm.weight",
                                   "blocks.0.norm.bias", "blocks.1.conv.weight",
                                   "blocks.1.norm.weight", "blocks.1.norm.bias",
                                   "classifier.weight", "classifier.bias",
                                   "blocks.0.norm.running_mean", "blocks.0.norm.running_var",
                                   "blocks.1.norm.running_mean", "blocks.1.norm.running_var"});
}

TEST_CASE("an absent bias is not visited", "[visit]") {
    B::Context context{};
    nn::Linear<B> linear(context, 3, 2, nn::Bias::absent);
    CHECK(names_of(linear) == std::vector<std::string>{"weight"});
    CHECK(nn::parameter_count(linear) == 6);
}

TEST_CASE("frozen parameters still count", "[visit][I-6]") {
    B::Context context{};
    nn::Linear<B> linear(context, 3, 2);
    CHECK(nn::parameter_count(linear) == 8);
    CHECK(nn::trainable_parameter_count(linear) == 8);
    nn::set_trainable(linear, false);
    CHECK(nn::parameter_count(linear) == 8);
    CHECK(nn::trainable_parameter_count(linear) == 0);
}

TEST_CASE("a module that moves keeps its parameters and states where they are", "[S-11]") {
    B::Context context{};
    nn::BatchNorm2d<B> norm(context, 4);
    const auto* parameter = norm.weight.state().get();
    const auto* state = &norm.running_mean.value();
    const nn::AnyState<B> seen = nn::states<B>(norm).at(0).state;
    const nn::BatchNorm2d<B> moved = std::move(norm);
    CHECK(moved.weight.state().get() == parameter);
    CHECK(&moved.running_mean.value() == state);
    CHECK(seen == nn::AnyState<B>(moved.running_mean));
}

/// States of three element types, one of them within a member.
struct Counting : nn::Visitable<Counting> {
    State<B, std::int64_t> steps;
    State<B, std::int32_t> positions;
    nn::BatchNorm2d<B> norm;

    explicit Counting(B::Context& context)
        : steps(Tensor<B, std::int64_t>::full(context, {1}, 0)),
          positions(Tensor<B, std::int32_t>::full(context, {3}, 7)),
          norm(context, 2) {}

    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"steps", &Counting::steps},
                           nn::Member{"positions", &Counting::positions},
                           nn::Member{"norm", &Counting::norm});
    }
};

TEST_CASE("states of any element type are listed, copied and put back", "[P-6]") {
    B::Context context{};
    Counting module(context);
    const auto states = nn::states<B>(module);
    std::vector<std::string> names;
    for (const auto& named : states) names.push_back(named.name);
    CHECK(names ==
          std::vector<std::string>{"steps", "positions", "norm.running_mean", "norm.running_var"});
    CHECK(states[1].state.shape() == Shape{3});
    CHECK(states[1].state.size() == 3);

    std::vector<nn::AnyTensor<B>> saved;
    for (const auto& named : states) saved.push_back(named.state.clone(context));
    const auto before = test::state_values<B>(context, states);
    module.steps.value().fill(context, std::int64_t{1} << 40);
    module.positions.value().fill(context, -1);
    module.norm.running_mean.value().fill(context, 2.5);
    CHECK(test::state_values<B>(context, states) != before);
    for (std::size_t i = 0; i < states.size(); ++i) states[i].state.copy_from(context, saved[i]);
    CHECK(test::state_values<B>(context, states) == before);
    CHECK_THROWS_AS(states[0].state.copy_from(context, saved[1]), std::bad_variant_access);
    CHECK_THROWS_AS(
        states[2].state.copy_from(context, nn::AnyTensor<B>(Tensor<B>::full(context, {3}, 0.0))),
        ShapeError);
}

/// A parameter and a state that go by one name, and two parameters that do.
struct Colliding : nn::Visitable<Colliding> {
    Parameter<B> weight;
    Parameter<B> other;
    State<B> counter;
    bool with_state;

    Colliding(B::Context& context, bool state)
        : weight(nn::constant_parameter<B>(context, {2})),
          other(nn::constant_parameter<B>(context, {4})),
          counter(Tensor<B>::full(context, {1}, 0)),
          with_state(state) {}

    template <class Visitor>
    void visit(Visitor&& visitor) {
        visitor.parameter("weight", weight);
        if (with_state) {
            visitor.state("weight", counter);
        } else {
            visitor.parameter("weight", other);
        }
    }
};

nn::Contents<B> listed(Colliding& module) {
    nn::Contents<B> found;
    module.visit(found);
    return found;
}

TEST_CASE("two tensors of one name are an error that says which", "[P-6]") {
    B::Context context{};
    for (const bool state : {false, true}) {
        Colliding module(context, state);
        try {
            nn::require_distinct_names(listed(module), "a module");
            FAIL("two tensors of one name were accepted");
        } catch (const DuplicateNameError& error) {
            CHECK(error.where() == "a module");
            CHECK(error.got() == (state ? "weight for parameter 0 (2) and state 0 (1)"
                                        : "weight for parameter 0 (2) and parameter 1 (4)"));
        }
    }
    hosts::Cnn<B> host(context, {.base = 2, .blocks = 2});
    CHECK_NOTHROW(nn::require_distinct_names(nn::contents<B>(host), "a host"));
}

static_assert(nn::VisitableModule<nn::Linear<B>, B>);
static_assert(nn::VisitableModule<nn::GateNetwork<B>, B>);
static_assert(!nn::VisitableModule<int, B>);
static_assert(!nn::VisitableModule<Parameter<B>, B>);

}  // namespace
}  // namespace kasmina::visiting_test
