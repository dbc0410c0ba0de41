// The transformer host (H-2): PyTorch's numbers, counts, slots, and what it refuses.
#include "support/golden.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/recompute.hpp>
#include <kasmina/hosts/transformer.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_module.hpp"

namespace kasmina::transformer_test {
namespace {

std::vector<std::int32_t> whole_numbers(const test::GoldenTensor& recorded) {
    return {recorded.values.begin(), recorded.values.end()};
}

hosts::TransformerOptions recorded_options(const test::GoldenCase& golden) {
    return {.vocabulary = golden.count("vocabulary"),
            .width = golden.count("width"),
            .heads = golden.count("heads"),
            .layers = golden.count("layers"),
            .segments = golden.count("segments"),
            .block = golden.count("block"),
            .dropout = 0.0,
            .gelu = golden.option("gelu") == "tanh" ? hosts::Gelu::tanh : hosts::Gelu::exact};
}

template <class B, class Head>
void check_recorded(const std::string& name, bool checkpointing) {
    INFO(name << (checkpointing ? ", computed again" : ""));
    const test::GoldenCase golden = test::read_golden(name);
    typename B::Context context{};
    hosts::TransformerOptions options = recorded_options(golden);
    options.checkpointing = checkpointing;
    hosts::Transformer<B, Head> host(context, options);
    CHECK(nn::parameter_count(host) == golden.count("parameters"));
    test::load_golden<B>(context, nn::contents<B>(host), golden);
    const TokenIds<B> ids(context, {golden.count("batch"), golden.count("time")},
                          whole_numbers(golden.at("input")), options.vocabulary);
    const ClassLabels<B> labels(context, whole_numbers(golden.at("labels")), options.vocabulary);
    Tape<B> tape(context);
    for (const Mode mode : {Mode::evaluation, Mode::training}) {
        tape.clear();
        for (auto& named : nn::contents<B>(host).parameters) named.parameter->zero_gradient();
        Pass<B> pass(tape, mode);
        const auto output = hosts::forward(host, pass, ids);
        const Variable<B> loss = [&] {
            if constexpr (requires { output.logits(); }) {
                CHECK(test::agrees(output.logits().to_host(), golden.at("output")));
                CHECK(count_correct(output, labels).get() ==
                      ops::count_correct(output.logits(), labels).get());
                return cross_entropy(output, labels, {.rows_at_once = 4});
            } else {
                CHECK(test::agrees(output.to_host(), golden.at("output")));
                return ops::cross_entropy(output, labels);
            }
        }();
        CHECK(test::agrees(loss.to_host(), golden.at("loss")));
        tape.backward(loss);
        test::check_golden_gradients<B>(context, nn::contents<B>(host), golden);
    }
}

TEMPLATE_TEST_CASE("the transformer host agrees with PyTorch, logits and gradients",
                   "[H-2][B-7][P-5]", test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    for (const std::string& name : test::golden_cases("transformer_host/")) {
        check_recorded<TestType, hosts::WholeLogits>(name, false);
        check_recorded<TestType, hosts::WholeLogits>(name, true);
        check_recorded<TestType, hosts::LogitsInChunks>(name, false);
    }
}

using B = test::Eigen32;
using Host = hosts::Transformer<B>;

constexpr hosts::TransformerOptions small{.vocabulary = 11, .width = 8, .heads = 2, .block = 6};

TEST_CASE("the default transformer has the counts and the slots of the specification", "[H-2]") {
    B::Context context;
    const Host host(context);
    CHECK(nn::parameter_count(host) == 30044544);
    CHECK(nn::parameter_count(
              hosts::TransformerBlock<B>(context, 384, 6, hosts::Gelu::exact, 0.1)) == 1774464);
    REQUIRE(host.injection_points().size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        const hosts::InjectionPoint& point = host.injection_points()[i];
        const auto first = static_cast<Index>(2 * i);
        CHECK(point.slot_id == "r0c" + std::to_string(i));
        CHECK(point.channels == 384);
        CHECK(point.position == static_cast<Index>(i));
        CHECK(point.layers == hosts::LayerRange{first, first + 2});
        CHECK(point.surface == hosts::Surface::segment_end);
    }
}

TEST_CASE("a transformer's options are checked when it is made", "[H-2][E-2]") {
    B::Context context;
    const auto refused = [&](auto change) {
        hosts::TransformerOptions options = small;
        change(options);
        CHECK_THROWS_AS(Host(context, options), OptionError);
    };
    refused([](auto& o) { o.vocabulary = 0; });
    refused([](auto& o) { o.width = -8; });
    refused([](auto& o) { o.heads = 3; });
    refused([](auto& o) { o.heads = 0; });
    refused([](auto& o) { o.layers = 0; });
    refused([](auto& o) { o.segments = 4; });
    refused([](auto& o) { o.segments = 7; });
    refused([](auto& o) { o.segments = 0; });
    refused([](auto& o) { o.block = 0; });
    refused([](auto& o) { o.dropout = 1.0; });
    refused([](auto& o) { o.dropout = std::nan(""); });
    refused([](auto& o) { o.gelu = static_cast<hosts::Gelu>(7); });
}

TEST_CASE("sequences that are too long, of nothing, or of a larger vocabulary are refused",
          "[H-2][E-2]") {
    B::Context context;
    Generator generator(1);
    const Host host(context, small, generator);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::evaluation);
    const auto run = [&](const Shape& shape, Index vocabulary = 11) {
        const std::vector<std::int32_t> ids(static_cast<std::size_t>(shape.elements()), 1);
        return hosts::forward(host, pass, TokenIds<B>(context, shape, ids, vocabulary)).shape();
    };
    CHECK(run({2, 6}) == Shape{2, 6, 11});
    CHECK(run({1, 1}) == Shape{1, 1, 11});
    CHECK(run({0, 3}) == Shape{0, 3, 11});
    CHECK_THROWS_AS(run({1, 7}), ShapeError);
    CHECK_THROWS_AS(run({1, 0}), ShapeError);
    CHECK_THROWS_AS(run({4}), ShapeError);
    CHECK_THROWS_AS(run({1, 2, 3}), ShapeError);
    CHECK_THROWS_AS(run({1, 3}, 12), ShapeError);
    CHECK_THROWS_AS(TokenIds<B>(context, {1, 1}, std::vector<std::int32_t>{11}, 11), NumericError);
    try {
        run({1, 7});
    } catch (const ShapeError& error) {
        CHECK(error.where() == "hosts::Transformer");
        CHECK(error.expected() == "(batch, time) with a time of 1 ... 6");
        CHECK(error.got() == "(1, 7)");
    }
}

TEST_CASE("a transformer starts with logits near nothing, so with a loss of ln(vocabulary)",
          "[H-2]") {
    B::Context context;
    Generator generator(1);
    const Host host(context, {.vocabulary = 50, .width = 32, .heads = 4, .block = 8}, generator);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training, generator);
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < 32; ++i) ids.push_back(i * 7 % 50);
    const auto logits = hosts::forward(host, pass, TokenIds<B>(context, {4, 8}, ids, 50));
    std::vector<std::int32_t> others;  // the head is tied: of a token itself it knows something
    for (std::int32_t i = 0; i < 32; ++i) others.push_back((i * 7 + 25) % 50);
    CHECK(ops::cross_entropy(logits, others).item() == Approx(std::log(50.0)).margin(0.15));
}

/// Loss and gradients of a step with dropout, and the most that the pool has held.
struct Step {
    std::vector<float> numbers{};
    std::size_t peak_bytes = 0;
};

/// What is computed again on the way back: nothing, each block by the host's option, or each whole
/// segment by whoever runs it.
enum class Again { nothing, blocks, segments };

Variable<B> logits_of(const Host& host, Pass<B>& pass, const TokenIds<B>& ids, Again again) {
    if (again != Again::segments) return hosts::forward(host, pass, ids);
    Variable<B> state = host.stem(pass, ids);
    for (std::size_t k = 0; k < host.injection_points().size(); ++k) {
        const auto segment = [&host, k](Pass<B>& inner, const Variable<B>& x) {
            return host.forward(inner, x, k, k + 1);
        };
        state = ops::recompute(pass, segment, state);
    }
    return host.head(pass, state);
}

Step step_of(Index layers, Again again, Index segments = 1) {
    constexpr Index batch = 4;
    constexpr Index time = 32;
    B::Context context;
    Generator generator(1);
    Host host(context,
              {.vocabulary = 11,
               .width = 64,
               .heads = 2,
               .layers = layers,
               .segments = segments,
               .block = time,
               .checkpointing = again == Again::blocks},
              generator);
    std::vector<std::int32_t> ids(static_cast<std::size_t>(batch * time));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i * i % 11);
    Step step;
    {
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::training, generator);
        context.pool().reset_peak();
        const auto loss = ops::cross_entropy(
            logits_of(host, pass, TokenIds<B>(context, {batch, time}, ids, 11), again), ids);
        step.numbers.push_back(loss.item());
        tape.backward(loss);
        step.peak_bytes = context.pool().statistics().peak_bytes;
    }
    for (const auto& named : nn::contents<B>(host).parameters) {
        const auto gradient = named.parameter->gradient().to_host(context);
        step.numbers.insert(step.numbers.end(), gradient.begin(), gradient.end());
    }
    return step;
}

TEST_CASE("blocks that are computed again give the same bits, for the memory of their inputs",
          "[P-5][H-2]") {
    constexpr std::size_t state = 4 * 32 * 64 * sizeof(float);
    const Step plain = step_of(6, Again::nothing);
    const Step again = step_of(6, Again::blocks);
    CHECK(again.numbers == plain.numbers);
    const auto for_each_block = [](const Step& many, const Step& few) {
        return (many.peak_bytes - few.peak_bytes) / 4;
    };
    CHECK(for_each_block(plain, step_of(2, Again::nothing)) > 8 * state);
    CHECK(for_each_block(again, step_of(2, Again::blocks)) <= state + state / 4);
}

TEST_CASE(
    "whole segments that are computed again give the same bits, for the memory of their inputs",
    "[P-5][H-2]") {
    constexpr std::size_t state = 4 * 32 * 64 * sizeof(float);
    const Step plain = step_of(6, Again::nothing, 3);
    const Step again = step_of(6, Again::segments, 3);
    CHECK(again.numbers == plain.numbers);
    // Beside the inside of one segment, one state for each.
    const Step one = step_of(2, Again::segments, 1);
    CHECK((again.peak_bytes - one.peak_bytes) / 2 <= state + state / 4);
    CHECK(again.peak_bytes < plain.peak_bytes / 2);
}

TEST_CASE("dropout acts in training and not in evaluation, and is the same for the same stream",
          "[H-2][E-3]") {
    B::Context context;
    Generator initial(1);
    const Host host(context, small, initial);
    const TokenIds<B> ids(context, {1, 4}, std::vector<std::int32_t>{1, 2, 3, 4}, 11);
    const auto logits = [&](Mode mode, std::uint64_t seed) {
        Generator generator(seed);
        Tape<B> tape(context);
        Pass<B> pass(tape, mode, generator);
        return hosts::forward(host, pass, ids).to_host();
    };
    const auto plain = logits(Mode::evaluation, 1);
    CHECK(logits(Mode::evaluation, 2) == plain);
    CHECK(logits(Mode::training, 1) != plain);
    CHECK(logits(Mode::training, 1) == logits(Mode::training, 1));
    CHECK(logits(Mode::training, 1) != logits(Mode::training, 2));
}

}  // namespace
}  // namespace kasmina::transformer_test
