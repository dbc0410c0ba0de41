// Grown networks on the other hosts (residual, rows, tokens): saved, loaded as a model, and run
// alone.
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn/conv_light.hpp>
#include <kasmina/blueprints/features/mlp.hpp>
#include <kasmina/blueprints/transformer/mlp.hpp>
#include <kasmina/checkpoint/load.hpp>
#include <kasmina/checkpoint/save.hpp>
#include <kasmina/hosts/mlp.hpp>
#include <kasmina/hosts/resnet.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/inference/network.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "slot/open_gates.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::hosts_test {
namespace {

using B = backends::Eigen<float>;

/// Residual blocks, with statistics of norms.
struct OnImages {
    template <class Backend>
    using Host = hosts::ResNet<Backend>;
    using Blueprints = BlueprintList<cnn::ConvLight>;
    static constexpr std::string_view blueprint = "conv_light";
    static constexpr hosts::ResNetOptions options{
        .classes = 3, .base = 4, .stages = 2, .blocks = 1};
    static constexpr hosts::ResNetOptions larger{.classes = 3, .base = 4, .stages = 2, .blocks = 2};

    template <class Backend>
    static Tensor<Backend> input(typename Backend::Context& context) {
        return Tensor<Backend>::from_host(context, {2, 6, 5, 3},
                                          testing::normal_values<float>(2 * 6 * 5 * 3, 2));
    }
};

/// Rows of features. Here each layer is a place for a seed.
struct OnRows {
    template <class Backend>
    using Host = hosts::Mlp<Backend>;
    using Blueprints = BlueprintList<features::Mlp>;
    static constexpr std::string_view blueprint = "mlp";
    static constexpr hosts::MlpOptions options{.inputs = 6, .outputs = 3, .width = 8};

    template <class Backend>
    static Tensor<Backend> input(typename Backend::Context& context) {
        return Tensor<Backend>::from_host(context, {4, 6}, testing::normal_values<float>(24, 2));
    }
};

/// Tokens, with a head that is the embedding once more.
struct OnTokens {
    template <class Backend>
    using Host = hosts::Transformer<Backend>;
    using Blueprints = BlueprintList<transformer::Mlp>;
    static constexpr std::string_view blueprint = "mlp";
    static constexpr hosts::TransformerOptions options{.vocabulary = 7,
                                                       .width = 8,
                                                       .heads = 2,
                                                       .layers = 2,
                                                       .segments = 2,
                                                       .block = 5,
                                                       .dropout = 0.0};
    static constexpr hosts::TransformerOptions larger{.vocabulary = 7,
                                                      .width = 8,
                                                      .heads = 2,
                                                      .layers = 4,
                                                      .segments = 2,
                                                      .block = 5,
                                                      .dropout = 0.0};

    template <class Backend>
    static TokenIds<Backend> input(typename Backend::Context& context) {
        return TokenIds<Backend>(context, {2, 5},
                                 std::vector<std::int32_t>{0, 1, 2, 3, 4, 6, 5, 4, 3, 2}, 7);
    }
};

template <class Backend, class Network, class Input>
std::vector<float> outputs(typename Backend::Context& context, const Network& network,
                           const Input& input) {
    Tape<Backend> tape(context, Recording::none);
    Pass<Backend> pass(tape, Mode::evaluation);
    return network.forward(pass, input).to_host();
}

template <class On>
struct Grown {
    using Model = MorphogeneticModel<typename On::template Host<B>, typename On::Blueprints,
                                     test::OpenPolicies>;
    using Forward = ForwardOnly<B>;
    using Network =
        inference::Network<typename On::template Host<Forward>, typename On::Blueprints>;

    template <class Options>
    [[nodiscard]] Model made(std::uint64_t seed, const Options& options) {
        Generator generator(seed);
        return {context, typename Model::Host(context, options), typename On::Blueprints{},
                generator};
    }

    /// One seed that is kept for good and one that is blended, and values that no constructor
    /// makes.
    template <class Options>
    [[nodiscard]] Model grown(const Options& options) {
        Model model = made(1, options);
        auto& kept = model.slot("r0c0");
        kept.germinate(On::blueprint);
        while (kept.stage() != Stage::fossilized) REQUIRE(kept.advance().advanced);
        Generator random(4);
        const nn::Contents<B> contents = model.contents();
        for (const auto& named : contents.parameters) move(named.parameter->value(), random);
        for (const auto& named : contents.states) {
            named.state.visit([&]<class T>(Tensor<B, T>& value) {
                if constexpr (std::same_as<T, float>) move(value, random);
            });
        }
        checkpoint::save(folder / "file", model);
        return model;
    }

    void move(Tensor<B>& tensor, Generator& random) {
        auto values = tensor.to_host(context);
        for (float& value : values) value += static_cast<float>(0.05 * random.uniform());
        tensor.assign(context, values);
    }

    template <class Options>
    [[nodiscard]] Network alone(const Options& options) {
        return {context, typename On::template Host<Forward>(context, options),
                typename On::Blueprints{}, folder / "file"};
    }

    test::TemporaryFolder folder{};
    B::Context context{1};
};

TEMPLATE_TEST_CASE("a grown network on each host comes back, as a model and alone",
                   "[N-4][N-5][N-7][C-8]", OnImages, OnRows, OnTokens) {
    Grown<TestType> grown;
    const auto model = grown.grown(TestType::options);
    const auto input = TestType::template input<B>(grown.context);
    const std::vector<float> expected = outputs<B>(grown.context, model, input);

    auto other = grown.made(9, TestType::options);
    CHECK(outputs<B>(grown.context, other, input) != expected);
    checkpoint::load(grown.folder / "file", other);
    CHECK(outputs<B>(grown.context, other, input) == expected);

    using Forward = ForwardOnly<B>;
    const auto network = grown.alone(TestType::options);
    CHECK(network.seeds() == 1);
    CHECK(outputs<Forward>(grown.context, network,
                           TestType::template input<Forward>(grown.context)) == expected);
}

TEMPLATE_TEST_CASE(
    "a file of more layers between the same places is refused, and so is one of fewer",
    "[N-7][C-2]", OnImages, OnTokens) {
    Grown<TestType> grown;
    static_cast<void>(grown.grown(TestType::larger));
    auto model = grown.made(1, TestType::options);
    CHECK_THROWS_AS(checkpoint::load(grown.folder / "file", model), CheckpointError);
    std::string text = test::error_text<CheckpointError>(
        [&] { static_cast<void>(grown.alone(TestType::options)); });
    INFO(text);
    CHECK(test::mentions(text, "tensor \"host/"));
    CHECK(test::mentions(text, "a tensor too many"));

    static_cast<void>(grown.grown(TestType::options));
    text = test::error_text<CheckpointError>(
        [&] { static_cast<void>(grown.alone(TestType::larger)); });
    CHECK(test::mentions(text, "a tensor is missing"));
}

}  // namespace
}  // namespace kasmina::hosts_test
