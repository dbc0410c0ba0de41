// Counterfactual configurations in one call: equal to separate passes, with the prefix shared.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/model/counterfactual.hpp>

#include "model/grown_network.hpp"
#include "model/logging_host.hpp"
#include "support/error_text.hpp"
#include "support/values.hpp"

namespace kasmina::counterfactual_test {
namespace {

using test::all_subsets;
using test::four_slots;
using test::six_slots;
using test::together;
using Float = test::Chosen32;
using Double = test::Chosen64;

constexpr Index batch = 5;

template <class Scalar>
bool all_finite(const std::vector<Scalar>& values) {
    for (const Scalar value : values) {
        if (!std::isfinite(value)) return false;
    }
    return true;
}

TEMPLATE_TEST_CASE("every subset of seeds in one call has the bits of a pass of its own",
                   "[H-5][A-8]", Float, Double) {
    using B = TestType;
    for (const hosts::CnnOptions& options : {four_slots, six_slots}) {
        typename B::Context own{};
        test::Network<B> model = test::make_network<B>(own, options);
        test::grow_everywhere(model);
        const Tensor<B> images = test::make_images<B>(own, batch, options);
        const std::vector<AlphaOverrides> subsets = all_subsets(model);
        const auto expected = test::separate_passes(model, images, subsets);
        for (std::size_t k = 1; k < expected.size(); ++k) CHECK((expected[k] != expected[0]));
        for (const int threads : {1, 4}) {
            auto context = test::context_with<B>(threads);
            CAPTURE(options.blocks, threads);
            CHECK((together(model, context, images, subsets) == expected));
        }
    }
}

TEST_CASE("amplitudes between 0 and 1, per sample or not, have the bits of separate passes",
          "[H-5][A-7][A-8]") {
    using B = Float;
    typename B::Context context{};
    test::Network<B> model = test::make_network<B>(context, six_slots);
    test::grow_everywhere(model);
    const std::vector<double> mixed{0.0, 1.0, 0.3, 0.7, 0.0};
    const std::vector<double> halves(batch, 0.5);  // not the kernel of one amplitude for all
    const std::vector<AlphaOverrides> configurations{
        AlphaOverrides{}.with("r1c0", mixed),
        AlphaOverrides{}.with("r1c0", 0.5).with("r1c2", mixed),
        AlphaOverrides{},
        AlphaOverrides{}.with("r1c0", halves),
        AlphaOverrides{}.with("r0c1", mixed).with("r1c0", 0.5),
        AlphaOverrides{}.with("r1c0", mixed).with("r0c0", 1.0),
        AlphaOverrides{}.with("r0c0", 1e-3),
        AlphaOverrides{}.with("r1c0", std::vector<double>(batch, 0.0)),
        AlphaOverrides{}.with("r0c2", mixed).with("r1c1", mixed).with("r1c0", mixed)};
    const Tensor<B> images = test::make_images<B>(context, batch, six_slots);
    CHECK((together(model, context, images, configurations) ==
           test::separate_passes(model, images, configurations)));
}

// ---- what is run ------------------------------------------------------------------------------

using test::Log;
using Segments = decltype(Log::segments);
using LoggingHost = test::LoggingHost<Double>;

/// conv_light, which counts its runs in a state of its own.
struct CountingSeed : cnn::ConvLight {
    static constexpr std::string_view name = "counting";

    template <class B>
    struct Module : cnn::ConvLight::Module<B> {
        using Plain = cnn::ConvLight::Module<B>;
        State<B, std::int64_t> runs;

        Module(typename B::Context& context, Index width, const Options& options,
               Generator& generator)
            : Plain(context, width, options, generator),
              runs(Tensor<B, std::int64_t>::full(context, {1}, 0)) {}

        [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& input) const {
            const std::int64_t before = runs.value().to_host(pass.context())[0];
            runs.value().fill(pass.context(), before + 1);
            return Plain::forward(pass, input);
        }

        template <class Visitor>
        void visit(Visitor&& visitor) {
            Plain::visit(visitor);
            visitor.state("runs", runs);
        }
        template <class Visitor>
        void visit(Visitor&& visitor) const {
            Plain::visit(visitor);
            visitor.state("runs", runs);
        }
    };
};

/// A network that logs, with seeds in holding in the named slots.
struct Logged {
    using Seeds = BlueprintList<CountingSeed>;
    using Model = test::GrowingModel<LoggingHost, Seeds>;

    explicit Logged(const std::vector<std::string>& slots) {
        for (const std::string& name : slots) {
            model.slot(name).germinate("counting");
            test::advance_to(model.slot(name), Stage::holding);
        }
    }

    /// The calls of `use`, by configuration.
    std::vector<int> run(const std::vector<AlphaOverrides>& configurations) {
        log = {};
        const std::int64_t before = seed_runs();
        std::vector<int> used(configurations.size());
        evaluate_each(model, context, images, configurations,
                      [&used](std::size_t k, const Variable<Double>&) { ++used[k]; });
        log.seeds = seed_runs() - before;
        return used;
    }

    std::int64_t seed_runs() {
        std::int64_t runs = 0;
        for (const auto& named : model.contents().states) {
            if (!named.name.ends_with("/runs")) continue;
            runs += static_cast<std::int64_t>(test::values_of<Double>(context, named.state)[0]);
        }
        return runs;
    }

    Log log;
    Generator generator{5};
    Double::Context context;
    Model model{context, LoggingHost(context, log, four_slots), Seeds{}, generator};
    Tensor<Double> images = test::make_images<Double>(context, batch, four_slots);
};

const std::vector<std::string> every_slot{"r0c0", "r1c0", "r0c1", "r1c1"};

TEST_CASE("of all subsets, those that agree up to a slot run what is before it once", "[H-5]") {
    Logged network(every_slot);
    CHECK(network.run(all_subsets(network.model)) == std::vector<int>(16, 1));
    CHECK(network.log.segments == Segments{{{0, 1}, 1}, {{1, 2}, 2}, {{2, 3}, 4}, {{3, 4}, 8}});
    CHECK(network.log.stems == 1);
    CHECK(network.log.heads == 16);
    CHECK(network.log.seeds == 1 + 2 + 4 + 8);
}

TEST_CASE("leaving one slot out at a time runs a segment once more per slot that it is behind",
          "[H-5]") {
    Logged network(every_slot);
    std::vector<AlphaOverrides> configurations{{}};
    for (const std::string& name : every_slot) {
        configurations.push_back(AlphaOverrides{}.with(name, 0.0));
    }
    CHECK(network.run(configurations) == std::vector<int>(5, 1));
    CHECK(network.log.segments == Segments{{{0, 1}, 1}, {{1, 2}, 2}, {{2, 3}, 3}, {{3, 4}, 4}});
    CHECK(network.log.heads == 5);
    CHECK(network.log.seeds == 1 + 2 + 3 + 4);
}

TEST_CASE("slots with nothing to do part neither the host's segments nor the configurations",
          "[H-5][H-4]") {
    Logged network({"r1c0", "r1c1"});
    CHECK(network.run({AlphaOverrides{}, AlphaOverrides{}.with("r1c1", 0.0).with("r0c0", 0.0)}) ==
          std::vector<int>{1, 1});
    CHECK(network.log.segments == Segments{{{0, 2}, 1}, {{2, 4}, 1}});
    CHECK(network.log.heads == 2);
    CHECK(network.log.seeds == 2);

    CHECK(network.run({AlphaOverrides{}.with("r1c0", 0.0).with("r1c1", 0.0)}) ==
          std::vector<int>{1});
    CHECK(network.log.segments == Segments{{{0, 4}, 1}});
    CHECK(network.log.seeds == 0);
}

TEST_CASE("configurations that come to the same are one pass", "[H-5]") {
    Logged network({"r1c0"});
    CHECK(network.run({AlphaOverrides{}, AlphaOverrides{}.with("r1c0", 1.0),
                       AlphaOverrides{}.with("r0c1", 0.0), AlphaOverrides{}}) ==
          std::vector<int>{1, 1, 1, 1});
    CHECK(network.log.segments == Segments{{{0, 2}, 1}, {{2, 4}, 1}});
    CHECK(network.log.heads == 1);
    CHECK(network.log.seeds == 1);
    CHECK(network.run({}).empty());
    CHECK(network.log.segments.empty());
    CHECK(network.log.stems == 0);
}

TEST_CASE("a seed in training runs in the configurations that ask for it, and in no other",
          "[A-8][G-10][H-5]") {
    Logged network({"r1c0"});
    network.model.slot("r1c1").germinate("counting");
    test::advance_to(network.model.slot("r1c1"), Stage::training);
    static_cast<void>(network.run({AlphaOverrides{}, AlphaOverrides{}.with("r1c1", 0.0)}));
    CHECK(network.log.seeds == 1);  // the blended one, once for both
    static_cast<void>(network.run({AlphaOverrides{}, AlphaOverrides{}.with("r1c1", 1.0)}));
    CHECK(network.log.seeds == 2);
}

TEST_CASE("what does not fit is an error before anything is run", "[A-8][E-2]") {
    Logged network({"r1c0"});
    network.model.slot("r1c1").germinate("counting");
    const auto error_with = [&network](AlphaOverrides last) {
        const std::vector<AlphaOverrides> configurations{AlphaOverrides{}, std::move(last)};
        return [&network, configurations] { network.run(configurations); };
    };
    CHECK_THROWS_AS(error_with(AlphaOverrides{}.with("r9c9", 0.0))(), UnknownNameError);
    CHECK(network.log.segments.empty());
    const std::string unknown =
        test::error_text<UnknownNameError>(error_with(AlphaOverrides{}.with("r9c9", 0.0)));
    for (const std::string& name : every_slot) CHECK(test::mentions(unknown, name));
    const auto misfits = {AlphaOverrides{}.with("r0c0", 0.5),  // dormant
                          AlphaOverrides{}.with("r1c1", 0.5),  // germinated
                          AlphaOverrides{}.with("r1c0", std::vector<double>(batch + 1, 0.5))};
    for (const AlphaOverrides& misfit : misfits) {
        CHECK_THROWS_AS(error_with(misfit)(), OptionError);
        CHECK(network.log.segments.empty());
    }
    CHECK_NOTHROW(error_with(AlphaOverrides{}.with("r1c1", 0.0))());
    network.images = Tensor<Double>();
    CHECK_THROWS_AS(error_with({})(), ShapeError);
    network.images =
        Tensor<Double>::full(network.context, {batch, 8, 8, 4}, 0.0);  // a channel too many
    CHECK_THROWS_AS(error_with({})(), ShapeError);
}

// ---- no trace ---------------------------------------------------------------------------------

TEST_CASE("a broken seed poisons no configuration that is without it", "[A-8][H-5]") {
    Float::Context context;
    test::Network<Float> model = test::make_network<Float>(context, four_slots);
    const Tensor<Float> images = test::make_images<Float>(context, batch, four_slots);
    const auto host = test::separate_pass(model, images, {});
    test::grow_everywhere(model);
    test::poison(model, "r0c0");
    test::poison(model, "r0c1");
    const auto seen = together(model, context, images, all_subsets(model));
    CHECK(seen[0] == host);
    for (std::size_t bits = 0; bits < seen.size(); ++bits) {
        CAPTURE(bits);
        CHECK(all_finite(seen[bits]) == ((bits & 0b0101U) == 0));
    }
}

TEST_CASE("a counterfactual pass inside another changes neither", "[A-8]") {
    Float::Context context;
    test::Network<Float> model = test::make_network<Float>(context, four_slots);
    test::grow_everywhere(model);
    const Tensor<Float> images = test::make_images<Float>(context, batch, four_slots);
    const Tensor<Float> others = test::make_images<Float>(context, batch, four_slots, 7);
    const std::vector<AlphaOverrides> subsets = all_subsets(model);
    const auto expected = test::separate_passes(model, images, subsets);
    const auto expected_inside = test::separate_passes(model, others, subsets);
    std::vector<test::Logits<Float>> seen(subsets.size());
    evaluate_each(model, context, images, subsets,
                  [&](std::size_t k, const Variable<Float>& logits) {
                      CHECK((together(model, context, others, subsets) == expected_inside));
                      seen[k] = logits.to_host();
                  });
    CHECK((seen == expected));
}

TEST_CASE("counterfactual passes leave running statistics, parameters and slots as they were",
          "[H-6][A-8]") {
    Double::Context context;
    test::Network<Double> model = test::make_network<Double>(context, four_slots);
    test::grow_everywhere(model);
    const Tensor<Double> images = test::make_images<Double>(context, batch, four_slots);
    const auto train = [&] {
        Tape<Double> tape(context);
        Pass<Double> pass(tape, Mode::training);
        static_cast<void>(model.forward(pass, images));
    };
    train();  // so that the statistics are nobody's defaults
    const auto values = [&] {
        std::map<std::string, std::vector<double>> all;
        const nn::Contents<Double> contents = model.contents();
        for (const auto& [name, parameter] : contents.parameters) {
            all[name] = parameter->value().to_host(context);
            CHECK_FALSE(parameter->has_gradient());
        }
        for (const auto& [name, state] : contents.states) {
            all[name] = test::values_of<Double>(context, state);
        }
        for (auto& slot : model.slots()) all[slot.name() + ".alpha"] = {slot.alpha()};
        return all;
    };
    const auto before = values();
    REQUIRE(before.contains("host/blocks.0.norm.running_mean"));
    static_cast<void>(together(std::as_const(model), context, images, all_subsets(model)));
    CHECK((values() == before));
    train();
    CHECK((values() != before));
}

TEST_CASE("memory grows with the slots and not with the configurations", "[H-5]") {
    Float::Context own;
    test::Network<Float> model = test::make_network<Float>(own, six_slots);
    test::grow_everywhere(model);
    const Tensor<Float> images = test::make_images<Float>(own, batch, six_slots);
    const auto peak = [&](const std::vector<AlphaOverrides>& configurations) {
        Float::Context context;
        static_cast<void>(together(model, context, images, configurations));
        return context.pool().statistics().peak_bytes;
    };
    const auto one = peak({AlphaOverrides{}});
    const auto all = peak(all_subsets(model));
    CAPTURE(one, all);
    CHECK(all < 2 * one);
}

}  // namespace
}  // namespace kasmina::counterfactual_test
