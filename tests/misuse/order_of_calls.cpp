// Calls in the wrong order, or a call that was forgotten: refused, or told once by name (E-5).
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/gates/message.hpp>

#include "misuse/small_network.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::test::order_of_calls_test {
namespace {

using Learner = train::Learner<Network, optim::SgdRule>;
using Batches = std::vector<LabelledBatch<Cpu>>;

/// Everything of a hand-written loop but the optimiser.
struct Loop {
    Cpu::Context context{};
    Network model = network(context);
    Generator random{4};
    Tape<Cpu> tape{context};
    Pass<Cpu> pass{tape, Mode::training, random};
    optim::Sgd<Cpu> sgd{};
    Grower<Network, Once> grower{model, {}, 0.7};
    std::vector<std::string> told{};

    void learn() {
        tape.clear();
        train::learn(model, pass, images(context), loss_of_labels());
    }
    void end_epoch() {
        auto report = grower.end_epoch(model, 0.7, fifty_percent);
        told.insert(told.end(), report.notices.begin(), report.notices.end());
    }
    /// How many notices have both words.
    [[nodiscard]] auto told_of(const std::string& first, const std::string& second) const {
        return std::ranges::count_if(told, [&](const std::string& notice) {
            return mentions(notice, first) && mentions(notice, second);
        });
    }
};

}  // namespace

// ---- tapes -------------------------------------------------------------------------------------

TEST_CASE("backward is run once, from one value of its own tape that needs a gradient",
          "[E-5][P-4]") {
    Cpu::Context context;
    Tape<Cpu> tape(context);
    const Variable<Cpu> x = tape.leaf({2}, std::vector<float>{1, 2});
    const Variable<Cpu> constant = tape.constant({1}, std::vector<float>{1});
    const Variable<Cpu> y = ops::multiply(x, x);
    CHECK_THROWS_AS(tape.backward(y), ShapeError);
    CHECK_THROWS_AS(tape.backward(constant), TapeError);
    CHECK_THROWS_AS(tape.backward(y, std::vector<float>{1}), ShapeError);
    CHECK_THROWS_AS(tape.backward(y, Tensor<Cpu>{}), ShapeError);
    Tape<Cpu> other(context);
    CHECK_THROWS_AS(other.backward(y, std::vector<float>{1, 1}), TapeError);
    tape.backward(y, std::vector<float>{1, 1});
    CHECK_THROWS_AS(tape.backward(y, std::vector<float>{1, 1}), TapeError);
    tape.clear();
    CHECK_THROWS_AS(tape.backward(y, std::vector<float>{1, 1}), TapeError);
    CHECK_THROWS_AS(tape.gradient(x), TapeError);
    CHECK_THROWS_AS(x.item(), TapeError);
}

TEST_CASE("variables of two tapes do not meet in one operation", "[E-5]") {
    Cpu::Context context;
    Tape<Cpu> one(context);
    Tape<Cpu> two(context);
    const Variable<Cpu> x = one.leaf({2}, std::vector<float>{1, 2});
    const Variable<Cpu> y = two.leaf({2}, std::vector<float>{1, 2});
    CHECK_THROWS_AS(ops::add(x, y), TapeError);
    CHECK_THROWS_AS(two.detach(x), TapeError);
}

TEST_CASE("a tape that does not record has no way back", "[E-5]") {
    Cpu::Context context;
    Network model = network(context);
    Tape<Cpu> tape(context, Recording::none);
    Pass<Cpu> pass(tape, Mode::training);
    const auto loss = loss_of_labels()(model.forward(pass, images(context)));
    CHECK_THROWS_AS(tape.backward(loss), TapeError);
}

TEST_CASE("a random operation needs a random stream", "[E-5]") {
    Cpu::Context context;
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    CHECK_THROWS_AS(ops::dropout(pass, tape.constant(images(context)), 0.5), OptionError);
}

TEST_CASE("a measurement is launched before it is read, and read once", "[E-5][I-5]") {
    GradientProbe<Cpu> probe;
    CHECK_THROWS_AS(probe.read(), OptionError);
    CHECK_THROWS_AS(probe.tensor_norms(), OptionError);
}

// ---- optimisers --------------------------------------------------------------------------------

TEST_CASE("an optimiser without anything to step says what was forgotten", "[E-5]") {
    Cpu::Context context;
    Network model = network(context);
    optim::Sgd<Cpu> sgd;
    CHECK_THROWS_AS(sgd.step(context), OptionError);
    CHECK_THROWS_AS(sgd.synchronise(0, model.parameters()), OptionError);
    sgd.add_group({.learning_rate = 0.1});
    const std::string text = error_text<OptionError>([&] { sgd.step(context); });
    CHECK(mentions(text, "synchronise"));
    sgd.synchronise(0, model.parameters());
    CHECK_NOTHROW(sgd.step(context));
    sgd.add_group({.learning_rate = 0.1});
    CHECK_THROWS_AS(sgd.synchronise(1, model.parameters()), OptionError);
}

TEST_CASE("a seed that no optimiser steps is told of once, by name, and passes no G2",
          "[E-5][G-3]") {
    Loop loop;
    loop.sgd.add_group({.learning_rate = 0.05});
    loop.sgd.synchronise(0, loop.model.host_parameters());  // once, and never again
    auto& slot = loop.model.slot("r0c0");
    grow(slot, Stage::training, "conv_light");
    for (int epoch = 0; epoch < 4; ++epoch) {
        loop.learn();
        loop.sgd.step(loop.context);
        loop.end_epoch();
        loop.sgd.zero_gradients();
    }
    CHECK(loop.told_of("r0c0", "in no optimiser's group") == 1);
    slot.record_readiness(5.0);
    const GateResult asked = slot.ask_gate();
    CHECK(asked.failed("seed_in_optimiser"));
    CHECK(StrictGates{}.evaluate<Gate::g2>(slot.evidence()).failed("seed_in_optimiser"));
    CHECK(PermissiveGates{}.evaluate<Gate::g2>(slot.evidence()).failed("seed_in_optimiser"));
    CHECK(mentions(message_of(asked), "no optimiser steps the seed's parameters"));

    // Once it is stepped, nothing is held against it.
    loop.sgd.synchronise(0, loop.model.parameters());
    loop.sgd.zero_gradients();
    loop.learn();
    loop.sgd.step(loop.context);
    loop.end_epoch();
    CHECK_FALSE(slot.ask_gate().failed("seed_in_optimiser"));
}

TEST_CASE("a loop that steps by itself, without an optimiser of ours, is not accused", "[E-5]") {
    Loop loop;
    grow(loop.model.slot("r0c0"), Stage::training, "conv_light");
    for (int epoch = 0; epoch < 3; ++epoch) {
        loop.learn();
        loop.end_epoch();
    }
    CHECK(loop.told_of("r0c0", "optimiser's group") == 0);
}

TEST_CASE("gradients that are zeroed before the end of the epoch are told of once", "[E-5]") {
    Loop loop;
    loop.sgd.add_group({.learning_rate = 0.05});
    grow(loop.model.slot("r0c0"), Stage::training, "conv_light");
    for (int epoch = 0; epoch < 4; ++epoch) {
        loop.sgd.synchronise(0, loop.model.parameters());
        loop.learn();
        loop.sgd.step(loop.context);
        loop.sgd.zero_gradients();
        loop.end_epoch();
    }
    CHECK(loop.told_of("r0c0", "before gradients are zeroed") == 1);
    CHECK(loop.told.size() == 1);
    CHECK(loop.model.slot("r0c0").ask_gate().failed("gradient_statistics_measured"));
}

// ---- a frozen host -----------------------------------------------------------------------------

TEST_CASE("a step with the host frozen and a seed at amplitude 0 does nothing, and is no error",
          "[E-5][I-6]") {
    Loop loop;
    const auto algorithm =
        GENERATE(BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate);
    auto& slot = loop.model.slot("r0c0");
    grow(slot, Stage::blending, "norm", {.algorithm = algorithm, .tempo_epochs = 3});
    REQUIRE(slot.alpha() == 0.0);
    nn::set_trainable(loop.model.host(), false);
    for (const auto& named : loop.model.parameters()) named.parameter->zero_gradient();
    loop.sgd.add_group({.learning_rate = 0.05, .weight_decay = 0.1});
    loop.sgd.synchronise(0, loop.model.parameters());
    const auto before = values(loop.model);
    const auto loss = loss_of_labels()(loop.model.forward(loop.pass, images(loop.context)));
    CHECK_NOTHROW(loop.tape.backward(loss));
    loop.sgd.step(loop.context);
    CHECK(gradients(loop.model).empty());
    CHECK(values(loop.model) == before);
    slot.step_epoch();
    REQUIRE(slot.alpha() > 0.0);
    loop.learn();
    CHECK_FALSE(gradients(loop.model).empty());
}

TEST_CASE("all frozen, backward has nothing to sweep, and says so", "[E-5]") {
    Loop loop;
    grow(loop.model.slot("r0c0"), Stage::blending, "norm", {.tempo_epochs = 3});
    for (const auto& named : loop.model.parameters()) named.parameter->set_trainable(false);
    const auto loss = loss_of_labels()(loop.model.forward(loop.pass, images(loop.context)));
    CHECK_THROWS_AS(loop.tape.backward(loss), TapeError);
}

TEST_CASE("where the host is frozen the strict gate says so, and not 0", "[I-4][G-3]") {
    Loop loop;
    auto& slot = loop.model.slot("r0c0");
    grow(slot, Stage::training, "norm");
    nn::set_trainable(loop.model.host(), false);
    loop.learn();
    loop.model.record_gradient_health();
    const GateResult verdict = StrictGates{}.evaluate<Gate::g2>(slot.evidence());
    CHECK(verdict.failed("seed_gradient_ratio_measured"));
    CHECK(mentions(message_of(verdict), "the host is frozen"));
    CHECK_FALSE(slot.record()->metrics.gradient_ratio.has_value());
}

// ---- the host's first values -------------------------------------------------------------------

namespace {

[[nodiscard]] auto host_values(const hosts::Cnn<Cpu>& host, Cpu::Context& context) {
    std::vector<std::vector<float>> found;
    host.visit(nn::Visitor{[&](std::string_view, const auto& parameter) {
                               found.push_back(parameter.value().to_host(context));
                           },
                           nn::ignore});
    return found;
}

/// A host with trained weights, as a file or another network gave them.
[[nodiscard]] hosts::Cnn<Cpu> filled(Cpu::Context& context) {
    hosts::Cnn<Cpu> host(context, small_host);
    for (const auto& named : nn::parameters<Cpu>(host)) {
        named.parameter->value().assign(
            context, std::vector<float>(static_cast<std::size_t>(named.parameter->size()), 0.25F));
    }
    return host;
}

}  // namespace

TEST_CASE("a model draws over nothing that was put into its host", "[E-5]") {
    Cpu::Context context;
    Generator random(1);
    SECTION("a filled host keeps its values") {
        auto host = filled(context);
        const auto before = host_values(host, context);
        Network model(context, std::move(host), {}, random);
        CHECK(host_values(model.host(), context) == before);
    }
    SECTION("so does one that was copied from a snapshot") {
        Network trained = network(context);
        hosts::Cnn<Cpu> host(context, small_host);
        const auto from = nn::parameters<Cpu>(trained.host());
        const auto to = nn::parameters<Cpu>(host);
        for (std::size_t i = 0; i < to.size(); ++i) {
            to[i].parameter->value().copy_from(context, from[i].parameter->value());
        }
        const auto before = host_values(host, context);
        Network model(context, std::move(host), {}, random);
        CHECK(host_values(model.host(), context) == before);
    }
    SECTION("so does one that drew them itself") {
        Generator own(5);
        hosts::Cnn<Cpu> host(context, small_host, own);
        const auto before = host_values(host, context);
        Network model(context, std::move(host), {}, random);
        CHECK(host_values(model.host(), context) == before);
    }
    SECTION("a new one is drawn") {
        hosts::Cnn<Cpu> host(context, small_host);
        const auto before = host_values(host, context);
        Network model(context, std::move(host), {}, random);
        CHECK(host_values(model.host(), context) != before);
    }
    SECTION("and so is a filled one, if that is what the options say") {
        auto host = filled(context);
        const auto before = host_values(host, context);
        Network model(context, std::move(host), {}, random, {.host = HostValues::drawn});
        CHECK(host_values(model.host(), context) != before);
    }
    SECTION("a new one is kept, if that is what they say") {
        hosts::Cnn<Cpu> host(context, small_host);
        const auto before = host_values(host, context);
        Network model(context, std::move(host), {}, random, {.host = HostValues::kept});
        CHECK(host_values(model.host(), context) == before);
    }
}

TEST_CASE("a host that is half filled is an error that names both halves", "[E-5]") {
    Cpu::Context context;
    Generator random(1);
    const auto half = [&] {
        hosts::Cnn<Cpu> host(context, small_host);
        auto& weight = nn::parameters<Cpu>(host)[0].parameter->value();
        weight.copy_from(context, Tensor<Cpu>::full(context, weight.shape(), 0.5F));
        return host;
    };
    const std::string text =
        error_text<OptionError>([&] { Network model(context, half(), {}, random); });
    CHECK(mentions(text, "blocks.0.conv.weight with values"));
    CHECK(mentions(text, "classifier.weight without"));
    CHECK(mentions(text, "HostValues::kept"));
    CHECK_NOTHROW(Network(context, half(), {}, random, {.host = HostValues::kept}));
    CHECK_THROWS_AS(Network(context, half(), {}, random, {.host = static_cast<HostValues>(7)}),
                    OptionError);
}

// ---- the lifecycle -----------------------------------------------------------------------------

TEST_CASE("a slot takes no step that its stage does not have, and stays as it was", "[E-5][L-4]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    CHECK_THROWS_AS(slot.advance(), LifecycleError);
    CHECK_THROWS_AS(slot.prune("nothing"), LifecycleError);
    CHECK_THROWS_AS(slot.ask_gate(), LifecycleError);
    CHECK_THROWS_AS(slot.record_lead(1.0), LifecycleError);
    CHECK_THROWS_AS(slot.record_readiness(1.0), LifecycleError);
    CHECK_THROWS_AS(slot.record_dependence(1.0), LifecycleError);
    CHECK_THROWS_AS((slot.take<Stage::training, cnn::Norm>()), LifecycleError);
    CHECK_FALSE(slot.set_alpha_target(0.5, 3).done);
    slot.germinate("norm");
    CHECK_THROWS_AS(slot.germinate("norm"), LifecycleError);
    CHECK_THROWS_AS(slot.advance(Stage::fossilized), LifecycleError);
    CHECK_THROWS_AS((slot.take<Stage::germinated, cnn::ConvLight>()), LifecycleError);
    slot.prune("tried");
    CHECK_FALSE(slot.prune("again").done);
    CHECK_THROWS_AS(slot.germinate("norm"), LifecycleError);
    CHECK_THROWS_AS(slot.advance(), LifecycleError);
    CHECK(slot.stage() == Stage::pruned);
}

TEST_CASE("a fossilized seed is there for good", "[E-5][L-3]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot("r0c0");
    grow(slot, Stage::fossilized);
    REQUIRE(slot.stage() == Stage::fossilized);
    CHECK_THROWS_AS(slot.prune("no"), LifecycleError);
    CHECK_THROWS_AS(slot.advance(), LifecycleError);
    CHECK_FALSE(slot.set_alpha_target(0.5, 3).done);
    for (int tick = 0; tick < 9; ++tick) slot.step_epoch();
    CHECK(slot.stage() == Stage::fossilized);
}

TEST_CASE("a controller that decides what cannot be done is an error by name", "[E-5]") {
    Cpu::Context context;
    Network model = network(context);
    const auto decide = [&](Decision decision) {
        Grower grower(model, Once{{std::move(decision)}}, 0.7);
        return grower.end_epoch(model, 0.7, fifty_percent);
    };
    using enum Decision::Action;
    CHECK_THROWS_AS(decide({.slot = "r9c9", .action = germinate, .blueprint = "norm"}),
                    UnknownNameError);
    CHECK_THROWS_AS(decide({.slot = "r0c0", .action = germinate, .blueprint = "nrom"}),
                    UnknownNameError);
    CHECK_THROWS_AS(decide({.slot = "r0c0", .action = advance}), LifecycleError);
    CHECK_THROWS_AS(decide({.slot = "r0c0", .action = prune}), LifecycleError);
    CHECK_THROWS_AS(decide({.slot = "r0c0", .action = static_cast<Decision::Action>(9)}),
                    OptionError);
}

TEST_CASE("a run needs epochs and batches, and ends", "[E-5]") {
    Cpu::Context context;
    Network model = network(context);
    const auto trainer = [&](int epochs, bool with_batches) {
        Batches all;
        Batches held_out;
        held_out.push_back({images(context), ClassLabels<Cpu>(context, labels, 2)});
        if (with_batches) all.push_back({images(context), ClassLabels<Cpu>(context, labels, 2)});
        return train::Trainer<Network, optim::SgdRule, Batches, Batches, Once>(
            model, std::move(all), std::move(held_out), {}, {},
            {.epochs = epochs, .random_guess_loss = 0.7});
    };
    CHECK_THROWS_AS(trainer(0, true), OptionError);
    auto hungry = trainer(1, false);
    CHECK_THROWS_AS(hungry.epoch(model), OptionError);
    auto whole = trainer(1, true);
    whole.epoch(model);
    CHECK_THROWS_AS(whole.epoch(model), StateError);
}

}  // namespace kasmina::test::order_of_calls_test
