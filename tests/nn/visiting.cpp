// Visiting: names, order, buffers, counts, and that a module may move.
#include <string>
#include <utility>
#include <vector>

#include <kasmina/hosts/cnn.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/gate_network.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/nn/parameters.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina {
namespace {

using B = test::Eigen64;

template <class M>
std::vector<std::string> names_of(M& module) {
    std::vector<std::string> names;
    for (const auto& named : nn::parameters<B>(module)) names.push_back(named.name);
    for (const auto& named : nn::buffers<B>(module)) names.push_back(named.name);
    return names;
}

TEST_CASE("a host names its parameters and buffers as PyTorch would", "[visit]") {
    hosts::Cnn<B> host({.base = 2, .blocks = 2});
    CHECK(names_of(host) ==
          std::vector<std::string>{"blocks.0.conv.weight", "blocks.0.norm.weight",
                                   "blocks.0.norm.bias", "blocks.1.conv.weight",
                                   "blocks.1.norm.weight", "blocks.1.norm.bias",
                                   "classifier.weight", "classifier.bias",
                                   "blocks.0.norm.running_mean", "blocks.0.norm.running_var",
                                   "blocks.1.norm.running_mean", "blocks.1.norm.running_var"});
}

TEST_CASE("an absent bias is not visited", "[visit]") {
    nn::Linear<B> linear(3, 2, nn::Bias::absent);
    CHECK(names_of(linear) == std::vector<std::string>{"weight"});
    CHECK(nn::parameter_count(linear) == 6);
}

TEST_CASE("frozen parameters still count", "[visit][I-6]") {
    nn::Linear<B> linear(3, 2);
    CHECK(nn::parameter_count(linear) == 8);
    CHECK(nn::trainable_parameter_count(linear) == 8);
    nn::set_trainable(linear, false);
    CHECK(nn::parameter_count(linear) == 8);
    CHECK(nn::trainable_parameter_count(linear) == 0);
}

TEST_CASE("a module that moves keeps its parameters and buffers where they are", "[S-11]") {
    nn::BatchNorm2d<B> norm(4);
    const auto* parameter = norm.weight.state().get();
    const auto* buffer = nn::buffers<B>(norm).at(0).buffer;
    const nn::BatchNorm2d<B> moved = std::move(norm);
    CHECK(moved.weight.state().get() == parameter);
    CHECK(moved.running_mean.get() == buffer);
}

static_assert(nn::VisitableModule<nn::Linear<B>, B>);
static_assert(nn::VisitableModule<nn::GateNetwork<B>, B>);
static_assert(!nn::VisitableModule<int, B>);
static_assert(!nn::VisitableModule<Parameter<B>, B>);

}  // namespace
}  // namespace kasmina
