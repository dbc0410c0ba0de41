// A network without training code: its outputs are the model's, and what it cannot run it refuses.
#include <cstddef>
#include <string>
#include <vector>

#include <kasmina/autodiff/taps.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/checkpoint/checkpoint.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/inference/network.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "checkpoint/edited.hpp"
#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::network_test {
namespace {

using B = backends::Eigen<float>;
using Forward = ForwardOnly<B>;
using Model = MorphogeneticModel<hosts::Cnn<B>, CnnBlueprints, test::OpenPolicies>;
using Network = inference::Network<hosts::Cnn<Forward>, CnnBlueprints>;

static_assert(is_forward_only<Forward> && !is_forward_only<B>);

const hosts::CnnOptions small{.classes = 3, .base = 4, .blocks = 2, .height = 8, .width = 8};
const Shape shape{3, 8, 8, 3};

struct Saved {
    void grow(const std::string& slot, const std::string& blueprint, BlendAlgorithm algorithm,
              Stage goal = Stage::fossilized) {
        model.slot(slot).germinate(blueprint, {.algorithm = algorithm, .alpha_target = 0.7});
        while (model.slot(slot).stage() != goal) REQUIRE(model.slot(slot).advance().advanced);
        // Norms with statistics of their own, and values that no constructor makes.
        Generator random(4);
        for (const auto& named : model.parameters()) {
            auto values = named.parameter->value().to_host(context);
            for (float& value : values) value += static_cast<float>(0.1 * random.normal());
            named.parameter->value().assign(context, values);
        }
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::training, random);
        static_cast<void>(model.forward(pass, images));
    }
    [[nodiscard]] std::vector<float> outputs() {
        Tape<B> tape(context, Recording::none);
        Pass<B> pass(tape, Mode::evaluation);
        return model.forward(pass, images).to_host();
    }
    [[nodiscard]] Network loaded() {
        checkpoint::save(folder / "model", model);
        return loaded_again();
    }
    [[nodiscard]] Network loaded_again() {
        return {context, hosts::Cnn<Forward>(context, small), CnnBlueprints{}, folder / "model"};
    }

    test::TemporaryFolder folder{};
    B::Context context{2};
    Generator generator{1};
    Model model{context, hosts::Cnn<B>(context, small), CnnBlueprints{}, generator};
    std::vector<float> pixels = testing::normal_values<float>(shape.elements(), 2);
    Tensor<B> images = Tensor<B>::from_host(context, shape, pixels);
};

TEST_CASE("a loaded network's outputs are the model's, bit for bit", "[N-7]") {
    Saved saved;
    saved.grow("r0c0", "conv_light", BlendAlgorithm::add);
    saved.grow("r1c0", "norm", BlendAlgorithm::multiply);
    saved.grow("r0c1", "depthwise", BlendAlgorithm::gate);
    saved.grow("r1c1", "conv_small", BlendAlgorithm::add, Stage::training);  // not heard
    const Network network = saved.loaded();
    CHECK(network.seeds() == 3);
    const auto images = Tensor<Forward>::from_host(saved.context, shape, saved.pixels);
    Tape<Forward> tape(saved.context);
    CHECK_FALSE(tape.recording());
    Pass<Forward> pass(tape, Mode::evaluation);
    CHECK(network.forward(pass, images).to_host() == saved.outputs());
    CHECK(tape.operations() == 0);
}

TEST_CASE("a loaded network offers the activations that the model does, by the same names",
          "[N-7][N-8]") {
    Saved saved;
    saved.grow("r0c0", "conv_light", BlendAlgorithm::add);
    saved.grow("r0c1", "depthwise", BlendAlgorithm::gate);
    const Network network = saved.loaded();
    const std::vector<std::string> names{"host/stem", "slots/r0c0/seed", "slots/r0c1/seed",
                                         "slots/r1c1"};
    Tape<B> own(saved.context, Recording::none);
    Taps<B> expected(names);
    Pass<B> pass = Pass<B>(own, Mode::evaluation).listening(expected);
    static_cast<void>(saved.model.forward(pass, saved.images));
    const auto images = Tensor<Forward>::from_host(saved.context, shape, saved.pixels);
    Tape<Forward> tape(saved.context);
    const Pass<Forward> plain(tape, Mode::evaluation);
    Taps<Forward> taps(names);
    Pass<Forward> heard = plain.listening(taps);
    CHECK(network.forward(heard, images).to_host() == saved.outputs());
    CHECK(taps.offered() == expected.offered());
    for (const std::string& name : names) {
        CAPTURE(name);
        CHECK(taps.at(name).to_host() == expected.at(name).to_host());
    }
    Taps<Forward> unknown({"slots/r9c9"});
    Pass<Forward> asked = plain.listening(unknown);
    CHECK_THROWS_AS(network.forward(asked, images), UnknownNameError);
}

TEST_CASE("a seed that is heard and has not fossilized is refused", "[N-7][E-2]") {
    Saved saved;
    saved.grow("r0c1", "conv_light", BlendAlgorithm::add, Stage::holding);
    const std::string text =
        test::error_text<CheckpointError>([&] { static_cast<void>(saved.loaded()); });
    CHECK(test::mentions(text, "r0c1"));
    CHECK(test::mentions(text, "holding"));
}

TEST_CASE("a record that contradicts itself, and values without a place, are refused by name",
          "[N-7][C-2]") {
    Saved saved;
    saved.grow("r0c0", "conv_light", BlendAlgorithm::add);
    saved.grow("r1c1", "conv_small", BlendAlgorithm::add, Stage::training);  // left alone
    static_cast<void>(saved.loaded());
    const auto refused = [&](auto&& edit, const std::string& place, const std::string& expected) {
        test::Edited file(saved.folder / "model");
        edit(file);
        file.write(saved.folder / "model");
        const std::string text =
            test::error_text<CheckpointError>([&] { static_cast<void>(saved.loaded_again()); });
        INFO(text);
        CHECK(test::mentions(text, place));
        CHECK(test::mentions(text, expected));
        static_cast<void>(saved.loaded());
    };
    const auto with = [](const std::string& pointer, const test::Json& value) {
        return [=](test::Edited& file) {
            test::Json record = file.record("kasmina/model");
            record.at(test::Json::json_pointer(pointer)) = value;
            file.set_record("kasmina/model", record);
        };
    };
    refused(with("/slots/0/alpha/alpha", 0.25), "slot r0c0", "alpha.target");
    refused(with("/slots/0/topology", "transformer"), "slot r0c0", "topology");
    refused(with("/slots/0/seed/blend/tempo_epochs", 0), "slot r0c0", "tempo_epochs");
    const auto with_tensor = [](const std::string& name) {
        return [=](test::Edited& file) {
            file.tensors.push_back(file.tensors[0]);
            file.tensors.back().entry.name = name;
        };
    };
    for (const char* name : {"host/more", "slots/r0c0/seed/more", "slots/r9c9/seed/more", "more"}) {
        refused(with_tensor(name), "tensor \"" + std::string(name) + "\"", "a tensor too many");
    }
}

TEST_CASE("another host, and a file that is none, are refused", "[N-7][E-2]") {
    Saved saved;
    static_cast<void>(saved.loaded());
    auto other = small;
    other.base = 8;
    CHECK_THROWS_AS((Network(saved.context, hosts::Cnn<Forward>(saved.context, other),
                             CnnBlueprints{}, saved.folder / "model")),
                    CheckpointError);
    other = small;
    other.blocks = 3;
    CHECK_THROWS_AS((Network(saved.context, hosts::Cnn<Forward>(saved.context, other),
                             CnnBlueprints{}, saved.folder / "model")),
                    CheckpointError);
    CHECK_THROWS_AS((Network(saved.context, hosts::Cnn<Forward>(saved.context, small),
                             CnnBlueprints{}, saved.folder / "none")),
                    CheckpointError);
}

}  // namespace
}  // namespace kasmina::network_test
