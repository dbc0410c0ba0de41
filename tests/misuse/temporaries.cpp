// What is handed over may be a temporary, or go before the way back: nothing dangles (E-4).
#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/attention_masks.hpp>

#include "misuse/small_network.hpp"
#include "support/catch.hpp"

namespace kasmina::test::temporaries_test {
namespace {

/// The gradients that a step on these images leaves, with all arguments held.
[[nodiscard]] auto held_gradients(Cpu::Context& context) {
    Network model = network(context);
    const Tensor<Cpu> batch = images(context);
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    tape.backward(loss_of_labels()(model.forward(pass, batch)));
    return gradients(model);
}

template <class T>
concept KeepsValues = requires(T&& pending) { std::forward<T>(pending).values(); };
template <class T>
concept ShowsSlots = requires(T&& model) { std::forward<T>(model).slots(); };
template <class T>
concept ShowsASlot = requires(T&& model) { std::forward<T>(model).slot("r0c0"); };
template <class T>
concept ShowsItsHost = requires(T&& model) { std::forward<T>(model).host(); };
template <class Name>
concept NamesACheck = requires(GateResult result, Name name) {
    result.require(name, true);
    result.require_at_least(name, 1.0, 0.5);
    result.require_at_most(name, 0.0, 0.5);
};
template <class Named>
concept GivesPointers = requires(Named&& named) { Network::pointers(std::forward<Named>(named)); };

}  // namespace

// Views of what ends with the statement do not compile.
static_assert(KeepsValues<Pending<Cpu>&> && !KeepsValues<Pending<Cpu>>);
static_assert(ShowsSlots<Network&> && ShowsSlots<const Network&> && !ShowsSlots<Network>);
static_assert(ShowsASlot<Network&> && ShowsASlot<const Network&> && !ShowsASlot<Network>);
static_assert(ShowsItsHost<Network&> && ShowsItsHost<const Network&> && !ShowsItsHost<Network>);
static_assert(NamesACheck<const char*> && NamesACheck<std::string_view>);
static_assert(!NamesACheck<std::string> && !NamesACheck<const std::string&>);
static_assert(GivesPointers<const std::vector<Network::Named>&>);
static_assert(!GivesPointers<std::vector<Network::Named>>);
static_assert(!std::convertible_to<nn::SharedParameter<Parameter<Cpu>>, Parameter<Cpu>*>);
static_assert(!std::constructible_from<Pass<Cpu>, Tape<Cpu>&, Mode, Generator>);
static_assert(!std::constructible_from<Pass<Cpu>, Tape<Cpu>, Mode>);
static_assert(!std::constructible_from<Tape<Cpu>, Cpu::Context>);

TEST_CASE("a constant may be a temporary", "[E-4]") {
    Cpu::Context context;
    Tape<Cpu> tape(context);
    const Variable<Cpu> x = tape.leaf({3}, std::vector<float>{1, 2, 3});
    const auto y = ops::multiply(x, tape.constant(Tensor<Cpu>::full(context, {3}, 4.0F)));
    tape.backward(y, Tensor<Cpu>::full(context, {3}, 2.0F));
    CHECK(tape.gradient(x) == std::vector<float>{8, 8, 8});
}

TEST_CASE("a tensor may go before backward reads it", "[E-4]") {
    Cpu::Context context;
    Tape<Cpu> tape(context);
    const Variable<Cpu> x = tape.leaf({3}, std::vector<float>{1, 2, 3});
    std::optional<Tensor<Cpu>> factor(Tensor<Cpu>::full(context, {3}, 4.0F));
    const auto y = ops::multiply(x, tape.constant(*factor));
    factor.reset();
    tape.backward(y, std::vector<float>{1, 1, 1});
    CHECK(tape.gradient(x) == std::vector<float>{4, 4, 4});
}

TEST_CASE("a batch may be a temporary of a model's forward, or go before backward", "[E-4]") {
    Cpu::Context context;
    const auto expected = held_gradients(context);
    Network model = network(context);
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    SECTION("a temporary") {
        tape.backward(loss_of_labels()(model.forward(pass, images(context))));
    }
    SECTION("gone at the end of a function") {
        const auto loss = [&] {
            const Tensor<Cpu> batch = images(context);
            return loss_of_labels()(model.forward(pass, batch));
        };
        tape.backward(loss());
    }
    SECTION("of the host alone") {
        tape.backward(loss_of_labels()(hosts::forward(model.host(), pass, images(context))));
    }
    CHECK(gradients(model) == expected);
}

TEST_CASE("labels may be temporaries of any kind", "[E-4]") {
    Cpu::Context context;
    Tape<Cpu> tape(context);
    const Variable<Cpu> logits = tape.leaf({2, 2}, std::vector<float>{1, 0, 0, 1});
    const auto loss = [&] {
        switch (GENERATE(0, 1, 2)) {
            case 0: return ops::cross_entropy(logits, std::vector<std::int32_t>{0, 1});
            case 1:
                return ops::cross_entropy(
                    logits, ClassLabels<Cpu>(context, std::vector<std::int32_t>{0, 1}, 2));
            default: return ops::cross_entropy(logits, {{0, 1}});
        }
    }();
    tape.backward(loss);
    CHECK(tape.gradient(logits)[0] < 0.0F);
}

TEST_CASE("ids of an embedding may be temporaries, checked or not", "[E-4]") {
    Cpu::Context context;
    Generator random(1);
    const nn::Embedding<Cpu> table(context, 3, 2, random);
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    const std::vector<std::int32_t> ids{2, 0};
    const bool checked = GENERATE(true, false);
    const auto rows =
        checked ? ops::embedding(pass.parameter(table.weight), TokenIds<Cpu>(context, {2}, ids, 3))
                : ops::embedding(pass.parameter(table.weight),
                                 Tensor<Cpu, std::int32_t>::from_host(context, {2}, ids));
    tape.backward(rows, std::vector<float>(4, 1.0F));
    CHECK(table.weight.gradient().to_host(context) == std::vector<float>{1, 1, 0, 0, 1, 1});
}

TEST_CASE("a module may go before backward", "[E-4]") {
    Cpu::Context context;
    Generator random(1);
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    SECTION("a linear layer") {
        const Variable<Cpu> x = tape.leaf({2, 3}, std::vector<float>(6, 1.0F));
        const auto y = nn::Linear<Cpu>(context, 3, 2, random).forward(pass, x);
        tape.backward(y, std::vector<float>(4, 1.0F));
        CHECK(tape.gradient(x).size() == 6);
    }
    SECTION("a norm with running statistics") {
        const Variable<Cpu> x = tape.constant(images(context));
        const auto y = nn::BatchNorm2d<Cpu>(context, 1).forward(pass, x);
        CHECK_NOTHROW(tape.backward(y, images(context)));
    }
}

TEST_CASE("a parameter's values may be replaced before backward", "[E-4]") {
    Cpu::Context context;
    Parameter<Cpu> weight(Tensor<Cpu>::full(context, {2}, 3.0F));
    Tape<Cpu> tape(context);
    const Variable<Cpu> x = tape.leaf({2}, std::vector<float>{1, 2});
    const auto y = ops::multiply(x, tape.parameter(weight));
    weight.value() = Tensor<Cpu>::full(context, {2}, 5.0F);
    tape.backward(y, std::vector<float>{1, 1});
    CHECK(tape.gradient(x) == std::vector<float>{3, 3});
}

TEST_CASE("what is computed again may have come from temporaries", "[E-4][P-5]") {
    Cpu::Context context;
    Tape<Cpu> tape(context);
    Pass<Cpu> pass(tape, Mode::training);
    const Variable<Cpu> x = tape.leaf({2}, std::vector<float>{1, 2});
    const auto y = ops::recompute(
        pass, [](Pass<Cpu>&, const auto& a, const auto& b) { return ops::multiply(a, b); }, x,
        tape.constant(Tensor<Cpu>::full(context, {2}, 7.0F)));
    tape.backward(y, std::vector<float>{1, 1});
    CHECK(tape.gradient(x) == std::vector<float>{7, 7});
}

TEST_CASE("what is read of a temporary arrives", "[E-4]") {
    Cpu::Context context;
    Pending<Cpu> pending = Tensor<Cpu>::full(context, {100}, 6.0F).read(context);
    CHECK(pending.values()[99] == 6.0F);
}

TEST_CASE("names may be temporaries", "[E-4]") {
    Cpu::Context context;
    Network model = network(context);
    auto& slot = model.slot(std::string("r0") + "c0");
    slot.germinate(std::string("no") + "rm", {.seed_id = std::string(60, 's')});
    CHECK(slot.report().blueprint == "norm");
    CHECK(slot.record()->seed_id == std::string(60, 's'));
    slot.prune(std::string(60, 'r'));
    CHECK(slot.record()->metrics.prune_reason == std::string(60, 'r'));
}

TEST_CASE("a learner's batch and labels may be temporaries", "[E-4]") {
    Cpu::Context context;
    Network model = network(context);
    grow(model.slot("r0c0"), Stage::training);
    train::Learner<Network, optim::SgdRule> learner(model, {});
    Pending<Cpu> loss = learner.step(model, images(context), [](const auto& logits) {
        return ops::cross_entropy(logits, std::vector<std::int32_t>{0, 1});
    });
    CHECK(loss.get() > 0.0F);
}

TEST_CASE("scores are taken of batches that are made on the way", "[E-4]") {
    Cpu::Context context;
    Network model = network(context);
    const auto batches =
        std::views::iota(0, 3) | std::views::transform([&](int) {
            return LabelledBatch<Cpu>{images(context), ClassLabels<Cpu>(context, labels, 2)};
        });
    const std::vector<double> scores =
        mean_scores(model, context, std::array{AlphaOverrides{}}, batches, AccuracyScore{});
    CHECK(scores.size() == 1);
}

TEST_CASE("labels, ids and masks that were moved from are what they were", "[E-4]") {
    Cpu::Context context;
    ClassLabels<Cpu> classes(context, labels, 2);
    const ClassLabels<Cpu> kept = std::move(classes);
    CHECK(classes.size() == 2);
    CHECK(classes.data() == kept.data());
    TokenIds<Cpu> ids(context, {1, 2}, labels, 2);
    const TokenIds<Cpu> others = std::move(ids);
    CHECK(ids.shape() == Shape{1, 2});
    CHECK(&ids.tensor() == &others.tensor());
    ops::Documents<Cpu> documents(Tensor<Cpu, std::int32_t>::from_host(context, {1, 2}, labels));
    const ops::Documents<Cpu> elsewhere = std::move(documents);
    CHECK(documents.memory() == elsewhere.memory());
    ops::Prefixes<Cpu> prefixes(Tensor<Cpu, std::int32_t>::from_host(context, {2}, labels));
    const ops::Prefixes<Cpu> others_too = std::move(prefixes);
    CHECK(prefixes.memory() == others_too.memory());
}

}  // namespace kasmina::test::temporaries_test
