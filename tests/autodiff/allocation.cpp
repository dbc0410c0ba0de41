// After its first step, a training step of host and seed allocates nothing.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/blueprints/transformer/attention.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/hosts/resnet.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/testing/gradient_check.hpp>
#include <kasmina/train/learner.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/counting_allocator.hpp"

namespace kasmina::allocation_test {
namespace {

template <class Blueprint>
std::size_t allocations_of_a_later_step(int threads) {
    using B = backends::Eigen<float>;
    Generator generator(1);
    B::Context context(threads);
    const hosts::Cnn<B> host(context, {.base = 8, .height = 16, .width = 16}, generator);
    const typename Blueprint::template Module<B> seed(context, 16, {}, generator);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training, generator);
    const auto images = Tensor<B>::from_host(context, {4, 16, 16, 3},
                                             testing::normal_values<float>(4 * 16 * 16 * 3, 2));
    const std::vector<std::int32_t> labels{1, 2, 3, 4};
    const std::size_t slot = hosts::boundary_of(host, "r0c1");
    const std::size_t end = hosts::end_boundary(host);
    float last = 0.0F;
    const auto step = [&] {
        tape.clear();
        const auto before = host.forward(pass, host.stem(pass, images), 0, slot);
        const auto grown = ops::dropout(pass, seed.forward(pass, pass.detach(before)), 0.1);
        const auto after = host.forward(pass, ops::blend_add(before, grown, 0.5), slot, end);
        const auto loss = ops::cross_entropy(host.head(pass, after), labels);
        auto pending = loss.read();
        tape.backward(loss);
        last = pending.get();
    };
    step();
    step();
    const std::size_t before = test::allocations();
    for (int i = 0; i < 3; ++i) step();
    const std::size_t allocated = test::allocations() - before;
    REQUIRE(last > 0.0F);
    return allocated;
}

TEST_CASE("after the first step, training allocates nothing", "[allocation]") {
    for (const int threads : {1, 2}) {
        CAPTURE(threads);
        CHECK(allocations_of_a_later_step<cnn::ConvHeavy>(threads) == 0);
        CHECK(allocations_of_a_later_step<cnn::ConvSmall>(threads) == 0);
        CHECK(allocations_of_a_later_step<cnn::Depthwise>(threads) == 0);
        CHECK(allocations_of_a_later_step<cnn::Bottleneck>(threads) == 0);
        CHECK(allocations_of_a_later_step<cnn::Attention>(threads) == 0);
        CHECK(allocations_of_a_later_step<cnn::Norm>(threads) == 0);
    }
}

/// Steps of a model with a seed: forward, backward, optimiser.
std::size_t allocations_of_later_model_steps(int threads, Stage goal, BlendAlgorithm algorithm) {
    using B = backends::Eigen<float>;
    using Blueprints = BlueprintList<cnn::ConvHeavy>;
    Generator generator(1);
    B::Context context(threads);
    MorphogeneticModel<hosts::Cnn<B>, Blueprints, test::OpenPolicies> model(
        context, hosts::Cnn<B>(context, {.base = 8, .height = 16, .width = 16}), Blueprints{},
        generator);
    auto& slot = model.slot("r0c1");
    slot.germinate("conv_heavy", {.algorithm = algorithm});
    while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
    if (goal == Stage::blending) slot.step_epoch();  // an amplitude above 0
    REQUIRE((slot.alpha() > 0.0) == (goal != Stage::training));
    optim::Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 1e-4});
    sgd.add_group({.learning_rate = 0.02, .momentum = 0.9});
    sgd.synchronise(0, model.host_parameters());
    sgd.synchronise(1, model.seed_parameters());

    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training, generator);
    const auto images = Tensor<B>::from_host(context, {4, 16, 16, 3},
                                             testing::normal_values<float>(4 * 16 * 16 * 3, 2));
    const ClassLabels<B> labels(context, std::vector<std::int32_t>{1, 2, 3, 4}, 10);
    std::int32_t last_hits = -1;
    const auto step = [&] {
        tape.clear();
        const Variable<B> logits = model.forward(pass, images);
        const Variable<B> loss = ops::cross_entropy(logits, labels);
        auto hits = ops::count_correct(logits, labels);
        sgd.zero_gradients();
        tape.backward(loss);
        sgd.step(context);
        last_hits = hits.get();
    };
    step();
    const std::size_t before = test::allocations();
    for (int i = 0; i < 3; ++i) step();
    const std::size_t allocated = test::allocations() - before;
    REQUIRE(last_hits >= 0);
    return allocated;
}

TEST_CASE("after the first step of a model with a seed, steps allocate nothing",
          "[allocation][H-7]") {
    for (const int threads : {1, 2}) {
        for (const BlendAlgorithm algorithm :
             {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
            CAPTURE(threads, static_cast<int>(algorithm));
            for (const Stage stage : {Stage::training, Stage::blending, Stage::fossilized}) {
                CAPTURE(name_of(stage));
                CHECK(allocations_of_later_model_steps(threads, stage, algorithm) == 0);
            }
        }
    }
}

/// Steps of a learner: with lessons in training, with a shadow in blending and holding.
std::size_t allocations_of_later_learner_steps(Stage goal) {
    using B = backends::Eigen<float>;
    using Model =
        MorphogeneticModel<hosts::Cnn<B>, BlueprintList<cnn::ConvHeavy>, test::OpenPolicies>;
    Generator generator(1);
    B::Context context;
    Model model(context, hosts::Cnn<B>(context, {.base = 8, .height = 16, .width = 16}),
                BlueprintList<cnn::ConvHeavy>{}, generator);
    train::Learner<Model, optim::SgdRule> learner(
        model, {.host = {.learning_rate = 0.05, .momentum = 0.9},
                .seeds = {.learning_rate = 0.02, .momentum = 0.9}});
    const auto images = Tensor<B>::from_host(context, {4, 16, 16, 3},
                                             testing::normal_values<float>(4 * 16 * 16 * 3, 2));
    const ClassLabels<B> labels(context, std::vector<std::int32_t>{1, 2, 3, 4}, 10);
    double loss = 0.0;
    const auto step = [&] {
        loss =
            learner
                .step(model, images,
                      [&](const Variable<B>& logits) { return ops::cross_entropy(logits, labels); })
                .get();
    };
    auto& slot = model.slot("r0c1");
    slot.germinate("conv_heavy");
    while (slot.stage() != goal) {
        REQUIRE(slot.advance().advanced);
        step();
        slot.step_epoch();
    }
    REQUIRE(learner.judge().judges(slot) == (goal != Stage::training));
    step();
    const std::size_t before = test::allocations();
    for (int i = 0; i < 3; ++i) step();
    const std::size_t allocated = test::allocations() - before;
    REQUIRE(loss > 0.0);
    return allocated;
}

TEST_CASE("steps with lessons or beside a shadow allocate nothing after the first",
          "[allocation][J-4][I-9]") {
    for (const Stage stage : {Stage::training, Stage::blending, Stage::holding}) {
        CAPTURE(name_of(stage));
        CHECK(allocations_of_later_learner_steps(stage) == 0);
    }
}

/// Steps of a transformer, whose logits are made in chunks or whole, some of it computed again.
template <class Head>
std::size_t allocations_of_later_transformer_steps(bool checkpointing) {
    using B = backends::Eigen<float>;
    Generator generator(1);
    B::Context context(2);
    const hosts::Transformer<B, Head> host(context,
                                           {.vocabulary = 30,
                                            .width = 16,
                                            .heads = 2,
                                            .layers = 2,
                                            .segments = 1,
                                            .block = 70,
                                            .checkpointing = checkpointing},
                                           generator);
    const transformer::Attention::Module<B> seed(context, 16, {}, generator);
    std::vector<std::int32_t> ids(2 * 70);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i * 7 % 30);
    const TokenIds<B> input(context, {2, 70}, ids, 30);
    const ClassLabels<B> labels(context, ids, 30);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training, generator);
    const auto step = [&] {
        tape.clear();
        const auto state = host.forward(pass, host.stem(pass, input), 0, 1);
        const auto output = host.head(pass, seed.forward(pass, state));
        using ops::cross_entropy;
        tape.backward(cross_entropy(output, labels));
    };
    step();
    step();
    const std::size_t before = test::allocations();
    for (int i = 0; i < 3; ++i) step();
    return test::allocations() - before;
}

TEST_CASE("after the first step, a transformer's steps allocate nothing", "[allocation][H-2]") {
    for (const bool checkpointing : {false, true}) {
        CAPTURE(checkpointing);
        CHECK(allocations_of_later_transformer_steps<hosts::WholeLogits>(checkpointing) == 0);
        CHECK(allocations_of_later_transformer_steps<hosts::LogitsInChunks>(checkpointing) == 0);
    }
}

/// Steps of a host alone, with its optimiser.
template <class Host>
std::size_t allocations_of_later_host_steps(Host& host, const Shape& shape,
                                            typename Host::Context& context) {
    using B = typename Host::Backend;
    const auto input = Tensor<B>::from_host(
        context, shape,
        testing::normal_values<float>(static_cast<std::size_t>(shape.elements()), 2));
    const ClassLabels<B> labels(context, std::vector<std::int32_t>{0, 1, 2, 1}, 3);
    optim::Sgd<B> sgd;
    sgd.add_group({.learning_rate = 0.05, .momentum = 0.9});
    const nn::Contents<B> contents = nn::contents<B>(host);
    sgd.synchronise(0, contents.parameters);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const std::size_t end = hosts::end_boundary(host);
    float last = 0.0F;
    const auto step = [&] {
        tape.clear();
        const auto state = host.forward(pass, host.stem(pass, input), hosts::start_boundary, end);
        const auto loss = ops::cross_entropy(host.head(pass, state), labels);
        auto pending = loss.read();
        sgd.zero_gradients();
        tape.backward(loss);
        sgd.step(context);
        last = pending.get();
    };
    step();
    step();
    const std::size_t before = test::allocations();
    for (int i = 0; i < 3; ++i) step();
    const std::size_t allocated = test::allocations() - before;
    REQUIRE(last > 0.0F);
    return allocated;
}

TEST_CASE("after the first step, residual networks and networks of rows allocate nothing",
          "[allocation][N-4][N-5]") {
    using B = backends::Eigen<float>;
    for (const int threads : {1, 2}) {
        Generator generator(1);
        B::Context context(threads);
        for (const hosts::MapNormKind norm :
             {hosts::MapNormKind::batch, hosts::MapNormKind::group}) {
            CAPTURE(threads, static_cast<int>(norm));
            hosts::ResNet<B> host(context, {.classes = 3, .base = 4, .blocks = 2, .norm = norm},
                                  generator);
            CHECK(allocations_of_later_host_steps(host, {4, 9, 8, 3}, context) == 0);
        }
        for (const hosts::Activation activation :
             {hosts::Activation::relu, hosts::Activation::gelu, hosts::Activation::tanh}) {
            CAPTURE(threads, static_cast<int>(activation));
            hosts::Mlp<B> host(context,
                               {.inputs = 5, .outputs = 3, .width = 9, .activation = activation},
                               generator);
            CHECK(allocations_of_later_host_steps(host, {4, 5}, context) == 0);
        }
    }
}

TEST_CASE("the counter counts", "[allocation]") {
    const std::size_t before = test::allocations();
    const auto values = std::make_unique<std::vector<int>>(100);
    CHECK(values->size() == 100);
    CHECK(test::allocations() >= before + 2);
}

}  // namespace
}  // namespace kasmina::allocation_test
