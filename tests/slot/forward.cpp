// What passes through a slot: the host's own features, or the blend with the one alpha there is,
// and which gradients come back.
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/pointwise.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/health/gradient_probe.hpp>
#include <kasmina/slot/slot.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"

namespace kasmina::forward_test {
namespace {

using B = test::Chosen64;

constexpr Index width = 4;
constexpr double start = 3.0;

/// y = g x with a scalar g that starts at 3: what a blend makes of it is known in closed form.
template <Topology Where>
struct Scaled {
    static constexpr std::string_view name = "scaled";
    static constexpr Topology topology = Where;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::Pointwise>;
    struct Options {};

    static constexpr void check(Index size, const Options& = {}) {
        require_at_least(name, "width", size, 1);
    }
    static constexpr Index parameter_count(Index, const Options& = {}) { return 1; }

    struct Product {
        template <class V>
        constexpr V operator()(const V& x, const V& g) const {
            return x * g;
        }
    };

    template <class Backend>
    struct Module : nn::Visitable<Module<Backend>> {
        Parameter<Backend> scale;

        Module(typename Backend::Context& context, Index, const Options&, Generator&)
            : scale(nn::constant_parameter<Backend>(context, {1}, start)) {}

        [[nodiscard]] Variable<Backend> forward(Pass<Backend>& pass,
                                                const Variable<Backend>& x) const {
            return ops::pointwise(Product{}, x, pass.parameter(scale));
        }
        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"scale", &Module::scale});
        }
    };
};

using Blueprints = BlueprintList<Scaled<Topology::cnn>, Scaled<Topology::transformer>>;
using TestSlot = Slot<B, Blueprints, test::OpenPolicies>;

/// A slot by itself, a tape, and a host that is a leaf of it.
struct Bench {
    explicit Bench(Topology topology = Topology::cnn)
        : shape(topology == Topology::cnn ? Shape{2, 3, 3, width} : Shape{2, 9, width}),
          slot("r0c0", topology, width, {}, services),
          host(tape.leaf(shape, values)) {}

    /// Walks a seed to a stage.
    void grow(Stage goal, const GerminationOptions& options = {}) {
        REQUIRE(slot.germinate("scaled", options).advanced);
        while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
    }

    /// Blending for the first time, so that a CNN's seed is isolated, and at rest at half
    /// amplitude.
    void grow_to_half(BlendAlgorithm algorithm = BlendAlgorithm::add) {
        grow(Stage::blending, {.algorithm = algorithm, .tempo_epochs = 1, .alpha_target = 0.5});
        slot.step_epoch();
        REQUIRE(slot.alpha() == 0.5);
    }

    [[nodiscard]] Parameter<B> scale() { return *slot.parameters()[0].parameter; }

    /// The host's gradient after a pass with `upstream` at the slot's output.
    [[nodiscard]] std::vector<double> host_gradient() {
        tape.backward(slot.forward(pass, host), upstream);
        return tape.gradient(host);
    }

    static constexpr Index size = 2 * 9 * width;
    B::Context context{};
    SlotServices<B, test::OpenPolicies> services{.context = &context, .generator = Generator(7)};
    Tape<B> tape{context};
    Pass<B> pass{tape, Mode::training};
    Shape shape;
    std::vector<double> values = testing::normal_values<double>(size, 1);
    std::vector<double> upstream = testing::normal_values<double>(size, 2);
    TestSlot slot;
    Variable<B> host;
};

/// Every element of `seen` is `expected(index)`.
template <class Expected>
void check_elements(const std::vector<double>& seen, Expected&& expected) {
    REQUIRE(seen.size() == static_cast<std::size_t>(Bench::size));
    double worst = 0.0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
        worst = std::max(worst, std::abs(seen[i] - expected(i)));
    }
    CHECK(worst < 1e-14);
}

TEST_CASE("a slot without an active seed passes on the host's features themselves", "[S-10]") {
    Bench bench;
    const auto passes_on = [&bench] { return bench.slot.forward(bench.pass, bench.host); };
    CHECK(passes_on() == bench.host);
    bench.grow(Stage::germinated);
    CHECK(passes_on() == bench.host);
    CHECK_FALSE(bench.slot.runs(true, nullptr));  // nor is the seed run for nothing
    bench.slot.prune("why");
    while (bench.slot.stage() != Stage::dormant) {
        CHECK(passes_on() == bench.host);
        bench.slot.step_epoch();
    }
}

TEST_CASE("an override of 0 bypasses the straight-through of a seed in training", "[S-10][A-8]") {
    Bench bench;
    bench.grow(Stage::training, {.incubation = Incubation::straight_through});
    const AlphaOverrides none = AlphaOverrides{}.with("r0c0", 0.0);
    CHECK(bench.slot.forward(bench.pass, bench.host, none.find("r0c0")) == bench.host);
    const auto through = bench.slot.forward(bench.pass, bench.host);
    CHECK(!(through == bench.host));
    CHECK(through.to_host() == bench.values);
    bench.tape.backward(through, bench.upstream);
    CHECK(bench.tape.gradient(bench.host) == bench.upstream);
    CHECK(bench.scale().has_gradient());
}

TEST_CASE("a seed that is taught does not run in the host's pass", "[I-9][S-10]") {
    Bench bench;
    bench.grow(Stage::training);
    REQUIRE(bench.slot.teaches());
    CHECK(bench.slot.forward(bench.pass, bench.host) == bench.host);
    CHECK_FALSE(bench.slot.runs(true, nullptr));
}

TEST_CASE("a lesson is the blend at the target amplitude, and teaches the seed alone",
          "[I-9][I-1]") {
    Bench bench;
    bench.grow(Stage::training, {.alpha_target = 0.5});
    const auto taught = bench.slot.forward_taught(bench.pass, bench.host);
    check_elements(taught.to_host(),
                   [&](std::size_t i) { return bench.values[i] * (1.0 + 0.5 * (start - 1.0)); });
    bench.tape.backward(taught, bench.upstream);
    CHECK(bench.tape.gradient(bench.host).empty());
    // y = h + a (g h - h): the gradient of g is a h, summed with what comes from behind.
    double expected = 0.0;
    for (std::size_t i = 0; i < bench.values.size(); ++i) {
        expected += 0.5 * bench.values[i] * bench.upstream[i];
    }
    REQUIRE(bench.scale().has_gradient());
    CHECK(bench.scale().gradient().to_host(bench.context)[0] == Approx(expected));
}

TEST_CASE("an override blends a seed in training that no pass would show", "[A-8][I-9]") {
    for (const auto incubation : {Incubation::feedback, Incubation::straight_through}) {
        Bench bench;
        bench.grow(Stage::training, {.incubation = incubation});
        const AlphaOverrides half = AlphaOverrides{}.with("r0c0", 0.5);
        check_elements(
            bench.slot.forward(bench.pass, bench.host, half.find("r0c0")).to_host(),
            [&](std::size_t i) { return bench.values[i] * (1.0 + 0.5 * (start - 1.0)); });
    }
}

TEST_CASE("at full amplitude the blocks before a seed learn through it", "[I-3]") {
    for (const Topology topology : {Topology::cnn, Topology::transformer}) {
        Bench bench(topology);
        bench.grow(Stage::holding);
        REQUIRE_FALSE(bench.slot.isolated());
        check_elements(bench.host_gradient(),
                       [&](std::size_t i) { return bench.upstream[i] * start; });
        CHECK(bench.scale().has_gradient());
    }
}

TEST_CASE("a forward pass reads the alpha of the controller, right after each change",
          "[A-7][A-9]") {
    Bench bench;
    bench.grow(Stage::holding);
    const auto check_blend = [&bench](double alpha) {
        CHECK(bench.slot.alpha() == alpha);
        check_elements(bench.slot.forward(bench.pass, bench.host).to_host(), [&](std::size_t i) {
            return bench.values[i] * (1.0 + alpha * (start - 1.0));
        });
    };
    check_blend(1.0);
    REQUIRE(bench.slot.set_alpha_target(0.25, 0).done);
    check_blend(0.25);
    REQUIRE(bench.slot.set_alpha_target(0.75, 2, AlphaCurve::linear).done);
    check_blend(0.25);
    bench.slot.step_epoch();
    check_blend(0.5);
    bench.slot.step_epoch();
    check_blend(0.75);
    REQUIRE(bench.slot.advance().advanced);
    check_blend(1.0);
}

TEST_CASE("under isolation no gradient comes through what a multiplying seed was fed",
          "[A-5][I-1]") {
    for (const Topology topology : {Topology::cnn, Topology::transformer}) {
        Bench bench(topology);
        bench.grow_to_half(BlendAlgorithm::multiply);
        const bool isolated = topology == Topology::cnn;
        REQUIRE(bench.slot.isolated() == isolated);
        // y = h (1 + a tanh(s - x)) with s - x = (g - 1) x: x is h, but under isolation a constant.
        check_elements(bench.host_gradient(), [&](std::size_t i) {
            const double h = bench.values[i];
            const double t = std::tanh((start - 1.0) * h);
            const double through_seed = 0.5 * h * (1.0 - t * t) * (start - 1.0);
            return bench.upstream[i] * (1.0 + 0.5 * t + (isolated ? 0.0 : through_seed));
        });
        CHECK(bench.scale().has_gradient());
    }
}

TEST_CASE("under isolation a gated seed leaves the host the whole of the gradient",
          "[A-5][A-6][I-1][I-3]") {
    Bench bench;
    bench.grow_to_half(BlendAlgorithm::gate);
    REQUIRE(bench.slot.isolated());
    const std::vector<double> blended = bench.slot.forward(bench.pass, bench.host).to_host();
    // y = h + a g (s - h) = h (1 + 2 a g): one g per sample, and the host's share would be 1 - a g.
    const auto gate = [&](std::size_t i) { return blended[i] / bench.values[i] - 1.0; };
    for (const std::size_t sample : {std::size_t{0}, std::size_t{1}}) {
        const std::size_t first = sample * 9 * width;
        CHECK(gate(first) > 0.0);
        CHECK(gate(first) < 1.0);
        CHECK(gate(first + 5) == Approx(gate(first)));
    }
    check_elements(bench.host_gradient(), [&](std::size_t i) { return bench.upstream[i]; });
}

TEST_CASE("a seed that is blended out learns nothing, and the host still learns through it",
          "[I-6]") {
    for (const Topology topology : {Topology::cnn, Topology::transformer}) {
        Bench bench(topology);
        const bool isolated = topology == Topology::cnn;
        bench.grow(Stage::blending, {.tempo_epochs = 1});
        bench.slot.step_epoch();
        REQUIRE(bench.slot.isolated() == isolated);
        REQUIRE(bench.slot.schedule_prune(2, AlphaCurve::linear, 12.0, "why").done);
        bench.slot.step_epoch();
        REQUIRE(bench.slot.alpha() == 0.5);
        // y = h + a (g x - h): with co-adaptation x is h, under isolation h learns as by itself.
        const double slope = isolated ? 1.0 : 0.5 + 0.5 * start;
        check_elements(bench.host_gradient(),
                       [&](std::size_t i) { return bench.upstream[i] * slope; });
        CHECK_FALSE(bench.scale().has_gradient());
    }
}

TEST_CASE("a seed's health is not measured on its very first backward pass", "[I-7]") {
    Bench bench;
    bench.grow(Stage::training, {.incubation = Incubation::straight_through});
    const GradientNorm host{.norm = 1.0, .parameters = 100, .measured = true};
    GradientProbe<B> probe;
    const auto measure = [&] {
        bench.scale().zero_gradient();
        bench.tape.clear();
        bench.host = bench.tape.leaf(bench.shape, bench.values);
        bench.tape.backward(bench.slot.forward(bench.pass, bench.host), bench.upstream);
        const Parameter<B> scale = bench.scale();
        const std::vector<const Parameter<B>*> parameters{&scale};
        const GradientNorm seed = probe.measure(bench.context, parameters);
        bench.slot.record_gradients(host, seed, probe.tensor_norms(), bench.scale().state()->warm);
    };
    measure();
    CHECK(bench.slot.record()->metrics.gradient_ratio.has_value());
    CHECK_FALSE(bench.slot.record()->metrics.parameter_health.has_value());
    measure();
    CHECK(bench.slot.record()->metrics.parameter_health == parameter_health(probe.tensor_norms()));
}

}  // namespace
}  // namespace kasmina::forward_test
