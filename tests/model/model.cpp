// The model: isolation of seeds, amplitudes as arguments, and what grows and shrinks with a seed.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/sgd.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"
#include "support/gradient_check.hpp"
#include "support/values.hpp"

namespace kasmina {
namespace {

using Blueprints = BlueprintList<cnn::ConvLight>;
template <class B>
using Network = MorphogeneticModel<hosts::Cnn<B>, Blueprints, test::OpenPolicies>;
using Float = test::Chosen32;
using Double = test::Chosen64;
using Model = Network<Double>;

constexpr Index batch = 4;
const std::vector<std::int32_t> targets{0, 1, 2, 1};
const hosts::CnnOptions even{.classes = 3, .base = 4, .blocks = 2, .height = 8, .width = 8};
/// No size a power of 2; a row and a column that no pool covers; more than one chunk.
const hosts::CnnOptions odd{
    .classes = 3, .base = 13, .blocks = 3, .pools = 2, .height = 31, .width = 29};

template <class B>
Network<B> make_network(typename B::Context& context, const hosts::CnnOptions& options = even) {
    Generator generator(5);
    return Network<B>(context, hosts::Cnn<B>(context, options), Blueprints{}, generator);
}

template <class B>
Tensor<B> images(typename B::Context& context, const hosts::CnnOptions& options = even) {
    const Index pixels = options.height * options.width;
    return Tensor<B>::from_host(context, {batch, options.height, options.width, 3},
                                test::normal_values<typename B::Scalar>(batch * pixels * 3, 2));
}

template <class ModelType>
void grow(ModelType& model, const std::string& name, Stage goal,
          const GerminationOptions& options = {}) {
    auto& slot = model.slot(name);
    slot.germinate("conv_light", options);
    while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
}

const GerminationOptions behind_the_host{.incubation = Incubation::straight_through};

/// A seed that is blended in for the first time, at half its amplitude.
template <class ModelType>
void grow_to_half(ModelType& model, const std::string& name) {
    grow(model, name, Stage::blending, {.tempo_epochs = 1, .alpha_target = 0.5});
    model.slot(name).step_epoch();
    REQUIRE(model.slot(name).alpha() == 0.5);
}

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
    const Tensor<B> input = images<B>(context, model.host().options());
    const Variable<B> logits = model.forward(pass, input);
    tape.backward(ops::cross_entropy(logits, targets));
    Result<B> result{logits.to_host(), {}};
    for (const auto& named : model.host_parameters()) {
        result.host.push_back(named.parameter->gradient().to_host(context));
    }
    return result;
}

/// On a context of its own, as threads that evaluate one model do once its own work is done.
std::vector<double> evaluation(const Model& model, const AlphaOverrides& overrides = {}) {
    Double::synchronise(model.context());
    Double::Context context{};
    Tape<Double> tape(context, Recording::none);
    Pass<Double> pass(tape, Mode::evaluation);
    const Tensor<Double> input = images<Double>(context);
    return model.forward(pass, input, overrides).to_host();
}

void poison(Model& model, const std::string& name) {
    for (const auto& named : model.slot(name).parameters()) {
        named.parameter->value().fill(model.context(), std::numeric_limits<double>::quiet_NaN());
    }
}

// In front of a pool (row 0) an active slot parts the host's fused norm, ReLU and pool; the host
// is held against itself uncut all the same.
TEMPLATE_TEST_CASE("a seed in training leaves output and host gradients bit for bit the host's",
                   "[I-1][I-2]", Float, Double) {
    using B = TestType;
    for (const hosts::CnnOptions& options : {even, odd}) {
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
    Model alone = make_network<Double>(context, odd);
    Model grown = make_network<Double>(context, odd);
    for (const hosts::InjectionPoint& point : alone.host().injection_points()) {
        grow(grown, point.slot_id, Stage::training, behind_the_host);
    }
    CHECK((train(grown) == train(alone)));
}

TEST_CASE("seeds that are taught have no part in the network's own pass", "[I-1][I-9]") {
    Double::Context context{};
    Model alone = make_network<Double>(context, odd);
    Model grown = make_network<Double>(context, odd);
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
    // In front of the slot: no gradient at all with full amplitude and isolation.
    for (const double each : isolated.host[0]) CHECK(each == 0.0);
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

TEST_CASE("an isolated blending seed sends the host only its own share of the gradient",
          "[I-1][I-3][A-5]") {
    // With y = h + a(s - h) and s cut off, the gradient that reaches h is (1 - a) times y's; a
    // path through s would add a * ds/dh. The last slot's host gradient in front of it shows it.
    Double::Context context{};
    Model model = make_network<Double>(context);
    grow_to_half(model, "r1c1");
    CHECK(model.slot("r1c1").isolated());
    Tape<Double> tape(context);
    Pass<Double> pass(tape, Mode::training);
    const std::vector<double> values = test::normal_values<double>(2 * 2 * 2 * 8, 4);
    const auto host = tape.leaf({2, 2, 2, 8}, values);
    const auto blended = model.slot("r1c1").forward(pass, host);
    const std::vector<double> upstream = test::normal_values<double>(2 * 2 * 2 * 8, 6);
    tape.backward(blended, upstream);
    const std::vector<double> gradient = tape.gradient(host);
    REQUIRE(gradient.size() == upstream.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        CHECK(gradient[i] == Approx(0.5 * upstream[i]).epsilon(1e-14));
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
    const Tensor<Double> x = images<Double>(context);
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

TEST_CASE("an override is an amplitude for one pass and changes nothing", "[A-8]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    const std::vector<double> host = evaluation(model);
    grow_to_half(model, "r1c0");
    const std::vector<double> half = evaluation(model);
    CHECK(half != host);
    CHECK(evaluation(model, AlphaOverrides{}.with("r1c0", 0.5)) == half);
    CHECK(evaluation(model, AlphaOverrides{}.with("r1c0", 0.0)) == host);
    CHECK(evaluation(model, AlphaOverrides{}.with("r1c0", 1.0)) != half);
    CHECK(model.slot("r1c0").alpha() == 0.5);
    CHECK(evaluation(model) == half);
}

TEST_CASE("an override per sample is each sample's own amplitude", "[A-8][A-7]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    grow_to_half(model, "r1c0");
    const std::vector<double> off = evaluation(model, AlphaOverrides{}.with("r1c0", 0.0));
    const std::vector<double> on = evaluation(model, AlphaOverrides{}.with("r1c0", 1.0));
    const std::vector<double> mixed =
        evaluation(model, AlphaOverrides{}.with("r1c0", std::vector<double>{0.0, 1.0, 1.0, 0.0}));
    REQUIRE(mixed.size() == 3 * batch);
    for (std::size_t i = 0; i < mixed.size(); ++i) {
        const std::size_t sample = i / 3;
        const double expected = sample == 1 || sample == 2 ? on[i] : off[i];
        CHECK(mixed[i] == Approx(expected).epsilon(1e-12));
    }
}

TEST_CASE("an override of 0 does not run a broken seed", "[A-8]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    const std::vector<double> host = evaluation(model);
    grow_to_half(model, "r0c1");
    poison(model, "r0c1");
    CHECK(std::isnan(evaluation(model)[0]));
    CHECK(evaluation(model, AlphaOverrides{}.with("r0c1", 0.0)) == host);
}

TEST_CASE("an override that does not fit is an error", "[A-8]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    grow_to_half(model, "r1c0");
    grow(model, "r1c1", Stage::germinated);
    CHECK_THROWS_AS(evaluation(model, AlphaOverrides{}.with("r9c9", 0.5)), UnknownNameError);
    CHECK_THROWS_AS(evaluation(model, AlphaOverrides{}.with("r0c0", 0.5)), OptionError);
    CHECK_THROWS_AS(evaluation(model, AlphaOverrides{}.with("r1c1", 0.5)), OptionError);
    CHECK_NOTHROW(evaluation(model, AlphaOverrides{}.with("r0c0", 0.0)));
    CHECK_THROWS_AS(evaluation(model, AlphaOverrides{}.with("r1c0", std::vector<double>{0.1, 0.2})),
                    OptionError);
}

TEST_CASE("an override shows what a seed in training would do", "[A-8][G-10]") {
    for (const auto incubation : {Incubation::feedback, Incubation::straight_through}) {
        Double::Context context{};
        Model model = make_network<Double>(context);
        const std::vector<double> host = evaluation(model);
        grow(model, "r1c1", Stage::training, {.incubation = incubation});
        CHECK(evaluation(model) == host);
        CHECK(evaluation(model, AlphaOverrides{}.with("r1c1", 0.0)) == host);
        const std::vector<double> full = evaluation(model, AlphaOverrides{}.with("r1c1", 1.0));
        CHECK(full != host);
        model.slot("r1c1").advance();
        REQUIRE(model.slot("r1c1").stage() == Stage::blending);
        CHECK(evaluation(model, AlphaOverrides{}.with("r1c1", 1.0)) == full);
    }
}

TEST_CASE("several threads evaluate one model with amplitudes of their own", "[A-8][S-11]") {
    Double::Context context{};
    Model model = make_network<Double>(context);
    grow_to_half(model, "r1c0");
    const Model& shared = model;
    const std::vector<double> alphas{0.0, 0.25, 0.5, 1.0};
    std::vector<std::vector<double>> expected;
    for (const double alpha : alphas) {
        expected.push_back(evaluation(shared, AlphaOverrides{}.with("r1c0", alpha)));
    }
    std::vector<std::vector<double>> seen(alphas.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < alphas.size(); ++i) {
        threads.emplace_back([&, i] {
            for (int round = 0; round < 5; ++round) {
                seen[i] = evaluation(shared, AlphaOverrides{}.with("r1c0", alphas[i]));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(seen == expected);
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
    evaluation(model, AlphaOverrides{}.with("r1c0", 0.3));
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
}  // namespace kasmina
