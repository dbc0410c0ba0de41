// Taps: what layers made comes by its name, with seeds active, and listening changes no bit.
#include <string>
#include <vector>

#include <kasmina/autodiff/taps.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina {
namespace {

using B = test::Eigen32;
using Model = MorphogeneticModel<hosts::Cnn<B>, BlueprintList<cnn::ConvLight>, test::OpenPolicies>;

struct Network {
    Network() {
        auto& slot = model.slot("r0c1");
        slot.germinate("conv_light");
        while (slot.stage() != Stage::holding) REQUIRE(slot.advance().advanced);
    }

    B::Context context{};
    Generator generator{5};
    Model model{context,
                hosts::Cnn<B>(context, {.classes = 3, .base = 4, .height = 8, .width = 8}),
                {},
                generator};
    Tensor<B> images = Tensor<B>::from_host(context, {2, 8, 8, 3},
                                            testing::normal_values<float>(2 * 8 * 8 * 3, 1));
};

TEST_CASE("what layers made comes by its name, with seeds active", "[N-8]") {
    Network net;
    Tape<B> tape(net.context, Recording::none);
    Taps<B> taps({"host/stem", "host/blocks.1", "slots/r0c1", "slots/r0c1/seed", "slots/r1c2"});
    Pass<B> pass = Pass<B>(tape, Mode::evaluation).listening(taps);
    const auto heard = net.model.forward(pass, net.images).to_host();
    CHECK(taps.at("host/stem").to_host() == net.images.to_host(net.context));
    CHECK(taps.at("host/blocks.1").shape() == Shape{2, 4, 4, 8});
    CHECK(taps.at("slots/r1c2").shape() == Shape{2, 1, 1, 16});
    // At full amplitude the features are the host's and the seed's.
    const auto host = taps.at("host/blocks.1").to_host();
    const auto seed = taps.at("slots/r0c1/seed").to_host();
    const auto both = taps.at("slots/r0c1").to_host();
    CHECK(both != host);
    for (std::size_t i = 0; i < both.size(); ++i) {
        CHECK(both[i] ==
              Approx(host[i] + net.model.slot("r0c1").alpha() * (seed[i] - host[i])).margin(1e-5));
    }
    Tape<B> other(net.context, Recording::none);
    Pass<B> alone(other, Mode::evaluation);
    CHECK(net.model.forward(alone, net.images).to_host() == heard);
    CHECK(std::ranges::find(taps.offered(), "host/blocks.0") != taps.offered().end());
}

TEST_CASE("listening to a training pass changes neither values nor gradients", "[N-8]") {
    const auto gradients = [](bool listens) {
        Network net;
        Tape<B> tape(net.context);
        Taps<B> taps({"slots/r0c0"});
        Generator random(1);
        Pass<B> pass(tape, Mode::training, random);
        if (listens) pass = pass.listening(taps);
        const auto output = net.model.forward(pass, net.images);
        tape.backward(output, testing::normal_values<float>(6, 3));
        std::vector<std::vector<float>> all{output.to_host()};
        for (const auto& named : net.model.parameters()) {
            if (named.parameter->has_gradient()) {
                all.push_back(named.parameter->gradient().to_host(net.context));
            }
        }
        return all;
    };
    CHECK(gradients(true) == gradients(false));
}

TEST_CASE("a name that nothing goes by is an error that lists the names", "[N-8][E-2]") {
    Network net;
    Tape<B> tape(net.context, Recording::none);
    Taps<B> taps({"slots/r9c9"});
    CHECK_THROWS_AS(taps.at("slots/r9c9"), UnknownNameError);
    Pass<B> pass = Pass<B>(tape, Mode::evaluation).listening(taps);
    const std::string text = test::error_text<UnknownNameError>(
        [&] { static_cast<void>(net.model.forward(pass, net.images)); });
    CHECK(test::mentions(text, "slots/r9c9"));
    CHECK(test::mentions(text, "slots/r0c1/seed"));
    CHECK(test::mentions(text, "host/blocks.2"));
    Taps<B> good({"slots/r0c0"});
    Pass<B> other = pass.listening(good);
    static_cast<void>(net.model.forward(other, net.images));
    CHECK_THROWS_AS(good.at("slots/r0c1"), UnknownNameError);
}

}  // namespace
}  // namespace kasmina
