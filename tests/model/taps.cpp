// Taps: what layers made comes by its name, with seeds active, and listening changes no bit.
#include <string>
#include <vector>

#include <kasmina/autodiff/taps.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/hosts/resnet.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "slot/open_gates.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::taps_test {
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

/// What a host alone offers on its way, and whether its output is what it is when nobody listens.
template <class Host>
std::vector<std::string> offered(const Host& host, const typename Host::Input& input,
                                 B::Context& context) {
    const std::size_t end = hosts::end_boundary(host);
    const auto run = [&](Pass<B> pass) {
        const auto state = host.forward(pass, host.stem(pass, input), hosts::start_boundary, end);
        return host.head(pass, state).to_host();
    };
    Tape<B> tape(context, Recording::none);
    Taps<B> taps({});
    const auto heard = run(Pass<B>(tape, Mode::evaluation).listening(taps));
    CHECK(run(Pass<B>(tape, Mode::evaluation)) == heard);
    return taps.offered();
}

TEST_CASE("each of the library's hosts offers its layers by the names that its parameters have",
          "[N-8]") {
    using Names = std::vector<std::string>;
    B::Context context;
    Generator random(2);
    const auto values = [&](const Shape& shape) {
        return Tensor<B>::from_host(
            context, shape,
            testing::normal_values<float>(static_cast<std::size_t>(shape.elements()), 3));
    };
    const hosts::ResNet<B> residual(context, {.base = 2, .stages = 2, .blocks = 2}, random);
    CHECK(offered(residual, values({1, 5, 4, 3}), context) ==
          Names{"layer1.0", "layer1.1", "layer2.0", "layer2.1"});
    const hosts::Mlp<B> rows(context, {.inputs = 3, .outputs = 2, .width = 4, .layers = 2}, random);
    CHECK(offered(rows, values({2, 3}), context) == Names{"layers.0", "layers.1"});
    const TokenIds<B> ids(context, {1, 3}, std::vector<std::int32_t>{0, 4, 2}, 5);
    for (const bool checkpointing : {false, true}) {
        const hosts::Transformer<B> words(context,
                                          {.vocabulary = 5,
                                           .width = 4,
                                           .heads = 2,
                                           .layers = 2,
                                           .segments = 1,
                                           .block = 3,
                                           .checkpointing = checkpointing},
                                          random);
        CHECK(offered(words, ids, context) == Names{"blocks.0", "blocks.1"});
    }
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
}  // namespace kasmina::taps_test
