// A user's own host: two linear layers, tied or not, between which a seed of a user's grows.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"

namespace kasmina::user_host_test {
namespace {

using B = backends::Eigen<double>;

constexpr Index width = 4;
constexpr Index rows = 3;
const std::vector<std::int32_t> labels{0, 3, 1};

/// Rows of `width` values through two square matrices. Tied, both are one parameter, and a visitor
/// is shown it twice, under both names.
class TwoLayers {
public:
    using Backend = B;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::transformer;

    TwoLayers(B::Context& context, bool tied) {
        for (std::size_t i = 0; i < (tied ? 1U : 2U); ++i) {
            matrices_.push_back(nn::constant_parameter<B>(context, {width, width}));
        }
    }

    /// Equal values in both layers, so that tied and untied hosts compute the same.
    void initialise(B::Context& context, Generator&) {
        for (Parameter<B>& matrix : matrices_) {
            matrix.value().assign(context, testing::normal_values<double>(width * width, 3));
        }
    }

    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const noexcept {
        return points_;
    }

    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& rows_of_values) const {
        return pass.constant(rows_of_values);
    }
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const {
        hosts::check_route(points_, from, to);
        return from == to ? state : ops::linear(state, pass.parameter(first()));
    }
    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& state) const {
        return ops::linear(state, pass.parameter(second()));
    }

    template <class Visitor>
    void visit(Visitor&& visitor) {
        visitor.parameter("first", matrices_.front());
        visitor.parameter("second", matrices_.back());
    }
    template <class Visitor>
    void visit(Visitor&& visitor) const {
        visitor.parameter("first", first());
        visitor.parameter("second", second());
    }

    [[nodiscard]] const Parameter<B>& first() const noexcept { return matrices_.front(); }
    [[nodiscard]] const Parameter<B>& second() const noexcept { return matrices_.back(); }

private:
    std::vector<Parameter<B>> matrices_;
    std::array<hosts::InjectionPoint, 1> points_{
        hosts::InjectionPoint{.slot_id = "middle", .channels = width, .position = 0}};
};

/// y = M x on the last dimension, M from the identity on.
struct Mix {
    static constexpr std::string_view name = "mix";
    static constexpr Topology topology = Topology::transformer;
    static constexpr QuietBirth quiet_birth = QuietBirth::built_in;
    using Needs = kasmina::Needs<capability::Pointwise, capability::Matrix>;
    struct Options {};

    static constexpr void check(Index size, const Options&) {
        require_at_least(name, "width", size, 1);
    }
    static constexpr Index parameter_count(Index size, const Options& = {}) { return size * size; }

    template <class AnyBackend>
    struct Module : nn::Visitable<Module<AnyBackend>> {
        Parameter<AnyBackend> matrix;

        Module(typename AnyBackend::Context& context, Index size, const Options&, Generator&)
            : matrix(nn::constant_parameter<AnyBackend>(context, {size, size})) {
            std::vector<typename AnyBackend::Scalar> identity(
                static_cast<std::size_t>(size * size));
            for (std::size_t i = 0; i < identity.size(); i += static_cast<std::size_t>(size) + 1) {
                identity[i] = 1;
            }
            matrix.value().assign(context, identity);
        }

        [[nodiscard]] Variable<AnyBackend> forward(Pass<AnyBackend>& pass,
                                                   const Variable<AnyBackend>& input) const {
            return ops::linear(input, pass.parameter(matrix));
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"matrix", &Module::matrix});
        }
    };
};

using Model = MorphogeneticModel<TwoLayers, BlueprintList<Mix>, test::OpenPolicies>;

Model make_model(B::Context& context, bool tied) {
    Generator generator(1);
    return {context, TwoLayers(context, tied), BlueprintList<Mix>{}, generator};
}

/// Gradients of the host's parameters, each as often as the model lists it.
std::vector<std::vector<double>> host_gradients(Model& model) {
    B::Context& context = model.context();
    const auto input = Tensor<B>::from_host(context, {rows, width},
                                            testing::normal_values<double>(rows * width, 2));
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    tape.backward(ops::cross_entropy(model.forward(pass, input), labels));
    std::vector<std::vector<double>> gradients;
    for (const auto& named : model.host_parameters()) {
        gradients.push_back(named.parameter->gradient().to_host(context));
    }
    return gradients;
}

TEST_CASE("a tied parameter is listed and counted once", "[H-4][P-6]") {
    B::Context context;
    Model tied = make_model(context, true);
    Model untied = make_model(context, false);
    CHECK(untied.host_parameters().size() == 2);
    CHECK(untied.total_parameters() == 2 * width * width);
    REQUIRE(tied.host_parameters().size() == 1);
    CHECK(tied.host_parameters()[0].name == "host/first");
    CHECK(tied.contents().parameters.size() == 2);
    CHECK(tied.parameters().size() == 1);
    CHECK(tied.total_parameters() == width * width);
    CHECK(tied.active_parameters() == width * width);
    tied.slot("middle").germinate("mix");
    CHECK(tied.slot("middle").record()->metrics.host_parameters == width * width);
    CHECK(tied.parameters().size() == 2);
    CHECK(tied.total_parameters() == 2 * width * width);
}

TEST_CASE("a tied parameter is stepped once, by the sum of its gradients", "[H-4][H-7]") {
    B::Context context;
    Model untied = make_model(context, false);
    const auto apart = host_gradients(untied);
    REQUIRE(apart.size() == 2);
    Model tied = make_model(context, true);
    const std::vector<double> before = tied.host().first().value().to_host(context);
    const auto together = host_gradients(tied);
    REQUIRE(together.size() == 1);

    constexpr double rate = 0.25;
    optim::Sgd<B> sgd;
    sgd.add_group({.learning_rate = rate});
    // As the visitor shows it, twice: the optimiser sees that it is one.
    const Parameter<B>* const shown[] = {&tied.host().first(), &tied.host().second()};
    sgd.synchronise(0, shown);
    CHECK(sgd.tracked(0).size() == 1);
    sgd.step(context);
    const std::vector<double> after = tied.host().first().value().to_host(context);
    for (std::size_t i = 0; i < before.size(); ++i) {
        const double sum = apart[0][i] + apart[1][i];
        CHECK(together[0][i] == Approx(sum).epsilon(1e-13).margin(1e-15));
        CHECK(after[i] == Approx(before[i] - rate * sum).epsilon(1e-13).margin(1e-15));
    }
}

TEST_CASE("in a transformer host a seed is isolated in training, and not in blending",
          "[S-3][I-3][H-3]") {
    B::Context context;
    Model alone = make_model(context, false);
    const auto expected = host_gradients(alone);
    Model model = make_model(context, false);
    auto& slot = model.slot("middle");
    slot.germinate("mix", {.incubation = Incubation::straight_through});
    CHECK_FALSE(slot.isolated());
    slot.advance();
    REQUIRE(slot.stage() == Stage::training);
    CHECK(slot.isolated());
    CHECK(host_gradients(model) == expected);

    slot.record_score(61.0);
    slot.advance();
    REQUIRE(slot.stage() == Stage::blending);
    CHECK_FALSE(slot.isolated());
    CHECK(slot.record()->metrics.score_at_blending_start == 61.0);
    CHECK(slot.report().time_to_target == 5);
    // Full amplitude, y = s: all of the layer below the seed's gradient comes through the seed.
    REQUIRE(slot.advance().advanced);
    const std::vector<double> mirror{-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1};
    slot.parameters()[0].parameter->value().assign(context, mirror);
    for (const auto& named : model.host_parameters()) named.parameter->zero_gradient();
    const auto mirrored = host_gradients(model);
    CHECK(mirrored[0] != expected[0]);
    CHECK(mirrored[0] != std::vector<double>(expected[0].size(), 0.0));
}

TEST_CASE("holding drops what was scheduled, and a way back to blending keeps co-adaptation",
          "[S-3][S-6][I-3]") {
    B::Context context;
    Model model = make_model(context, false);
    auto& slot = model.slot("middle");
    slot.germinate("mix", {.tempo_epochs = 9});
    while (slot.stage() != Stage::blending) REQUIRE(slot.advance().advanced);
    slot.step_epoch();
    REQUIRE(slot.alpha() > 0.0);
    REQUIRE(slot.alpha() < 1.0);
    REQUIRE(slot.report().time_to_target == 8);
    REQUIRE(slot.advance().advanced);  // the open gates let a ramp under way through

    REQUIRE(slot.stage() == Stage::holding);
    const AlphaState held = slot.report().alpha;
    CHECK(held.alpha == 1.0);
    CHECK(held.target == 1.0);
    CHECK(held.mode == AlphaMode::hold);
    CHECK(slot.report().time_to_target == 0);
    for (int epoch = 0; epoch < 10; ++epoch) {
        CHECK_FALSE(slot.step_epoch().ramp_ended);
        CHECK(slot.alpha() == 1.0);
    }
    REQUIRE(slot.set_alpha_target(0.5, 2).done);
    REQUIRE(slot.stage() == Stage::blending);
    CHECK_FALSE(slot.isolated());
}

}  // namespace
}  // namespace kasmina::user_host_test
