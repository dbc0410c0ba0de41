// A step that is recorded and ordered by one call has the bits of a step that is not.
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <kasmina/backend/recording.hpp>
#include <kasmina/backends/cuda/backend.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/nn/embedding.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/learner.hpp>
#include <kasmina/train/source.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/cuda_emulation/emulated.hpp"
#include "support/whole_sgd.hpp"
#include "train/small_run.hpp"

namespace kasmina::recorded_steps_test {
namespace {

using B = backends::BasicCuda<float, test::Emulated>;
using Blueprints = BlueprintList<cnn::ConvLight>;
using Values = std::map<std::string, std::vector<double>>;

static_assert(RecordingBackend<B>);

constexpr Index batch = 2;
constexpr hosts::CnnOptions small{.classes = 3, .base = 4, .blocks = 2, .height = 4, .width = 4};

/// The same loss, without saying what it reads: its steps are never recorded.
struct SilentCrossEntropy {
    template <class Batch>
    [[nodiscard]] Variable<B> operator()(const Variable<B>& logits, const Batch& of) const {
        return ops::cross_entropy(logits, of.labels);
    }
};

/// A network, what steps it, and two batches in memory of their own.
template <class Host, class Loss, int accumulate = 1, class Rule = optim::AdamWRule>
struct Run {
    using Model = MorphogeneticModel<Host, Blueprints, test::OpenPolicies>;
    using Learner = train::Learner<Model, Rule>;
    struct Batch {
        typename Host::Input input;
        ClassLabels<B> labels;
    };
    static constexpr bool reads_tokens = std::same_as<typename Host::Input, TokenIds<B>>;

    template <class... Arguments>
    explicit Run(const Arguments&... arguments)
        : model(context, Host(context, arguments...), Blueprints{}, generator),
          learner(model, {.host = {.learning_rate = 0.01},
                          .seeds = {.learning_rate = 0.02},
                          .accumulate_batches = accumulate,
                          .max_gradient_norm = max_norm()}) {
        Generator noise(7);
        for (int i = 0; i < 2; ++i) {
            if constexpr (reads_tokens) {
                // Of two lengths, some ids often.
                const Index time = 2 + 2 * i;
                std::vector<std::int32_t> ids(static_cast<std::size_t>(batch * time));
                for (auto& id : ids) id = static_cast<std::int32_t>(noise.below(4) * 7);
                batches.push_back({TokenIds<B>(context, {batch, 1, time}, ids, 30),
                                   ClassLabels<B>(context, std::vector<std::int32_t>{i, 2}, 3)});
            } else {
                std::vector<float> pixels(static_cast<std::size_t>(batch * 4 * 4 * 3));
                for (float& pixel : pixels) pixel = static_cast<float>(noise.normal());
                const std::vector<std::int32_t> labels{i, 2};
                batches.push_back({Tensor<B>::from_host(context, {batch, 4, 4, 3}, pixels),
                                   ClassLabels<B>(context, labels, 3)});
            }
        }
    }

    /// Norms of rows are summed in another order than those of whole tables.
    [[nodiscard]] static std::optional<double> max_norm() {
        return reads_tokens ? std::nullopt : std::optional(0.5);
    }

    /// Steps on both batches by turns; notes losses, and the network's own outputs.
    void steps(int count) {
        for (int i = 0; i < count; ++i) {
            const Batch& on = batches[static_cast<std::size_t>(i % 2)];
            std::vector<float> seen;
            auto read =
                learner.step(model, on.input, train::LossOnBatch<Loss, Batch>{loss, on},
                             [&](const Variable<B>& logits) { output.emplace(logits.read()); });
            // Somebody else at work, who takes memory and keeps it.
            kept.push_back(Tensor<B>::persistent(context, {batch * 4 * 4 * 4}));
            kept.back().fill(context, 7.0F);
            losses.push_back(read.get());
            for (const float value : output->values()) losses.push_back(value);
            learner.set_learning_rates(0.01 / (1 + i), 0.02 / (1 + i));
        }
    }

    typename B::Context context{};
    Generator generator{1};
    Model model;
    Learner learner;
    Loss loss{};
    std::vector<Batch> batches{};
    std::vector<double> losses{};
    std::vector<Tensor<B>> kept{};
    std::optional<Pending<B>> output{};
};

/// A life with every kind of change: a seed comes, learns, is heard at rising amplitudes, judged,
/// and pruned; a parameter is frozen.
template <class R>
void live(R& run) {
    run.steps(8);
    auto& slot = run.model.slot("r1c0");
    slot.germinate("conv_light", {.tempo_epochs = 2, .alpha_target = 0.75});
    run.steps(8);
    static_cast<void>(slot.advance());
    run.steps(8);
    static_cast<void>(slot.advance());
    for (int epoch = 0; epoch < 2; ++epoch) {
        run.steps(10);
        static_cast<void>(run.model.step_epoch());
        run.learner.settle(run.model);
    }
    static_cast<void>(slot.advance());
    run.steps(8);
    run.model.host_parameters()[0].parameter->set_trainable(false);
    run.steps(8);
    slot.prune("for the test", "user");
    run.steps(8);
}

TEST_CASE("steps from recordings have the bits of steps that are not, in a whole life",
          "[cuda][E-1][X-2]") {
    Run<hosts::Cnn<B>, train::CrossEntropy> recorded(small);
    Run<hosts::Cnn<B>, SilentCrossEntropy> plain(small);
    live(recorded);
    live(plain);
    CHECK(recorded.learner.replays() > 30);
    CHECK(plain.learner.replays() == 0);
    CHECK((recorded.losses == plain.losses));
    CHECK((test::values_of(recorded.model) == test::values_of(plain.model)));
    for (const Tensor<B>& tensor : recorded.kept) {
        for (const float value : tensor.to_host(recorded.context)) REQUIRE(value == 7.0F);
    }
}

TEST_CASE("recorded steps of several batches have the bits of steps that are not",
          "[cuda][N-6][X-2]") {
    Run<hosts::Cnn<B>, train::CrossEntropy, 2> recorded(small);
    Run<hosts::Cnn<B>, SilentCrossEntropy, 2> plain(small);
    live(recorded);
    live(plain);
    // A step that an epoch cuts short, and what is recorded goes on behind it.
    for (int cut = 0; cut < 2; ++cut) {
        recorded.steps(7);
        plain.steps(7);
        CHECK(recorded.learner.finish_step(recorded.model));
        CHECK(plain.learner.finish_step(plain.model));
    }
    CHECK(recorded.learner.replays() > 30);
    CHECK(plain.learner.replays() == 0);
    CHECK(recorded.learner.steps() == plain.learner.steps());
    CHECK((recorded.losses == plain.losses));
    CHECK((test::values_of(recorded.model) == test::values_of(plain.model)));
}

TEST_CASE("a step is recorded once for a state of the network, and costs three launches then",
          "[X-2][cuda]") {
    Run<hosts::Cnn<B>, train::CrossEntropy> run(small);
    // Each with other rates, on two batches: the first two on each are taken as they are, and so is
    // the very first, for whose gradients there is no memory yet.
    run.steps(20);
    CHECK(run.learner.replays() == 15);
    const auto& on = run.batches[0];
    const auto unseen_step = [&] {
        static_cast<void>(run.learner.step(
            run.model, on.input,
            train::LossOnBatch<train::CrossEntropy, std::remove_cvref_t<decltype(on)>>{run.loss,
                                                                                       on}));
    };
    // That nobody looks at the output is another state.
    for (int i = 0; i < 3; ++i) unseen_step();
    CHECK(run.learner.replays() == 16);
    const auto allocations = run.context.pool().statistics().allocations;
    const auto launches = run.context.launches();
    unseen_step();
    CHECK(run.context.launches() - launches <= 3);
    CHECK(run.context.pool().statistics().allocations == allocations);
}

TEMPLATE_TEST_CASE_SIG(
    "a ramp of alpha is one recording, and each step has the amplitude of its day",
    "[A-2][A-9][X-2][cuda]", ((BlendAlgorithm algorithm), algorithm), BlendAlgorithm::add,
    BlendAlgorithm::multiply, BlendAlgorithm::gate) {
    constexpr int tempo = 6;
    const auto blending = [](auto& run) -> auto& {
        auto& slot = run.model.slot("r1c0");
        slot.germinate("conv_light", {.algorithm = algorithm, .tempo_epochs = tempo});
        static_cast<void>(slot.advance());
        static_cast<void>(slot.advance());
        REQUIRE(slot.stage() == Stage::blending);
        return slot;
    };
    Run<hosts::Cnn<B>, train::CrossEntropy> recorded(small);
    Run<hosts::Cnn<B>, SilentCrossEntropy> plain(small);
    auto& ramp = blending(recorded);
    blending(plain);
    std::set<double> amplitudes;
    const auto epoch = [&] {
        recorded.steps(2);
        plain.steps(2);
        amplitudes.insert(ramp.alpha());
        static_cast<void>(recorded.model.step_epoch());
        static_cast<void>(plain.model.step_epoch());
    };
    while (ramp.alpha() == 0.0) epoch();
    // Taken as it is twice on each of two batches, and from then on from one recording of each.
    for (int i = 0; i < 2; ++i) epoch();
    const auto before = recorded.learner.replays();
    while (ramp.alpha() < 1.0) epoch();
    CHECK(amplitudes.size() == tempo);
    // On two batches the network's step and its shadow's; the first of them all is recorded later,
    // as there was no memory for its gradients at first.
    CHECK(recorded.learner.replays() - before == 4 * (tempo - 3) - 1);
    CHECK((recorded.losses == plain.losses));
    CHECK((test::values_of(recorded.model) == test::values_of(plain.model)));
}

TEST_CASE("a network that draws random numbers is recorded, and draws new ones each step",
          "[cuda][X-2][E-3]") {
    Run<test::DropoutCnn<B>, train::CrossEntropy> noisy;
    Run<test::DropoutCnn<B>, SilentCrossEntropy> plain;
    Generator& random = noisy.learner.random();
    for (const int replays : {3, 11}) {
        noisy.steps(8);
        plain.steps(8);
        CHECK((noisy.losses == plain.losses));
        CHECK(random.state() == plain.learner.random().state());
        CHECK(noisy.learner.replays() == static_cast<std::uint64_t>(replays));
        // Somebody else draws from the same stream: steps may begin anywhere in it.
        CHECK(random() == plain.learner.random()());
    }
    // Another stream makes another recording.
    random = plain.learner.random() = Generator(99);
    noisy.steps(8);
    plain.steps(8);
    CHECK((noisy.losses == plain.losses));
    CHECK(noisy.learner.replays() == 15);
}

/// Looks words up in a table of its own: ids (batch, 1, time) to logits (batch, 3).
struct Reader : nn::Visitable<Reader> {
    using Backend = B;
    using Input = TokenIds<B>;
    static constexpr Topology topology = Topology::cnn;

    nn::Embedding<B> words;
    nn::Linear<B> output;
    std::vector<hosts::InjectionPoint> points{{.slot_id = "r1c0", .channels = 4}};

    explicit Reader(B::Context& context) : words(context, 30, 4), output(context, 4, 3) {}

    void initialise(B::Context& context, Generator& generator) {
        words.initialise(context, generator);
        output.initialise(context, generator);
    }
    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const { return points; }
    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Input& ids) const {
        return words.forward(pass, ids);
    }
    [[nodiscard]] Variable<B> forward(Pass<B>&, const Variable<B>& state, std::size_t,
                                      std::size_t) const {
        return state;
    }
    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& state) const {
        return output.forward(pass, ops::mean_positions(state));
    }
    [[nodiscard]] static constexpr auto members() {
        return nn::members(nn::Member{"words", &Reader::words},
                           nn::Member{"output", &Reader::output});
    }
};

TEMPLATE_TEST_CASE_SIG("recorded steps leave gradients in rows, with the bits of whole ones",
                       "[cuda][H-7][N-2][X-2]", ((int accumulate), accumulate), 1, 2) {
    Run<Reader, train::CrossEntropy, accumulate, optim::SgdRule> recorded;
    Run<Reader, SilentCrossEntropy, accumulate, test::WholeSgdRule> whole;
    const auto table = [](const auto& run) {
        return run.model.host_parameters()[0].parameter->state();
    };
    REQUIRE(table(recorded)->takes_rows);
    for (int round = 0; round < 4; ++round) {
        recorded.steps(8);
        whole.steps(8);
        CHECK(table(recorded)->gradient.in_rows() == (accumulate == 1));
        CHECK_FALSE(table(whole)->gradient.in_rows());
        // Whoever looks at it makes it whole, and what is recorded goes on in rows.
        if (round != 1) continue;
        CHECK(table(recorded)->gradient.dense().to_host(recorded.context) ==
              table(whole)->gradient.dense().to_host(whole.context));
    }
    // With a step that is cut short, another batch comes first in the next.
    for (int cut = 0; cut < 4 && accumulate > 1; ++cut) {
        recorded.steps(7);
        whole.steps(7);
        CHECK(recorded.learner.finish_step(recorded.model));
        CHECK(whole.learner.finish_step(whole.model));
    }
    CHECK(recorded.learner.replays() > 20);
    live(recorded);
    live(whole);
    CHECK((recorded.losses == whole.losses));
    CHECK((test::values_of(recorded.model) == test::values_of(whole.model)));
}

/// Draws a word that the host sees, or drops values by a stream of its own.
struct OddCnn : test::DropoutCnn<B> {
    OddCnn(B::Context& context, bool sees) : test::DropoutCnn<B>(context), sees_(sees) {}

    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& images) const {
        const Variable<B> seen = test::DropoutCnn<B>::stem(pass, images);
        if (!pass.training()) return seen;
        if (sees_) return (*pass.generator())() % 2 == 0 ? seen : ops::relu(seen);
        Pass<B> own(pass.tape(), Mode::training, own_);
        return ops::dropout(own, seen, 0.5);
    }

private:
    bool sees_;
    mutable Generator own_{5};
};

TEST_CASE("steps whose random words are seen by the host, or of another stream, are not recorded",
          "[cuda][X-2]") {
    for (const bool sees : {true, false}) {
        Run<OddCnn, train::CrossEntropy> odd(sees);
        Run<OddCnn, SilentCrossEntropy> plain(sees);
        odd.steps(8);
        plain.steps(8);
        CHECK(odd.learner.replays() == 0);
        CHECK((odd.losses == plain.losses));
    }
}

}  // namespace
}  // namespace kasmina::recorded_steps_test
