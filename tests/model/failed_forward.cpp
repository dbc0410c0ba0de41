// A pass that fails: states of host and seeds and random streams are as they were before it.
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/blueprints/cnn/norm.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/testing/gradient_check.hpp>
#include <kasmina/train/learner.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/chosen_backend.hpp"
#include "support/values.hpp"

namespace kasmina::failed_forward_test {
namespace {

using B = test::Chosen64;

constexpr Index width = 3;

/// Thrown in the middle of a pass, when it is armed.
struct Trip {
    std::string armed;

    void at(const std::string& place) const {
        if (place == armed) throw std::runtime_error("tripped at " + place);
    }
};

/// Batch norm and dropout: a seed with statistics and a random stream.
struct Noisy {
    static constexpr std::string_view name = "noisy";
    static constexpr Topology topology = Topology::cnn;
    static constexpr QuietBirth quiet_birth = QuietBirth::own_start;
    using Needs = kasmina::Needs<capability::BatchNorm, capability::Dropout>;
    struct Options {};

    static constexpr void check(Index, const Options&) {}
    static constexpr Index parameter_count(Index channels, const Options& = {}) {
        return 2 * channels;
    }

    template <class Any>
    struct Module : nn::Visitable<Module<Any>> {
        nn::BatchNorm2d<Any> norm;

        Module(typename Any::Context& context, Index channels, const Options&, Generator&)
            : norm(context, channels) {}

        [[nodiscard]] Variable<Any> forward(Pass<Any>& pass, const Variable<Any>& input) const {
            return ops::dropout(pass, norm.forward(pass, input), 0.25);
        }

        [[nodiscard]] static constexpr auto members() {
            return nn::members(nn::Member{"norm", &Module::norm});
        }
    };
};

/// Two batch norms with a slot between, dropout, a counter of its own, and trips all along.
class Tripping : public nn::Visitable<Tripping> {
public:
    using Backend = B;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::cnn;

    Tripping(B::Context& context, const Trip& trip)
        : trip_(&trip),
          first_(context, width),
          second_(context, width),
          seen_(Tensor<B, std::int64_t>::full(context, {1}, 0)),
          head_(context, width, 2) {}

    void initialise(B::Context& context, Generator& generator) {
        head_.initialise(context, generator);
    }

    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const noexcept {
        return points_;
    }

    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& images) const {
        if (pass.training()) {
            const std::int64_t next = seen_.value().to_host(pass.context())[0] + images.shape()[0];
            seen_.value().fill(pass.context(), next);
        }
        trip_->at("stem");
        return pass.constant(images);
    }
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const {
        if (from == to) return state;
        const Variable<B> normal = first_.forward(pass, state);
        trip_->at("forward");
        return normal;
    }
    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& map) const {
        const Variable<B> normal = ops::dropout(pass, second_.forward(pass, map), 0.5);
        trip_->at("head");
        return head_.forward(pass, ops::mean_positions(normal));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(
            nn::Member{"first", &Tripping::first_}, nn::Member{"second", &Tripping::second_},
            nn::Member{"seen", &Tripping::seen_}, nn::Member{"head", &Tripping::head_});
    }

private:
    const Trip* trip_;
    nn::BatchNorm2d<B> first_;
    nn::BatchNorm2d<B> second_;
    State<B, std::int64_t> seen_;
    nn::Linear<B> head_;
    std::array<hosts::InjectionPoint, 1> points_{
        {{"only", width, 0, {0, 1}, hosts::Surface::segment_end}}};
};

using Model = MorphogeneticModel<Tripping, BlueprintList<Noisy>, test::OpenPolicies>;

const std::vector<std::int32_t> labels{0, 1};

struct Bed {
    B::Context context = test::context_with<B>(1);
    Trip trip{};
    Generator generator{7};
    Model model{context, Tripping(context, trip), BlueprintList<Noisy>{}, generator};
    Tensor<B> images =
        Tensor<B>::from_host(context, {2, 4, 4, width}, testing::normal_values<double>(96, 3));
    Generator random{5};

    void grow_to(Stage goal, Incubation incubation) {
        auto& slot = model.slot("only");
        slot.germinate("noisy", {.incubation = incubation});
        while (slot.stage() != goal) REQUIRE(slot.advance().advanced);
    }

    struct Standing {
        std::vector<std::vector<double>> states;
        Generator::State random;
        Generator::State seed;

        friend bool operator==(const Standing&, const Standing&) = default;
    };
    [[nodiscard]] Standing standing() {
        const auto seed = model.slot("only").random_stream();
        return {test::state_values<B>(context, model.contents().states), random.state(),
                seed == nullptr ? Generator::State{} : seed->state()};
    }

    /// A training step's passes; the loss trips at its n-th call.
    void learn(int trip_at_loss = 0) {
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::training, random);
        int losses = 0;
        static_cast<void>(train::learn(model, pass, images, [&](const Variable<B>& logits) {
            if (++losses == trip_at_loss) throw std::runtime_error("tripped at loss");
            return ops::cross_entropy(logits, std::span<const std::int32_t>(labels));
        }));
    }
};

TEST_CASE("a pass that fails has moved nothing", "[E-2][H-6]") {
    const auto stage = GENERATE(Stage::dormant, Stage::training, Stage::blending);
    const auto incubation = GENERATE(Incubation::feedback, Incubation::straight_through);
    Bed bed;
    if (stage != Stage::dormant) bed.grow_to(stage, incubation);
    bed.learn();
    const Bed::Standing before = bed.standing();
    for (const std::string place : {"stem", "forward", "head"}) {
        CAPTURE(place);
        bed.trip.armed = place;
        CHECK_THROWS_AS(bed.learn(), std::runtime_error);
        CHECK(bed.standing() == before);
    }
    bed.trip.armed.clear();
    // The second loss is that of a lesson, in which the seed's own statistics move.
    const bool teaches = stage == Stage::training && incubation == Incubation::feedback;
    for (int loss = 1; loss <= (teaches ? 2 : 1); ++loss) {
        CAPTURE(loss);
        CHECK_THROWS_AS(bed.learn(loss), std::runtime_error);
        CHECK(bed.standing() == before);
    }
    bed.learn();
    CHECK_FALSE(bed.standing() == before);
}

TEST_CASE("after a pass that failed training goes on as if it had not been", "[E-2][E-1]") {
    const auto run = [](bool fails) {
        Bed bed;
        bed.grow_to(Stage::training, Incubation::feedback);
        bed.learn();
        if (fails) {
            bed.trip.armed = "head";
            CHECK_THROWS(bed.learn());
            bed.trip.armed.clear();
        }
        bed.learn();
        return bed.standing();
    };
    CHECK(run(true) == run(false));
}

TEST_CASE("a host alone whose pass fails has moved nothing", "[E-2][H-6]") {
    Bed bed;
    const Bed::Standing before = bed.standing();
    bed.trip.armed = "head";
    Tape<B> tape(bed.context);
    Pass<B> pass(tape, Mode::training, bed.random);
    CHECK_THROWS(hosts::forward(bed.model.host(), pass, bed.images));
    CHECK(bed.standing() == before);
}

TEST_CASE("a learner whose step fails has stepped nothing", "[E-2]") {
    Bed bed;
    bed.grow_to(Stage::blending, Incubation::feedback);
    train::Learner<Model, optim::SgdRule> learner(
        bed.model, {.host = {.learning_rate = 0.1}, .seeds = {.learning_rate = 0.1}}, Generator(3));
    const auto step = [&] {
        static_cast<void>(learner.step(bed.model, bed.images, [](const Variable<B>& logits) {
            return ops::cross_entropy(logits, std::span<const std::int32_t>(labels));
        }));
    };
    step();
    const Bed::Standing before = bed.standing();
    const Generator::State random = learner.random().state();
    const auto values = test::parameter_values<B>(bed.context, bed.model.parameters());
    bed.trip.armed = "head";
    CHECK_THROWS(step());
    CHECK(bed.standing() == before);
    CHECK(learner.random().state() == random);
    CHECK(test::parameter_values<B>(bed.context, bed.model.parameters()) == values);
}

TEST_CASE("images that a later block cannot take are refused before the first", "[E-2][H-1]") {
    B::Context context = test::context_with<B>(1);
    Generator generator(1);
    hosts::Cnn<B> host(context, {.classes = 3, .base = 4, .blocks = 4}, generator);
    const auto states = [&] { return test::state_values<B>(context, nn::states<B>(host)); };
    const auto before = states();
    const auto small = Tensor<B>::full(context, {2, 7, 7, 3}, 1);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    CHECK_THROWS_AS(host.stem(pass, small), ShapeError);
    CHECK_THROWS_AS(hosts::forward(host, pass, small), ShapeError);
    CHECK(states() == before);
}

TEST_CASE("a host's statistics stand still when they are told to", "[H-6]") {
    Bed bed;
    bed.grow_to(Stage::blending, Incubation::feedback);
    const auto of_host = [&] {
        auto values = test::state_values<B>(bed.context, nn::states<B>(bed.model.host()));
        values.pop_back();  // the counter counts all the same
        return values;
    };
    nn::set_trainable(bed.model.host(), false);
    auto before = of_host();
    bed.learn();
    CHECK(of_host() != before);  // frozen parameters alone do not say so

    bed.model.set_host_statistics(HostStatistics::still);
    before = of_host();
    const Bed::Standing all = bed.standing();
    bed.learn();
    CHECK(of_host() == before);
    CHECK_FALSE(bed.standing() == all);  // the seed's own go on

    bed.model.set_host_statistics(HostStatistics::moving);
    bed.learn();
    CHECK(of_host() != before);
}

}  // namespace
}  // namespace kasmina::failed_forward_test
