// Typed seeds and slots: planted, taken, the same in a forward pass, and what is refused.
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/slot/slot.hpp>
#include <kasmina/telemetry/memory_sink.hpp>
#include <kasmina/telemetry/sink.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::planting_test {
namespace {

using B = backends::Eigen<double>;

struct Watched : test::OpenPolicies {
    using Sink = telemetry::MemorySink;
};
using TestSlot = Slot<B, CnnBlueprints, Watched>;
const test::OpenGates open_gates{};

struct Place {
    explicit Place(Index width = 8) : slot("r0c0", Topology::cnn, width, SlotOptions{}, services) {}

    B::Context context{};
    SlotServices<B, Watched> services{
        .context = &context, .generator = Generator(7), .host_parameters = 1000};
    TestSlot slot;

    void grow(Stage goal, const GerminationOptions& options = {}) {
        slot.germinate("conv_small", options);
        while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
    }

    /// What a slot or a typed seed makes of features, in an evaluation pass.
    template <class Lives>
    [[nodiscard]] std::vector<double> forward(const Lives& lives) {
        Tape<B> tape(context, Recording::none);
        Pass<B> pass(tape, Mode::evaluation);
        const std::vector<double> values = testing::normal_values<double>(2 * 4 * 4 * 8, 3);
        return lives.forward(pass, pass.constant({2, 4, 4, 8}, values)).to_host();
    }
};

template <class... Events>
std::vector<std::string> names(const std::vector<std::variant<Events...>>& events) {
    std::vector<std::string> all;
    for (const auto& event : events) {
        all.emplace_back(std::visit([](const auto& typed) { return typed.name; }, event));
    }
    return all;
}

TEST_CASE("a seed taken out, advanced as a typed one and put back is where it got to",
          "[L-4][S-2]") {
    Place place;
    place.grow(Stage::training);
    auto training = place.slot.take<Stage::training, cnn::ConvSmall>();
    CHECK(place.slot.stage() == Stage::dormant);
    CHECK(place.slot.record() == nullptr);
    CHECK(place.slot.parameters().empty());
    CHECK(training.record().seed_id == "r0c0-conv_small");
    CHECK(training.isolated());
    training.tick();
    auto blending = std::move(training).advance<Stage::blending>(open_gates).next();
    while (blending.alpha().mode == AlphaMode::up) blending.tick();
    auto holding = std::move(blending).advance<Stage::holding>(open_gates).next();

    const AdvanceResult planted = place.slot.plant(std::move(holding));
    CHECK(planted.advanced);
    CHECK(planted.gate.gate() == Gate::g0);
    CHECK(planted.from == Stage::dormant);
    CHECK(planted.to == Stage::holding);
    CHECK(place.slot.stage() == Stage::holding);
    CHECK(place.slot.alpha() == 1.0);
    CHECK(place.slot.record()->history.size() == 4);
    CHECK(place.slot.record()->history[2].epochs_in_from == 1);
    CHECK(place.slot.record()->metrics.epochs_total == 6);
    CHECK(place.slot.advance().advanced);
    CHECK(place.slot.stage() == Stage::fossilized);
}

TEST_CASE("a typed seed and a slot with it give the same features", "[S-10][A-5]") {
    for (const auto algorithm :
         {BlendAlgorithm::add, BlendAlgorithm::multiply, BlendAlgorithm::gate}) {
        Place place;
        place.grow(Stage::blending, {.algorithm = algorithm, .tempo_epochs = 3});
        place.slot.step_epoch();
        const std::vector<double> in_slot = place.forward(place.slot);
        const auto seed = place.slot.take<Stage::blending, cnn::ConvSmall>();
        CHECK(place.forward(seed) == in_slot);
        CHECK(place.forward(place.slot) != in_slot);
    }
}

TEST_CASE("a typed seed in training learns behind the host, as in a slot", "[I-1][I-2]") {
    Place place;
    Generator generator(3);
    auto born = germinate_seed<cnn::ConvSmall, B>(place.context, 8, generator, {},
                                                  {.incubation = Incubation::straight_through});
    const auto seed = std::move(born).advance<Stage::training>(open_gates).next();
    Tape<B> tape(place.context);
    Pass<B> pass(tape, Mode::training);
    const std::vector<double> values = testing::normal_values<double>(2 * 4 * 4 * 8, 3);
    const std::vector<double> upstream = testing::normal_values<double>(2 * 4 * 4 * 8, 4);
    const Variable<B> host = tape.leaf({2, 4, 4, 8}, values);
    const Variable<B> output = seed.forward(pass, host);
    CHECK(output.to_host() == values);
    tape.backward(output, upstream);
    CHECK(tape.gradient(host) == upstream);
    for (const auto& named : seed.parameters()) CHECK(named.parameter->has_gradient());
    CHECK(seed.parameters().front().name.starts_with("seed/"));
}

TEST_CASE("a typed seed in training is taught as in a slot", "[I-9]") {
    Place place;
    Generator generator(3);
    auto born = germinate_seed<cnn::ConvSmall, B>(place.context, 8, generator);
    const auto seed = std::move(born).advance<Stage::training>(open_gates).next();
    Tape<B> tape(place.context);
    Pass<B> pass(tape, Mode::training);
    const std::vector<double> values = testing::normal_values<double>(2 * 4 * 4 * 8, 3);
    const std::vector<double> upstream = testing::normal_values<double>(2 * 4 * 4 * 8, 4);
    const Variable<B> host = tape.leaf({2, 4, 4, 8}, values);
    CHECK(seed.forward(pass, host) == host);
    const Variable<B> taught = seed.forward_taught(pass, host);
    CHECK(taught.to_host() != values);
    tape.backward(taught, upstream);
    CHECK(tape.gradient(host).empty());
    for (const auto& named : seed.parameters()) CHECK(named.parameter->has_gradient());
}

TEST_CASE("a typed seed is made as a slot's is, from the same numbers", "[S-1][B-2][B-5]") {
    for (const auto algorithm : {BlendAlgorithm::add, BlendAlgorithm::multiply}) {
        Place place;
        Generator generator(7);
        place.slot.germinate("conv_light", {.algorithm = algorithm});
        const auto seed = germinate_seed<cnn::ConvLight, B>(place.context, 8, generator, {},
                                                            {.algorithm = algorithm});
        const auto in_slot = place.slot.parameters();
        REQUIRE(seed.parameters().size() == in_slot.size());
        for (std::size_t i = 0; i < in_slot.size(); ++i) {
            CHECK(seed.parameters()[i].parameter->value().to_host(place.context) ==
                  in_slot[i].parameter->value().to_host(place.context));
        }
        CHECK(generator.state() == place.services.generator.state());
    }
    Place place;
    Generator generator(7);
    const Generator::State before = generator.state();
    CHECK_THROWS_AS((germinate_seed<cnn::ConvLight, B>(place.context, 0, generator)), OptionError);
    CHECK_THROWS_AS(
        (germinate_seed<cnn::ConvLight, B>(place.context, 8, generator, {}, {.tempo_epochs = 0})),
        OptionError);
    CHECK(generator.state() == before);
}

TEST_CASE("what is planted belongs there", "[S-1][E-2]") {
    Place place;
    Generator generator(3);
    auto narrow = germinate_seed<cnn::Norm, B>(place.context, 4, generator);
    const std::string text =
        test::error_text<OptionError>([&] { place.slot.plant(std::move(narrow)); });
    CHECK(test::mentions(text, "slot r0c0"));
    CHECK(test::mentions(text, "cnn, width 8; got cnn, width 4"));
    CHECK(narrow.width() == 4);  // still the caller's
    CHECK(place.slot.stage() == Stage::dormant);

    auto fits = germinate_seed<cnn::Norm, B>(place.context, 8, generator);
    place.services.gates.thresholds.judgement_errors = -1.0;
    CHECK_THROWS_AS(place.slot.plant(std::move(fits)), OptionError);
    CHECK(fits.width() == 8);
    place.services.gates.thresholds = {};
    place.services.gates.thresholds.alpha_tolerance = test::shut;
    CHECK_FALSE(place.slot.plant(std::move(fits)).advanced);
    CHECK(place.slot.stage() == Stage::dormant);
    place.services.gates.thresholds = {};
    REQUIRE(place.slot.plant(std::move(fits)).advanced);
    CHECK(place.slot.stage() == Stage::germinated);
    CHECK(place.slot.record()->metrics.host_parameters == 1000);
    CHECK(place.slot.record()->metrics.seed_parameters == 17);

    auto second = germinate_seed<cnn::Norm, B>(place.context, 8, generator);
    CHECK_THROWS_AS(place.slot.plant(std::move(second)), LifecycleError);
    CHECK(second.width() == 8);
}

TEST_CASE("a slot says why it does not hand its seed out", "[L-4][E-2]") {
    Place place;
    const auto why = [&place]<Stage S, class Blueprint>() {
        const SlotState before = place.slot.state();
        const std::string text =
            test::error_text<LifecycleError>([&] { (void)place.slot.take<S, Blueprint>(); });
        CHECK(place.slot.state() == before);
        return text;
    };
    CHECK(test::mentions(why.operator()<Stage::training, cnn::ConvSmall>(),
                         "conv_small in training; got nothing in dormant"));
    place.grow(Stage::holding);
    CHECK(test::mentions(why.operator()<Stage::training, cnn::ConvSmall>(),
                         "conv_small in training; got conv_small in holding"));
    CHECK(test::mentions(why.operator()<Stage::holding, cnn::Norm>(),
                         "norm in holding; got conv_small in holding"));
    place.slot.schedule_prune(3, AlphaCurve::linear, 12.0, "why");
    CHECK(test::mentions(why.operator()<Stage::blending, cnn::ConvSmall>(), "waits to be pruned"));
}

TEST_CASE("a seed that is taken while it is blended out thaws as a typed one", "[I-6]") {
    Place place;
    place.grow(Stage::holding);
    REQUIRE(place.slot.set_alpha_target(0.5, 2, AlphaCurve::linear).done);
    auto seed = place.slot.take<Stage::blending, cnn::ConvSmall>();
    const auto trainable = [&seed] { return seed.parameters().front().parameter->trainable(); };
    CHECK_FALSE(trainable());
    seed.tick();
    CHECK_FALSE(trainable());
    seed.tick();
    CHECK(trainable());
    CHECK(seed.alpha().alpha == 0.5);
}

TEST_CASE("observers are told of a seed that comes and goes", "[T-1]") {
    Place place;
    place.grow(Stage::training);
    place.services.sink.clear();
    auto seed = place.slot.take<Stage::training, cnn::ConvSmall>();
    place.slot.plant(std::move(seed));
    const auto& events = place.services.sink.events();
    CHECK(names(events) ==
          std::vector<std::string>{"stage_changed", "stage_changed", "seed_germinated"});
    const auto& left = std::get<telemetry::StageChanged>(events[0]);
    CHECK(left.from == "training");
    CHECK(left.to == "dormant");
    CHECK(left.seed.stage == "dormant");
    CHECK(left.seed.seed_id == "r0c0-conv_small");
    const auto& came = std::get<telemetry::StageChanged>(events[1]);
    CHECK(came.from == "dormant");
    CHECK(came.to == "training");
}

TEST_CASE("a typed seed of another blueprint does not come about", "[L-4]") {
    Place place;
    Generator generator(3);
    auto norm = germinate_seed<cnn::Norm, B>(place.context, 8, generator);
    auto state = std::move(norm).release();
    using Wrong = Seed<Stage::germinated, cnn::Noop, B>;
    CHECK_THROWS_AS(Wrong(std::move(state)), LifecycleError);
}

}  // namespace
}  // namespace kasmina::planting_test
