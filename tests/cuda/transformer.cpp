// A transformer on the emulated card: it trains as on the reference, and its steps are recorded,
// dropout and all.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/backends/xtensor.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/blueprints/transformer/attention.hpp>
#include <kasmina/blueprints/transformer/mlp.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/train/learner.hpp>
#include <kasmina/train/source.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/cuda_emulation/emulated_cuda.hpp"

namespace kasmina::transformer_test {
namespace {

using Card = test::EmulatedCuda<float>;
using Reference = backends::Xtensor<double>;
using Blueprints = BlueprintList<transformer::Attention, transformer::Mlp>;

constexpr Index vocabulary = 7;
const std::vector<std::int32_t> ids{0, 1, 2, 3, 4, 6, 5, 4, 0, 2};
const std::vector<std::int32_t> next{1, 2, 3, 4, 5, 5, 4, 0, 2, 1};

/// The same loss, without saying what it reads: its steps are never recorded.
struct SilentCrossEntropy {
    template <class Output, class Batch>
    [[nodiscard]] auto operator()(const Output& logits, const Batch& of) const {
        return train::CrossEntropy{}(logits, of);
    }
};

/// A small transformer, what steps it, and one batch.
template <class B, class Loss, class Head = hosts::WholeLogits>
struct Run {
    using Host = hosts::Transformer<B, Head>;
    using Model = MorphogeneticModel<Host, Blueprints, test::OpenPolicies>;
    using Learner = train::Learner<Model, optim::AdamWRule>;
    struct Batch {
        TokenIds<B> input;
        ClassLabels<B> labels;
    };

    explicit Run(double dropout)
        : model(context,
                Host(context, {.vocabulary = vocabulary,
                               .width = 8,
                               .heads = 2,
                               .layers = 3,
                               .block = 5,
                               .dropout = dropout}),
                Blueprints{}, generator),
          learner(model, {.host = {.learning_rate = 0.01},
                          .seeds = {.learning_rate = 0.02},
                          .max_gradient_norm = 0.5}),
          batch{TokenIds<B>(context, {2, 5}, ids, vocabulary),
                ClassLabels<B>(context, next, vocabulary)} {}

    void grow(std::string_view blueprint) {
        auto& slot = model.slot("r0c1");
        slot.germinate(blueprint, {.tempo_epochs = 1, .alpha_target = 0.5});
        while (slot.stage() != Stage::blending) REQUIRE(slot.advance().advanced);
        slot.step_epoch();
    }

    void steps(int count) {
        for (int i = 0; i < count; ++i) {
            losses.push_back(static_cast<double>(
                learner.step(model, batch.input, train::LossOnBatch<Loss, Batch>{loss, batch})
                    .get()));
        }
    }

    [[nodiscard]] std::vector<double> parameters() {
        std::vector<double> all;
        for (const auto& named : model.parameters()) {
            for (const auto value : named.parameter->value().to_host(context)) {
                all.push_back(static_cast<double>(value));
            }
        }
        return all;
    }

    typename B::Context context{};
    Generator generator{5};
    Model model;
    Learner learner;
    Batch batch;
    Loss loss{};
    std::vector<double> losses{};
};

double worst(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    double most = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
    return most;
}

}  // namespace

TEST_CASE("a transformer with a seed trains on the emulated card as on the reference",
          "[cuda][X-1][H-2]") {
    for (const std::string_view blueprint : {"attention", "mlp"}) {
        CAPTURE(blueprint);
        Run<Reference, train::CrossEntropy> expected(0.0);
        Run<Card, train::CrossEntropy> found(0.0);
        expected.grow(blueprint);
        found.grow(blueprint);
        expected.steps(2);
        found.steps(2);
        CHECK(worst(expected.losses, found.losses) < 1e-5);
        // Where a gradient is next to nothing AdamW makes steps of its sign alone.
        CHECK(worst(expected.parameters(), found.parameters()) < 1e-3);
    }
}

TEST_CASE("a transformer's steps are recorded, and have the bits of steps that are not",
          "[cuda][X-2][X-3]") {
    const auto check = [](auto head) {
        using Head = decltype(head);
        Run<Card, train::CrossEntropy, Head> recorded(0.2);
        Run<Card, SilentCrossEntropy, Head> plain(0.2);
        recorded.steps(6);
        plain.steps(6);
        CHECK(recorded.learner.replays() == 3);
        recorded.grow("attention");
        plain.grow("attention");
        recorded.steps(6);
        plain.steps(6);
        CHECK(recorded.learner.replays() > 3);
        CHECK((recorded.losses == plain.losses));
        CHECK((recorded.parameters() == plain.parameters()));
    };
    check(hosts::WholeLogits{});
    check(hosts::LogitsInChunks{});
}

}  // namespace kasmina::transformer_test
