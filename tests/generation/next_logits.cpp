// A sequence that grows: cached and uncached logits agree for every seed, and nothing is allocated.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/transformer.hpp>
#include <kasmina/generation/write_tokens.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/nn/key_value_cache.hpp>
#include <kasmina/nn/self_attention.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/counting_allocator.hpp"

namespace kasmina::next_logits_test {
namespace {

using B = backends::Eigen<float>;

/// Looks two positions ahead, which a cache cannot know of.
struct Ahead {
    static constexpr bool depends_on_batch = false;
    static constexpr bool depends_on_head = false;
    constexpr bool operator()(Index, Index, Index query, Index key) const noexcept {
        return key <= query + 2;
    }
    bool operator==(const Ahead&) const = default;
};
struct Window : masks::Sliding {
    constexpr Window() : masks::Sliding{.window = 3} {}
    bool operator==(const Window&) const = default;
};
struct AheadKind {
    static constexpr std::string_view name = "ahead";
    static constexpr std::string_view where = "blueprint ahead";
    using Mask = Ahead;
};
struct WindowKind {
    static constexpr std::string_view name = "window";
    static constexpr std::string_view where = "blueprint window";
    using Mask = Window;
    using Score = scores::Alibi;
};

using Blueprints = TransformerBlueprints::with<transformer::MaskedAttention<AheadKind>,
                                               transformer::MaskedAttention<WindowKind>>;
template <class Head>
using ModelOf = MorphogeneticModel<hosts::Transformer<B, Head>, Blueprints, test::OpenPolicies>;
using Model = ModelOf<hosts::WholeLogits>;

constexpr Index vocabulary = 11;
constexpr Index block = 9;

template <class M = Model>
M make_model(B::Context& context) {
    Generator generator(3);
    return {context,
            typename M::Host(context, {.vocabulary = vocabulary,
                                       .width = 8,
                                       .heads = 2,
                                       .layers = 3,
                                       .block = block,
                                       .dropout = 0.5}),
            Blueprints{}, generator};
}

/// Halfway in, and no identity.
void grow(Model& model, std::string_view blueprint, BlendAlgorithm algorithm) {
    auto& slot = model.slot("r0c1");
    slot.germinate(blueprint, {.algorithm = algorithm, .tempo_epochs = 2});
    while (slot.stage() != Stage::blending) REQUIRE(slot.advance().advanced);
    slot.step_epoch();
    for (const auto& named : slot.parameters()) {
        auto values = named.parameter->value().to_host(model.context());
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] += 0.1F * static_cast<float>(1 + i % 5);
        }
        named.parameter->value().assign(model.context(), values);
    }
}

const std::vector<std::int32_t> prompt{1, 2, 3};
const std::vector<std::int32_t> more{4, 0, 10, 9, 7, 7, 8, 1, 2};  // beyond the block

template <class M>
std::vector<std::vector<float>> logits_of(const M& model, B::Context& context, bool cached,
                                          const AlphaOverrides& overrides = {}) {
    generation::NextLogits logits(model, context, {.overrides = overrides, .cached = cached});
    std::vector<std::vector<float>> all;
    const auto note = [&](std::span<const float> row) { all.emplace_back(row.begin(), row.end()); };
    note(logits.start(prompt));
    for (const std::int32_t token : more) note(logits.next(token));
    return all;
}

double difference(const std::vector<std::vector<float>>& a,
                  const std::vector<std::vector<float>>& b) {
    REQUIRE(a.size() == b.size());
    double largest = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        REQUIRE(a[i].size() == static_cast<std::size_t>(vocabulary));
        for (std::size_t c = 0; c < a[i].size(); ++c) {
            largest = std::max(largest, static_cast<double>(std::abs(a[i][c] - b[i][c])));
        }
    }
    return largest;
}

TEST_CASE("cached and uncached logits agree, for every blueprint and blend, and overridden",
          "[N-9][A-8]") {
    B::Context context;
    for (const std::string_view name : Blueprints::names()) {
        for (const BlendAlgorithm algorithm :
             {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
            CAPTURE(name, name_of(algorithm));
            Model model = make_model(context);
            grow(model, name, algorithm);
            const auto whole = logits_of(model, context, false);
            CHECK(difference(logits_of(model, context, true), whole) < 1e-5);
            const bool caches = name != "ahead" && algorithm != BlendAlgorithm::gate;
            CHECK(generation::goes_on_behind_a_cache(model, {}) == caches);
            const auto without = AlphaOverrides{}.with("r0c1", 0.0);
            const auto alone = logits_of(model, context, false, without);
            CHECK(generation::goes_on_behind_a_cache(model, without));
            CHECK(difference(logits_of(model, context, true, without), alone) < 1e-5);
            if (name != "noop") CHECK(difference(alone, whole) > 1e-4);
        }
    }
}

TEST_CASE("a host that makes its logits on request gives the same ones", "[N-9]") {
    B::Context context;
    const Model model = make_model(context);
    const auto lazy = make_model<ModelOf<hosts::LogitsInChunks>>(context);
    CHECK(difference(logits_of(lazy, context, true), logits_of(model, context, true)) < 1e-6);
}

TEST_CASE("the logits are those of a plain pass over the sequence, or over its last block",
          "[N-9][H-2]") {
    B::Context context;
    const Model model = make_model(context);
    const auto cached = logits_of(model, context, true);
    std::vector<std::int32_t> sequence = prompt;
    for (std::size_t i = 0; i < cached.size(); ++i) {
        if (i > 0) sequence.push_back(more[i - 1]);
        const std::size_t seen = std::min<std::size_t>(sequence.size(), block);
        const std::span<const std::int32_t> end = std::span(sequence).last(seen);
        Tape<B> tape(context, Recording::none);
        Pass<B> pass(tape, Mode::evaluation);
        const auto all =
            model
                .forward(pass, TokenIds<B>(context, {1, static_cast<Index>(seen)}, end, vocabulary))
                .to_host();
        const std::vector<float> last(all.end() - vocabulary, all.end());
        CHECK(difference({last}, {cached[i]}) < 1e-5);
    }
}

TEST_CASE("a token allocates nothing after the first", "[N-9][allocation]") {
    B::Context context;
    Model model = make_model(context);
    grow(model, "attention", BlendAlgorithm::add);
    generation::NextLogits logits(model, context);
    generation::Sampler sampler({.top_k = 5, .top_p = 0.9});
    Generator random(1);
    std::vector<std::size_t> counts;
    counts.reserve(64);
    const auto write = [&](Index count) {
        counts.clear();
        generation::write_tokens(logits, sampler, prompt, count, random,
                                 [&](std::int32_t) { counts.push_back(test::allocations()); });
        REQUIRE(std::ssize(counts) == count);
    };
    write(block - 2);
    for (std::size_t i = 2; i < counts.size(); ++i) CHECK(counts[i] == counts[1]);
    // The second sequence finds all memory there, and so does what goes on beyond the block: all of
    // it stands at other places then, and is run again.
    write(3 * block);
    CHECK(counts[1] == counts[0]);
    const auto beyond = static_cast<std::size_t>(block - 1);
    for (std::size_t i = beyond + 1; i < counts.size(); ++i) CHECK(counts[i] == counts[beyond]);
}

TEST_CASE("tokens come one by one, and the same again for the same stream", "[N-9][E-3]") {
    B::Context context;
    const Model model = make_model(context);
    generation::NextLogits logits(model, context);
    generation::Sampler sampler;
    const auto write = [&](std::uint64_t seed, Index count) {
        Generator random(seed);
        std::vector<std::int32_t> written;
        generation::write_tokens(logits, sampler, prompt, count, random,
                                 [&](std::int32_t token) { written.push_back(token); });
        return written;
    };
    const auto first = write(1, 20);
    CHECK(first.size() == 20);
    CHECK(std::ranges::all_of(first, [](std::int32_t t) { return t >= 0 && t < vocabulary; }));
    CHECK(write(1, 20) == first);
    CHECK(write(2, 20) != first);
    CHECK(write(1, 0).empty());
}

TEST_CASE("empty prompts, strange ids and negative counts are refused", "[N-9][E-2]") {
    B::Context context;
    const Model model = make_model(context);
    generation::NextLogits logits(model, context);
    CHECK_THROWS_AS(logits.start({}), OptionError);
    CHECK_THROWS_AS(logits.start(std::vector<std::int32_t>{1, 11}), NumericError);
    // Also where it is too far back to be read.
    std::vector<std::int32_t> beyond_the_block(block + 3, 1);
    beyond_the_block.front() = -1;
    CHECK_THROWS_AS(logits.start(beyond_the_block), NumericError);
    generation::Sampler sampler;
    Generator random(1);
    CHECK_THROWS_AS(generation::write_tokens(logits, sampler, prompt, -1, random, [](int) {}),
                    OptionError);
}

TEST_CASE("a slot that changes in the middle of a sequence is heard from the next token on",
          "[N-9]") {
    B::Context context;
    Model model = make_model(context);
    grow(model, "mlp", BlendAlgorithm::add);
    generation::NextLogits cached(model, context);
    generation::NextLogits whole(model, context, {.cached = false});
    static_cast<void>(cached.start(prompt));
    static_cast<void>(whole.start(prompt));
    const auto same_as_whole = [&](std::int32_t token) {
        const auto row = cached.next(token);
        const std::vector<std::vector<float>> mine{{row.begin(), row.end()}};
        const auto other = whole.next(token);
        return difference(mine, {{other.begin(), other.end()}}) < 1e-5;
    };
    CHECK(same_as_whole(4));
    model.slot("r0c1").step_epoch();
    CHECK(same_as_whole(0));
    CHECK(cached.cached());
    model.slot("r0c1").prune("in the middle");
    CHECK(same_as_whole(10));
    CHECK(same_as_whole(9));
    CHECK(cached.cached());
}

TEST_CASE("another seed or blend at the same stage and amplitude is heard from the next token on",
          "[N-9]") {
    B::Context context;
    Model model = make_model(context);
    auto& slot = model.slot("r0c1");
    const auto grow_to_holding = [&](std::string_view blueprint) {
        grow(model, blueprint, BlendAlgorithm::add);
        while (slot.stage() != Stage::holding) REQUIRE(slot.advance().advanced);
    };
    grow_to_holding("mlp");
    generation::NextLogits cached(model, context);
    generation::NextLogits whole(model, context, {.cached = false});
    static_cast<void>(cached.start(prompt));
    static_cast<void>(whole.start(prompt));
    const auto check_next = [&](std::int32_t token, bool caches) {
        const auto row = cached.next(token);
        const auto other = whole.next(token);
        CHECK(difference({{row.begin(), row.end()}}, {{other.begin(), other.end()}}) < 1e-5);
        CHECK(cached.cached() == caches);
    };
    check_next(4, true);
    slot.prune("for another one");
    for (int epoch = 0; epoch < 20; ++epoch) slot.step_epoch();  // its cooldown, and more
    REQUIRE(slot.stage() == Stage::dormant);
    grow_to_holding("attention");
    check_next(0, true);
    const auto blend_by = [&](BlendAlgorithm algorithm) {
        const double amplitude = slot.alpha();
        REQUIRE(slot.set_alpha_target(1.0, 1, AlphaCurve::linear, 1.0, algorithm).done);
        REQUIRE(slot.stage() == Stage::holding);
        REQUIRE(slot.alpha() == amplitude);
    };
    blend_by(BlendAlgorithm::multiply);
    check_next(10, true);
    blend_by(BlendAlgorithm::gate);
    check_next(9, false);
}

TEST_CASE("a token that is refused leaves the sequence as it was", "[N-9][E-3]") {
    B::Context context;
    const Model model = make_model(context);
    for (const bool cached : {false, true}) {
        CAPTURE(cached);
        const auto whole = logits_of(model, context, cached);
        generation::NextLogits logits(model, context, {.cached = cached});
        CHECK_THROWS_AS(logits.next(1), StateError);
        CHECK_THROWS_AS(logits.start(std::vector<std::int32_t>{11}), NumericError);
        CHECK_THROWS_AS(logits.next(1), StateError);
        static_cast<void>(logits.start(prompt));
        for (std::size_t i = 0; i < more.size(); ++i) {
            CHECK_THROWS_AS(logits.next(11), NumericError);
            CHECK_THROWS_AS(logits.next(-1), NumericError);
            const auto row = logits.next(more[i]);
            CHECK(std::vector<float>(row.begin(), row.end()) == whole[i + 1]);
        }
    }
}

TEST_CASE("a pass that records cannot go on behind a cache, nor can a layer that comes late",
          "[N-9][E-4]") {
    B::Context context;
    Model model = make_model(context);
    nn::KeyValueCache<B> cache(1, block);
    Tape<B> recording(context);
    const Pass<B> learning(recording, Mode::training);
    CHECK_THROWS_AS(learning.going_on(cache), TapeError);
    const auto run = [&](Index time) {
        Tape<B> tape(context, Recording::none);
        const Pass<B> plain(tape, Mode::evaluation);
        Pass<B> pass = plain.going_on(cache);
        const std::vector<std::int32_t> ids(static_cast<std::size_t>(time), 1);
        static_cast<void>(model.forward(pass, TokenIds<B>(context, {1, time}, ids, vocabulary)));
        cache.advance(time);
    };
    run(4);
    CHECK_THROWS_AS(run(6), ShapeError);  // of 9 positions, 4 are there
    CHECK_THROWS_AS(cache.advance(6), OptionError);
    CHECK_THROWS_AS(cache.advance(-1), OptionError);
    cache.forget();
    run(2);
    grow(model, "attention", BlendAlgorithm::add);
    CHECK_THROWS_AS(run(1), StateError);
    // Nor a seed that looks at all positions at once, even where all are in the pass.
    Model gated = make_model(context);
    grow(gated, "lora", BlendAlgorithm::gate);
    nn::KeyValueCache<B> empty(1, block);
    Tape<B> tape(context, Recording::none);
    Pass<B> behind = Pass<B>(tape, Mode::evaluation).going_on(empty);
    const TokenIds<B> ids(context, {1, 3}, prompt, vocabulary);
    CHECK_THROWS_AS(gated.forward(behind, ids), StateError);
    empty.forget();
    CHECK_NOTHROW(gated.forward(behind, ids, AlphaOverrides{}.with("r0c1", 0.0)));
    CHECK_THROWS_AS(nn::KeyValueCache<B>(0, 4), OptionError);
    CHECK_THROWS_AS(nn::KeyValueCache<B>(1, 0), OptionError);
}

/// Whoever stands at position 5 sees nothing.
struct BlindFifth : masks::Causal {
    constexpr bool operator()(Index, Index, Index query, Index key) const noexcept {
        return key <= query && query != 5;
    }
    bool operator==(const BlindFifth&) const = default;
};

TEST_CASE("a query that sees nothing is an error behind a cache as it is without one",
          "[N-9][E-2]") {
    B::Context context;
    const nn::SelfAttention<B, BlindFifth> layer(context, 4, 2);
    nn::KeyValueCache<B> cache(1, 20);
    const auto run = [&](Index time, bool behind) {
        Tape<B> tape(context, Recording::none);
        const Pass<B> plain(tape, Mode::evaluation);
        Pass<B> pass = behind ? plain.going_on(cache) : plain;
        const auto values = std::vector<float>(static_cast<std::size_t>(4 * time), 1.0F);
        static_cast<void>(layer.forward(pass, tape.constant({1, time, 4}, values)));
        if (behind) cache.advance(time);
    };
    CHECK_NOTHROW(run(5, false));
    CHECK_THROWS_AS(run(6, false), OptionError);
    CHECK_NOTHROW(run(5, true));
    CHECK_THROWS_AS(run(1, true), OptionError);
    cache.forget();
    CHECK_THROWS_AS(run(9, true), OptionError);
}

}  // namespace
}  // namespace kasmina::next_logits_test
