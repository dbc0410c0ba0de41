// A host whose input, state and output are aggregates, grown and looked at like any other.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/nn/embedding.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"

namespace kasmina::aggregates_test {
namespace {

using B = backends::Eigen<double>;
using Values = Variable<B>;

constexpr Index batch = 5;

/// Maps and a token for each; two slots, past which the tokens' rows flow; two heads.
struct MapsAndTokens : nn::Visitable<MapsAndTokens> {
    using Backend = B;
    struct Input {
        Tensor<B> maps;  ///< (batch, 3, 2, 2)
        TokenIds<B> tokens;
        [[nodiscard]] Index samples() const { return maps.shape()[0]; }
    };
    struct State {
        Values features;
        Values rows;  ///< (batch, 4)
    };
    struct Output {
        Values logits;  ///< (batch, 3)
        Values rows;    ///< (batch, 4)
    };
    static constexpr Topology topology = Topology::cnn;

    nn::Linear<B> first;
    nn::Linear<B> second;
    nn::Linear<B> last;
    nn::Embedding<B> embedding;
    std::vector<hosts::InjectionPoint> points{{.slot_id = "one", .channels = 4, .position = 0},
                                              {.slot_id = "two", .channels = 4, .position = 1}};

    explicit MapsAndTokens(B::Context& context)
        : first(context, 2, 4),
          second(context, 4, 4),
          last(context, 4, 3),
          embedding(context, 6, 4) {}

    void initialise(B::Context& context, Generator& generator) {
        first.initialise(context, generator);
        second.initialise(context, generator);
        last.initialise(context, generator);
        embedding.initialise(context, generator);
    }
    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const { return points; }

    [[nodiscard]] State stem(Pass<B>& pass, const Input& input) const {
        return {pass.constant(input.maps), embedding.forward(pass, input.tokens)};
    }
    [[nodiscard]] State forward(Pass<B>& pass, const State& state, std::size_t from,
                                std::size_t to) const {
        hosts::check_route(points, from, to);
        State current = state;
        if (from < 1 && to >= 1) current.features = first.forward(pass, current.features);
        if (from < 2 && to >= 2) current.features = second.forward(pass, current.features);
        return current;
    }
    [[nodiscard]] Output head(Pass<B>& pass, const State& state) const {
        const Values mean = ops::mean_positions(state.features);
        return {last.forward(pass, ops::add(mean, state.rows)), state.rows};
    }
    [[nodiscard]] static constexpr auto members() {
        using Self = MapsAndTokens;
        return nn::members(nn::Member{"first", &Self::first}, nn::Member{"second", &Self::second},
                           nn::Member{"last", &Self::last},
                           nn::Member{"embedding", &Self::embedding});
    }
};
static_assert(hosts::Host<MapsAndTokens>);

using Model = MorphogeneticModel<MapsAndTokens, BlueprintList<cnn::ConvLight>, test::OpenPolicies>;

/// With a seed at half its amplitude in each slot.
struct Bed {
    B::Context context;
    Generator generator{4};
    Model model{context, MapsAndTokens(context), BlueprintList<cnn::ConvLight>{}, generator};
    MapsAndTokens::Input input{
        Tensor<B>::from_host(context, {batch, 3, 2, 2},
                             testing::normal_values<double>(batch * 3 * 2 * 2, 2)),
        TokenIds<B>(context, {batch}, std::vector<std::int32_t>{5, 0, 3, 3, 1}, 6)};

    void grow() {
        for (auto& slot : model.slots()) {
            slot.germinate("conv_light");
            while (slot.stage() != Stage::holding) REQUIRE(slot.advance().advanced);
            REQUIRE(slot.set_alpha_target(0.5, 0).done);
        }
    }

    /// Both heads of one pass, one behind the other.
    std::vector<double> evaluate(const AlphaOverrides& overrides = {}) {
        Tape<B> tape(context, Recording::none);
        Pass<B> pass(tape, Mode::evaluation);
        return both(model.forward(pass, input, overrides));
    }

    static std::vector<double> both(const MapsAndTokens::Output& output) {
        std::vector<double> values = output.logits.to_host();
        const std::vector<double> rows = output.rows.to_host();
        values.insert(values.end(), rows.begin(), rows.end());
        return values;
    }
};

TEST_CASE("with no active seed a model of aggregates is exactly its host", "[H-4][P-2]") {
    Bed bed;
    Tape<B> tape(bed.context, Recording::none);
    Pass<B> pass(tape, Mode::evaluation);
    const auto alone = Bed::both(hosts::forward(bed.model.host(), pass, bed.input));
    CHECK(alone.size() == batch * 3 + batch * 4);
    CHECK(bed.evaluate() == alone);
    bed.grow();
    CHECK(bed.evaluate() != alone);
    CHECK(bed.evaluate(AlphaOverrides{}.with("one", 0.0).with("two", 0.0)) == alone);
}

TEST_CASE("counterfactuals of aggregates have the bits of separate passes, whole state and all",
          "[H-5][P-2]") {
    Bed bed;
    bed.grow();
    const std::vector<double> mixed{0.0, 1.0, 0.25, 0.0, 0.5};
    const std::vector<AlphaOverrides> configurations{
        AlphaOverrides{}, AlphaOverrides{}.with("one", 0.0), AlphaOverrides{}.with("two", mixed),
        AlphaOverrides{}.with("one", 1.0).with("two", 0.0), AlphaOverrides{}.with("one", mixed)};
    std::vector<std::vector<double>> seen(configurations.size());
    evaluate_each(
        bed.model, bed.context, bed.input, configurations,
        [&](std::size_t k, const MapsAndTokens::Output& output) { seen[k] = Bed::both(output); });
    for (std::size_t k = 0; k < configurations.size(); ++k) {
        CAPTURE(k);
        CHECK(seen[k] == bed.evaluate(configurations[k]));
        for (std::size_t other = 0; other < k; ++other) CHECK(seen[k] != seen[other]);
    }
    const AlphaOverrides misfit = AlphaOverrides{}.with("one", std::vector<double>(batch + 1, 0.5));
    CHECK_THROWS_AS(bed.evaluate(misfit), OptionError);
}

TEST_CASE("scores of aggregates average over the samples that the input says it has", "[P-2]") {
    Bed bed;
    struct Batch {
        const MapsAndTokens::Input& input;
    };
    const std::array<Batch, 2> batches{Batch{bed.input}, Batch{bed.input}};
    const auto sum_of_logits = [](const Batch&, const MapsAndTokens::Output& output) {
        double sum = 0.0;
        for (const double logit : output.logits.to_host()) sum += logit;
        return sum;
    };
    const std::vector<AlphaOverrides> one(1);
    const auto means = mean_scores(bed.model, bed.context, one, batches, sum_of_logits);
    const std::vector<double> values = bed.evaluate();
    double expected = 0.0;
    for (std::size_t i = 0; i < batch * 3; ++i) expected += values[i];
    REQUIRE(means.size() == 1);
    CHECK(means[0] == Approx(expected / batch).epsilon(1e-12));
}

}  // namespace
}  // namespace kasmina::aggregates_test
