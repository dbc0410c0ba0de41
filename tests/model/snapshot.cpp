// Snapshots: what is in them, that they come back bit for bit, and what they are not put into.
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/model/snapshot.hpp>

#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::snapshot_test {
namespace {

/// A CNN that counts something in whole numbers.
template <class B>
struct CountingCnn : hosts::Cnn<B> {
    using hosts::Cnn<B>::Cnn;

    CountingCnn(typename B::Context& context, const hosts::CnnOptions& options)
        : hosts::Cnn<B>(context, options), seen(Tensor<B, std::int32_t>::full(context, {2}, 0)) {}

    template <class Visitor>
    void visit(Visitor&& visitor) {
        hosts::Cnn<B>::visit(visitor);
        visitor.state("seen", seen);
    }
    template <class Visitor>
    void visit(Visitor&& visitor) const {
        hosts::Cnn<B>::visit(visitor);
        visitor.state("seen", seen);
    }

    State<B, std::int32_t> seen;
};

template <class B, class Host = CountingCnn<B>>
using Model = MorphogeneticModel<Host, BlueprintList<cnn::ConvLight>, test::OpenPolicies>;

const hosts::CnnOptions small{.classes = 3, .base = 4, .blocks = 2, .height = 6, .width = 6};

template <class B, class Host = CountingCnn<B>>
Model<B, Host> make_model(typename B::Context& context, const hosts::CnnOptions& options = small,
                          std::uint64_t seed = 5) {
    Generator generator(seed);
    return {context, Host(context, options), {}, generator};
}

template <class M>
void grow_to(M& model, const std::string& name, Stage goal) {
    model.slot(name).germinate("conv_light");
    while (model.slot(name).stage() != goal) REQUIRE(model.slot(name).advance().advanced);
}

/// All values of host and seeds whose names begin with `prefix`.
template <class B, class M>
std::vector<double> values_of(M& model, std::string_view prefix = "") {
    std::vector<double> all;
    const auto note = [&](const auto& tensor) {
        const auto values = tensor.to_host(model.context());
        all.insert(all.end(), values.begin(), values.end());
    };
    const nn::Contents<B> contents = model.contents();
    for (const auto& [name, parameter] : contents.parameters) {
        if (name.starts_with(prefix)) note(parameter->value());
    }
    for (const auto& [name, state] : contents.states) {
        if (name.starts_with(prefix)) state.visit(note);
    }
    return all;
}

/// Moves every value.
template <class B, class M>
void disturb(M& model) {
    const nn::Contents<B> contents = model.contents();
    for (const auto& [name, parameter] : contents.parameters) {
        parameter->value().fill(model.context(), typename B::Scalar{3});
        parameter->state()->has_gradient = true;
    }
    for (const auto& [name, state] : contents.states) {
        state.visit([&]<class T>(Tensor<B, T>& value) { value.fill(model.context(), T{7}); });
    }
}

TEMPLATE_TEST_CASE("a snapshot brings back host and fossils bit for bit, whole numbers too",
                   "[K][S-4]", test::Eigen32, test::Device32) {
    using B = TestType;
    typename B::Context context;
    auto model = make_model<B>(context);
    grow_to(model, "r1c0", Stage::fossilized);
    grow_to(model, "r0c1", Stage::holding);
    model.host().seen.value().assign(context, std::vector<std::int32_t>{41, -1});
    const std::vector<double> host = values_of<B>(model, "host/");
    const std::vector<double> fossil = values_of<B>(model, "slots/r1c0/");
    const auto snapshot = Snapshot<B>::of(model);
    disturb<B>(model);
    const std::vector<double> live = values_of<B>(model, "slots/r0c1/");
    REQUIRE(values_of<B>(model, "host/") != host);
    snapshot.restore(model);
    CHECK(values_of<B>(model, "host/") == host);
    CHECK(values_of<B>(model, "slots/r1c0/") == fossil);
    CHECK(values_of<B>(model, "slots/r0c1/") == live);  // a panic prunes it: not in the snapshot
    CHECK(model.host().seen.value().to_host(context) == std::vector<std::int32_t>{41, -1});
    for (const auto& named : model.host_parameters()) CHECK_FALSE(named.parameter->has_gradient());
}

TEST_CASE("a snapshot is on the backend: nothing but the look for what is broken is waited for",
          "[P-3][K]") {
    using B = test::Device32;
    B::Context context;
    auto model = make_model<B>(context);
    const std::uint64_t before = context.waits();
    const auto snapshot = Snapshot<B>::of(model);
    CHECK(context.waits() == before + 1);
    const auto copy = snapshot.clone(context);
    copy.restore(model);
    CHECK(context.waits() == before + 1);
}

TEST_CASE("what is in a snapshot has the network's names", "[P-6][K]") {
    using B = test::Eigen32;
    B::Context context;
    auto model = make_model<B>(context);
    grow_to(model, "r1c0", Stage::fossilized);
    const auto snapshot = Snapshot<B>::of(model);
    std::vector<std::string> names;
    for (const auto& each : snapshot.parameters) names.push_back(each.name);
    for (const auto& each : snapshot.states) names.push_back(each.name);
    std::vector<std::string> expected;
    for (const auto& each : model.contents().parameters) expected.push_back(each.name);
    for (const auto& each : model.contents().states) expected.push_back(each.name);
    CHECK(names == expected);
    CHECK(names.front() == "host/blocks.0.conv.weight");
    CHECK(names.back().starts_with("slots/r1c0/seed/") ==
          expected.back().starts_with("slots/r1c0/seed/"));
    CHECK(reflect::field_names<Snapshot<B>>.size() == 2);
}

TEST_CASE("a snapshot outlives its model, and fits one made like it", "[E-4][K]") {
    using B = test::Eigen32;
    B::Context context;
    auto model = std::make_unique<Model<B>>(make_model<B>(context));
    const std::vector<double> host = values_of<B>(*model);
    const auto snapshot = Snapshot<B>::of(*model);
    model.reset();
    auto other = make_model<B>(context, small, 77);
    REQUIRE(values_of<B>(other) != host);
    snapshot.restore(other);
    CHECK(values_of<B>(other) == host);
}

TEST_CASE("a snapshot is not put into another network, by what differs, and nothing is changed",
          "[E-2][E-4][K]") {
    using B = test::Eigen32;
    B::Context context;
    auto model = make_model<B>(context);
    grow_to(model, "r1c0", Stage::fossilized);
    const auto snapshot = Snapshot<B>::of(model);
    const auto refused = [&]<class Expected>(std::type_identity<Expected>, auto& other,
                                             const std::string& named) {
        const std::vector<double> before = values_of<B>(other);
        const std::string text = test::error_text<Expected>([&] { snapshot.restore(other); });
        INFO(named << ": " << text);
        CHECK(test::mentions(text, named));
        CHECK(values_of<B>(other) == before);
    };
    SECTION("without the seed that fossilized") {
        auto other = make_model<B>(context);
        refused(std::type_identity<UnknownNameError>{}, other, "slots/r1c0/seed/");
    }
    SECTION("of other sizes") {
        auto other =
            make_model<B>(context, {.classes = 3, .base = 8, .blocks = 2, .height = 6, .width = 6});
        grow_to(other, "r1c0", Stage::fossilized);
        refused(std::type_identity<ShapeError>{}, other, "host/blocks.0.conv.weight");
    }
    SECTION("with a longer host") {
        auto other =
            make_model<B>(context, {.classes = 3, .base = 4, .blocks = 3, .height = 8, .width = 8});
        grow_to(other, "r1c0", Stage::fossilized);
        CHECK_THROWS_AS(snapshot.restore(other), Error);
    }
    SECTION("with a host that counts nothing") {
        auto other = make_model<B, hosts::Cnn<B>>(context);
        grow_to(other, "r1c0", Stage::fossilized);
        refused(std::type_identity<UnknownNameError>{}, other, "host/seen");
    }
    SECTION("with whole numbers of another width") {
        auto other = Snapshot<B>::of(model);
        for (auto& state : other.states) {
            if (state.name == "host/seen") {
                state.values = Tensor<B, std::int64_t>::full(context, {2}, 1);
            }
        }
        const std::vector<double> before = values_of<B>(model);
        const std::string text = test::error_text<ShapeError>([&] { other.restore(model); });
        CHECK(test::mentions(text, "host/seen"));
        CHECK(values_of<B>(model) == before);
    }
    SECTION("taken of a host that counts nothing") {
        auto plain = make_model<B, hosts::Cnn<B>>(context);
        const std::string text =
            test::error_text<UnknownNameError>([&] { Snapshot<B>::of(plain).restore(model); });
        CHECK(test::mentions(text, "host/seen"));
    }
}

TEST_CASE("what is not finite gets into no snapshot, and is named", "[K][E-2]") {
    using B = test::Eigen32;
    B::Context context;
    auto model = make_model<B>(context);
    grow_to(model, "r1c0", Stage::fossilized);
    grow_to(model, "r0c1", Stage::training);
    const float infinity = std::numeric_limits<float>::infinity();
    const auto refused = [&](std::string_view broken, float value) {
        const auto earlier = Snapshot<B>::of(model);
        const nn::Contents<B> contents = model.contents();
        for (const auto& [name, parameter] : contents.parameters) {
            if (name != broken) continue;
            std::vector<float> values = parameter->value().to_host(context);
            values.back() = value;
            parameter->value().assign(context, values);
        }
        for (const auto& [name, state] : contents.states) {
            if (name != broken) continue;
            state.visit([&]<class T>(Tensor<B, T>& tensor) {
                tensor.fill(context, static_cast<T>(value));
            });
        }
        const std::string text =
            test::error_text<NumericError>([&] { static_cast<void>(Snapshot<B>::of(model)); });
        INFO(broken << ": " << text);
        CHECK(test::mentions(text, std::string(broken)));
        earlier.restore(model);
        CHECK_NOTHROW(Snapshot<B>::of(model));
    };
    refused("host/classifier.bias", std::numeric_limits<float>::quiet_NaN());
    refused("host/blocks.1.conv.weight", -infinity);
    refused("host/blocks.1.norm.running_mean", infinity);
    const std::string fossil =
        model.contents().parameters[nn::contents<B>(model.host()).parameters.size()].name;
    REQUIRE(fossil.starts_with("slots/r1c0/seed/"));
    refused(fossil, std::numeric_limits<float>::quiet_NaN());
    // The largest numbers are numbers.
    model.host_parameters()[0].parameter->value().fill(context, std::numeric_limits<float>::max());
    CHECK_NOTHROW(Snapshot<B>::of(model));
    // Nobody comes back to a seed that is on trial.
    model.slot("r0c1").contents().parameters[0].parameter->value().fill(context, infinity);
    CHECK_NOTHROW(Snapshot<B>::of(model));
}

}  // namespace
}  // namespace kasmina::snapshot_test
