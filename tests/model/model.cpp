// The model: isolation of seeds, and what grows and shrinks with a seed.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "model/grown_network.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"
#include "support/values.hpp"

namespace kasmina::model_test {
namespace {

using test::grow;
using test::grow_to_half;
using test::make_network;
using test::Network;
using test::poison;
using Float = test::Chosen32;
using Double = test::Chosen64;
using Model = Network<Double>;

constexpr Index batch = 4;
const std::vector<std::int32_t> targets{0, 1, 2, 1};
const GerminationOptions behind_the_host{.incubation = Incubation::straight_through};

/// Logits and all host gradients of one training pass.
template <class B>
struct Result {
    std::vector<typename B::Scalar> logits;
    std::vector<std::vector<typename B::Scalar>> host;
    bool operator==(const Result&) const = default;
};

template <class B>
Result<B> train(Network<B>& model) {
    typename B::Context& context = model.context();
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const Tensor<B> input = test::make_images<B>(context, batch, model.host().options());
    const Variable<B> logits = model.forward(pass, input);
    tape.backward(ops::cross_entropy(logits, targets));
    Result<B> result{logits.to_host(), {}};
    for (const auto& named : model.host_parameters()) {
        result.host.push_back(named.parameter->gradient().to_host(context));
    }
    return result;
}

// In front of a pool (row 0) an active slot parts the host's fused norm, ReLU and pool; the host
// is held against itself uncut all the same.
TEMPLATE_TEST_CASE("a seed in training leaves output and host gradients bit for bit the host's",
                   "[I-1][I-2]", Float, Double) {
    using B = TestType;
    for (const hosts::CnnOptions& options : {test::four_slots, test::six_slots}) {
        for (const int threads : {1, 2, 4}) {
            auto context = test::context_with<B>(threads);
            Network<B> alone = make_network<B>(context, options);
            const Result<B> expected = train(alone);
            for (const hosts::InjectionPoint& point : alone.host().injection_points()) {
                CAPTURE(threads, options.width, point.slot_id);
                Network<B> grown = make_network<B>(context, options);
                grow(grown, point.slot_id, Stage::training, behind_the_host);
                const Result<B> seen = train(grown);
                CHECK((seen.logits == expected.logits));
                CHECK((seen.host == expected.host));
                for (const auto& named : grown.slot(point.slot_id).parameters()) {
                    CHECK(named.parameter->has_gradient());
                }
                Network<B> waiting = make_network<B>(context, options);
                grow(waiting, point.slot_id, Stage::germinated);
                CHECK((train(waiting) == expected));
            }
        }
    }
}

TEST_CASE("seeds in training at every slot leave host gradients bit for bit the host's",
          "[I-1][I-2]") {
    Double::Context context{};
    Model alone = make_network<Double>(context, test::six_slots);
    Model grown = make_network<Double>(context, test::six_slots);
    for (const hosts::InjectionPoint& point : alone.host().injection_points()) {
        grow(grown, point.slot_id, Stage::training, behind_the_host);
    }
    CHECK((train(grown) == train(alone)));
}

TEST_CASE("seeds that are taught have no part in the network's own pass", "[I-1][I-9]") {
    Double::Context context{};
    Model alone = make_network<Double>(context, test::six_slots);
    Model grown = make_network<Double>(context, test::six_slots);
    for (const hosts::InjectionPoint& point : alone.host().injection_points()) {
        grow(grown, point.slot_id, Stage::training);
        poison(grown, point.slot_id);
    }
    CHECK((train(grown) == train(alone)));
    for (const auto& named : grown.seed_parameters()) CHECK_FALSE(named.parameter->has_gradient());
}

TEST_CASE("once a seed is held, the blocks before it learn through it", "[I-3]") {
    Double::Context context{};
    const auto gradients = [&context](bool held) {
        Model model = make_network<Double>(context);
        grow(model, "r1c0", Stage::blending, {.tempo_epochs = 1});
        model.slot("r1c0").step_epoch();
        REQUIRE(model.slot("r1c0").alpha() == 1.0);
        if (held) REQUIRE(model.slot("r1c0").advance().advanced);
        CHECK(model.slot("r1c0").isolated() == !held);
        return train(model);
    };
    const Result<Double> isolated = gradients(false);
    const Result<Double> held = gradients(true);
    CHECK((held.logits == isolated.logits));
    // In front of the slot: isolated or not, no block is left without a gradient.
    CHECK(isolated.host[0] != std::vector<double>(isolated.host[0].size(), 0.0));
    CHECK(held.host[0] != isolated.host[0]);
    CHECK((held.host.back() == isolated.host.back()));
}

TEST_CASE("a germinated seed is not run and takes no gradient", "[S-10][L-5]") {
    Double::Context context{};
    Model alone = make_network<Double>(context);
    Model grown = make_network<Double>(context);
    grow(grown, "r1c0", Stage::germinated);
    poison(grown, "r1c0");
    CHECK((train(grown) == train(alone)));
    CHECK_FALSE(grown.slot("r1c0").parameters()[0].parameter->has_gradient());
}

TEST_CASE("an isolated blending seed leaves the host the whole of the gradient",
          "[I-1][I-3][A-5]") {
    // With y = h + a(s - h) and s cut off, h would get (1 - a) times y's gradient, and nothing at
    // full amplitude; a path through s would add a * ds/dh. It gets y's own.
    Double::Context context{};
    Model model = make_network<Double>(context);
    grow_to_half(model, "r1c1");
    CHECK(model.slot("r1c1").isolated());
    Tape<Double> tape(context);
    Pass<Double> pass(tape, Mode::training);
    const std::vector<double> values = testing::normal_values<double>(2 * 2 * 2 * 8, 4);
    const auto host = tape.leaf({2, 2, 2, 8}, values);
    const auto blended = model.slot("r1c1").forward(pass, host);
    const std::vector<double> upstream = testing::normal_values<double>(2 * 2 * 2 * 8, 6);
    tape.backward(blended, upstream);
    const std::vector<double> gradient = tape.gradient(host);
    REQUIRE(gradient.size() == upstream.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        CHECK(gradient[i] == upstream[i]);
    }
    for (const auto& named : model.slot("r1c1").parameters()) {
        CHECK(named.parameter->has_gradient());
    }
}

TEST_CASE("a model with no active slot is exactly the host", "[H-4]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    Tape<Double> tape(context, Recording::none);
    Pass<Double> pass(tape, Mode::evaluation);
    const Tensor<Double> x = test::make_images<Double>(context, batch, test::four_slots);
    CHECK(model.forward(pass, x).to_host() == hosts::forward(model.host(), pass, x).to_host());
}

TEST_CASE("counts follow the seeds", "[H-4]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    const Index host = model.total_parameters();
    CHECK(host == nn::parameter_count(model.host()));
    grow(model, "r0c0", Stage::germinated);
    CHECK(model.total_parameters() == host + 156);
    CHECK(model.active_parameters() == host);
    CHECK(model.active_seeds() == 0);
    grow(model, "r1c1", Stage::fossilized);
    CHECK(model.total_parameters() == host + 156 + 600);
    CHECK(model.active_parameters() == host + 600);
    CHECK(model.active_seeds() == 1);
    CHECK(model.fossilized_seeds() == 1);
    model.slot("r0c0").prune("why");
    CHECK(model.total_parameters() == host + 600);
    CHECK(model.seed_parameters().size() == 4);
    CHECK(model.parameters().size() == model.host_parameters().size() + 4);
    CHECK_THROWS_AS(model.slot("r7c7"), UnknownNameError);
}

TEST_CASE("an evaluation leaves every value of the host as it was", "[H-6]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    grow_to_half(model, "r1c0");
    const auto values = [&] {
        const nn::Contents<Double> contents = model.contents();
        auto all = test::parameter_values<Double>(context, contents.parameters);
        for (auto& state : test::state_values<Double>(context, contents.states)) {
            all.push_back(std::move(state));
        }
        return all;
    };
    const auto before = values();
    static_cast<void>(
        test::separate_pass(model, test::make_images<Double>(context, batch, test::four_slots),
                            AlphaOverrides{}.with("r1c0", 0.3)));
    CHECK(values() == before);
    train(model);
    CHECK(values() != before);
}

/// Gives an optimiser the members that the model has now: group 0 the host, group 1 the seeds.
void synchronise(optim::Sgd<Double>& optimiser, Model& model) {
    optimiser.synchronise(0, model.host_parameters());
    optimiser.synchronise(1, model.seed_parameters());
}

optim::Sgd<Double> make_optimiser() {
    optim::Sgd<Double> optimiser;
    const optim::SgdOptions options{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01};
    optimiser.add_group(options);
    optimiser.add_group(options);
    return optimiser;
}

TEST_CASE("an optimiser's state comes and goes with the seed", "[H-7]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    optim::Sgd<Double> optimiser = make_optimiser();
    synchronise(optimiser, model);
    CHECK(optimiser.tracked(1).empty());
    grow(model, "r1c0", Stage::training, behind_the_host);
    synchronise(optimiser, model);
    REQUIRE(optimiser.tracked(1).size() == 4);
    train(model);
    optimiser.step(context);
    CHECK(optimiser.tracked(1)[0].steps == 1);
    model.slot("r1c0").prune("why");
    CHECK(optimiser.tracked(1)[0].parameter.expired());
    CHECK_NOTHROW(optimiser.step(context));
    synchronise(optimiser, model);
    CHECK(optimiser.tracked(1).empty());
}

TEST_CASE("neither momentum nor decay moves a seed that is blended out", "[I-6][H-7]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    optim::Sgd<Double> optimiser = make_optimiser();
    grow(model, "r1c0", Stage::holding);
    synchronise(optimiser, model);
    train(model);
    optimiser.step(context);
    REQUIRE(model.slot("r1c0").schedule_prune(3, AlphaCurve::linear, 12.0, "why").done);
    const auto values = [&] {
        std::vector<std::vector<double>> all;
        for (const auto& named : model.seed_parameters()) {
            all.push_back(named.parameter->value().to_host(context));
        }
        return all;
    };
    const auto seed = values();
    const auto host = model.host_parameters()[0].parameter->value().to_host(context);
    for (int step = 0; step < 2; ++step) {
        optimiser.zero_gradients();
        train(model);
        optimiser.step(context);
        model.step_epoch();
    }
    CHECK(values() == seed);
    CHECK(model.host_parameters()[0].parameter->value().to_host(context) != host);
}

TEST_CASE("a model that moved trains on as if it had not", "[S-11]") {
    const auto run = [](bool moves) {
        Double::Context context{};
        Model first = make_network<Double>(context);
        grow(first, "r1c0", Stage::blending);
        optim::Sgd<Double> optimiser = make_optimiser();
        synchronise(optimiser, first);
        Model second = make_network<Double>(context);
        if (moves) second = std::move(first);
        Model& model = moves ? second : first;
        for (int step = 0; step < 3; ++step) {
            optimiser.zero_gradients();
            train(model);
            optimiser.step(context);
            model.step_epoch();
        }
        model.slot("r0c1").germinate("conv_light", behind_the_host);
        model.slot("r0c1").advance();
        return train(model);
    };
    CHECK((run(true) == run(false)));
}

TEMPLATE_TEST_CASE("a whole step has the same bits on 1, 2 and 4 threads", "[E-1]", Float, Double) {
    using B = TestType;
    const auto run = [](int threads) {
        auto context = test::context_with<B>(threads);
        Network<B> model = make_network<B>(context);
        grow_to_half(model, "r0c0");
        grow(model, "r1c1", Stage::training, behind_the_host);
        return train(model);
    };
    const Result<B> one = run(1);
    CHECK((run(2) == one));
    CHECK((run(4) == one));
}

}  // namespace
}  // namespace kasmina::model_test
