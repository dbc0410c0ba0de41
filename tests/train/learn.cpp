// Lessons behind the host: the seed learns, and the host is none the wiser (I-9).
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/learn.hpp>

#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "train/small_run.hpp"

namespace kasmina::learn_test {
namespace {

using B = test::Eigen32;
using Model = MorphogeneticModel<test::DropoutCnn<B>, CnnBlueprints, test::OpenPolicies>;

[[nodiscard]] Model make_model(B::Context& context) {
    Generator generator(1);
    return Model(context, test::DropoutCnn<B>(context), CnnBlueprints{}, generator);
}

void plant(Model& model, const char* slot, const char* blueprint, Stage stage,
           const GerminationOptions& options = {}) {
    model.slot(slot).germinate(blueprint, options);
    while (model.slot(slot).stage() != stage) model.slot(slot).advance();
}

[[nodiscard]] std::map<std::string, std::vector<float>> gradients(Model& model, const char* of) {
    std::map<std::string, std::vector<float>> found;
    for (const auto& [name, parameter] : model.parameters()) {
        if (!name.starts_with(of)) continue;
        if (!parameter->has_gradient()) {
            found[name] = {};
        } else {
            found[name] = parameter->gradient().to_host(model.context());
        }
    }
    return found;
}

/// What one step leaves in a model.
struct Left {
    float loss;
    std::map<std::string, std::vector<float>> host_gradients;
    std::map<std::string, std::vector<double>> host_values;
    Generator::State random;

    friend bool operator==(const Left&, const Left&) = default;
};

template <class Step>
[[nodiscard]] Left after(Model& model, Step&& step) {
    Generator random(3);
    Tape<B> tape(model.context());
    Pass<B> pass(tape, Mode::training, random);
    test::NoiseBatches<B> batches(4);
    const auto batch = batches.next(model.context());
    Left left;
    left.loss = step(pass, batch).item();
    left.host_gradients = gradients(model, "host/");
    left.host_values = test::host_values(model);
    left.random = random.state();
    return left;
}

TEST_CASE("lessons leave loss, gradients, statistics and random stream of the host as they are",
          "[I-1][I-9]") {
    B::Context context{};
    Model alone = make_model(context);
    const Left without = after(alone, [&](Pass<B>& pass, const auto& batch) {
        const auto loss = test::loss_of<B>(batch.labels)(alone.forward(pass, batch.input));
        pass.tape().backward(loss);
        return loss;
    });
    for (const Incubation incubation : {Incubation::feedback, Incubation::straight_through}) {
        for (const char* slot : {"early", "late"}) {
            for (const auto blueprint : CnnBlueprints::names()) {
                CAPTURE(slot, blueprint, name_of(incubation));
                Model grown = make_model(context);
                plant(grown, slot, std::string(blueprint).c_str(), Stage::training,
                      {.incubation = incubation});
                const Left with = after(grown, [&](Pass<B>& pass, const auto& batch) {
                    return train::learn(grown, pass, batch.input, test::loss_of<B>(batch.labels));
                });
                CHECK(with == without);
            }
        }
    }
}

TEST_CASE("a lesson reaches the seed that it is for, and no other", "[I-9]") {
    B::Context context{};
    Model model = make_model(context);
    plant(model, "early", "conv_light", Stage::training);
    plant(model, "late", "norm", Stage::fossilized);
    const auto run = [&](auto&& step) {
        return after(model, [&](Pass<B>& pass, const auto& batch) { return step(pass, batch); });
    };
    static_cast<void>(run([&](Pass<B>& pass, const auto& batch) {
        const auto loss = test::loss_of<B>(batch.labels)(model.forward(pass, batch.input));
        pass.tape().backward(loss);
        return loss;
    }));
    const auto fossil = gradients(model, "slots/late/");
    for (const auto& [name, gradient] : gradients(model, "slots/early/")) {
        CAPTURE(name);
        CHECK(gradient.empty());
    }
    for (const auto& named : model.parameters()) named.parameter->zero_gradient();
    static_cast<void>(run([&](Pass<B>& pass, const auto& batch) {
        return train::learn(model, pass, batch.input, test::loss_of<B>(batch.labels));
    }));
    CHECK(gradients(model, "slots/late/") == fossil);
    for (const auto& [name, gradient] : gradients(model, "slots/early/")) {
        CAPTURE(name);
        CHECK_FALSE(gradient.empty());
    }
}

/// On the features that the host's own pass made, the rest of the host as in evaluation.
TEST_CASE("a lesson's gradient is the slope of the loss with the seed at its target amplitude",
          "[I-9]") {
    using D = test::Eigen64;
    using Exact = MorphogeneticModel<test::DropoutCnn<D>, CnnBlueprints, test::OpenPolicies>;
    D::Context context{};
    for (const BlendAlgorithm algorithm :
         {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
        CAPTURE(name_of(algorithm));
        Generator generator(1);
        Exact model(context, test::DropoutCnn<D>(context), CnnBlueprints{}, generator);
        model.slot("early").germinate("bottleneck", {.algorithm = algorithm, .alpha_target = 0.7});
        model.slot("early").advance();
        test::NoiseBatches<D> batches(4);
        const auto batch = batches.next(context);
        Generator random(3);
        Tape<D> tape(context);
        Pass<D> pass(tape, Mode::training, random);
        for (int warm_up = 0; warm_up < 2; ++warm_up, tape.clear()) {
            static_cast<void>(
                train::learn(model, pass, batch.input, test::loss_of<D>(batch.labels)));
            for (const auto& named : model.seed_parameters()) {
                auto values = named.parameter->value().to_host(context);
                for (double& value : values) value += 0.05 * generator.normal();
                named.parameter->value().assign(context, values);
                named.parameter->zero_gradient();
            }
        }
        std::vector<Exact::Lesson> lessons;
        const auto own =
            test::loss_of<D>(batch.labels)(model.forward(pass, batch.input, {}, lessons));
        tape.backward(own);
        REQUIRE(lessons.size() == 1);
        const auto lesson = [&] {
            return test::loss_of<D>(batch.labels)(model.forward_lesson(pass, lessons[0]));
        };
        tape.backward(lesson());
        const auto loss = [&] { return lesson().item(); };
        for (const auto& named : model.seed_parameters()) {
            const auto gradient = named.parameter->gradient().to_host(context);
            auto values = named.parameter->value().to_host(context);
            for (std::size_t i = 0; i < values.size(); i += 1 + values.size() / 3) {
                const double start = values[i];
                values[i] = start + 1e-5;
                named.parameter->value().assign(context, values);
                const double above = loss();
                values[i] = start - 1e-5;
                named.parameter->value().assign(context, values);
                const double below = loss();
                values[i] = start;
                named.parameter->value().assign(context, values);
                CAPTURE(named.name, i);
                CHECK(std::abs((above - below) / 2e-5 - gradient[i]) < 1e-6);
            }
        }
    }
}

TEST_CASE("a seed that is taught lowers the loss at its target amplitude, one that is not may not",
          "[I-9]") {
    B::Context context{};
    const auto lesson_loss = [&](Incubation incubation) {
        Model model = make_model(context);
        plant(model, "early", "conv_small", Stage::training, {.incubation = incubation});
        optim::Sgd<B> sgd;
        sgd.add_group({.learning_rate = 0.02, .momentum = 0.9});
        sgd.synchronise(0, model.seed_parameters());
        Generator random(3);
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::training, random);
        test::NoiseBatches<B> batches(4);
        for (int step = 0; step < 60; ++step, tape.clear()) {
            const auto batch = batches.next(context);
            static_cast<void>(
                train::learn(model, pass, batch.input, test::loss_of<B>(batch.labels)));
            sgd.step(context);
            for (const auto& named : model.parameters()) named.parameter->zero_gradient();
        }
        Tape<B> silent(context, Recording::none);
        Pass<B> evaluation(silent, Mode::evaluation);
        double with = 0.0;
        double without = 0.0;
        for (int i = 0; i < 20; ++i, silent.clear()) {
            const auto batch = batches.next(context);
            const auto loss = test::loss_of<B>(batch.labels);
            without += loss(model.forward(evaluation, batch.input)).item();
            with +=
                loss(model.forward(evaluation, batch.input, AlphaOverrides{}.with("early", 1.0)))
                    .item();
        }
        return with - without;
    };
    CHECK(lesson_loss(Incubation::feedback) < 0.0);
    CHECK(lesson_loss(Incubation::feedback) < lesson_loss(Incubation::straight_through));
}

TEST_CASE("overrides of amplitude apply to a seed in training", "[A-8][G-10]") {
    B::Context context{};
    Model model = make_model(context);
    plant(model, "early", "attention", Stage::training);
    Tape<B> tape(context, Recording::none);
    Pass<B> pass(tape, Mode::evaluation);
    test::NoiseBatches<B> batches(4);
    const auto batch = batches.next(context);
    const auto plain = model.forward(pass, batch.input).to_host();
    const auto at = [&](double alpha) {
        return model.forward(pass, batch.input, AlphaOverrides{}.with("early", alpha)).to_host();
    };
    CHECK(at(0.0) == plain);
    CHECK(at(1.0) != plain);
    CHECK(at(0.5) != at(1.0));
}

TEST_CASE("a second loss on one tape is swept by itself", "[P-4]") {
    B::Context context{};
    Tape<B> tape(context);
    Parameter<B> first(Tensor<B>::full(context, {1}, 2.0F));
    Parameter<B> second(Tensor<B>::full(context, {1}, 3.0F));
    const auto p = tape.parameter(first);
    const auto x = ops::multiply(p, p);
    tape.backward(x);
    CHECK(first.gradient().to_host(context) == std::vector<float>{4.0F});
    CHECK_THROWS_AS(tape.backward(x), TapeError);
    tape.backward(ops::multiply(x, tape.parameter(second)));
    CHECK(second.gradient().to_host(context) == std::vector<float>{4.0F});
    CHECK(first.gradient().to_host(context) == std::vector<float>{4.0F});
}

}  // namespace
}  // namespace kasmina::learn_test
