// The transformer blueprints: PyTorch's numbers (B-7), counts (B-1), options (B-2), births (B-5).
#include "support/golden.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/blueprints/transformer.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_module.hpp"

namespace kasmina::transformer_test {
namespace {

/// Three positions, as the recorded one has, with ALiBi's slopes.
struct Window : masks::Sliding {
    constexpr Window() : masks::Sliding{.window = 3} {}
    bool operator==(const Window&) const = default;
};

using Windowed = transformer::FlexAttention<Window, scores::Alibi>;
using Blueprints =
    BlueprintList<transformer::Norm, transformer::Lora, transformer::LoraLarge,
                  transformer::Attention, Windowed, transformer::MlpSmall, transformer::Mlp>;

template <class B>
std::unique_ptr<SeedModule<B>> make_recorded(typename B::Context& context,
                                             const test::GoldenCase& golden, bool checkpointing) {
    return Blueprints::with_type(
        Blueprints::find(Topology::transformer, golden.option("blueprint")),
        [&]<class T>() -> std::unique_ptr<SeedModule<B>> {
            Generator generator(1);
            typename T::Options options;
            if constexpr (requires { options.heads; }) options.heads = golden.count("heads");
            if constexpr (requires { options.checkpointing; }) {
                options.checkpointing = checkpointing;
            }
            return make_seed<T, B>(context, golden.count("width"), options, generator);
        });
}

template <class B>
void check_recorded(const std::string& name, bool checkpointing) {
    using Scalar = typename B::Scalar;
    INFO(name << (checkpointing ? ", computed again" : ""));
    const test::GoldenCase golden = test::read_golden(name);
    typename B::Context context{};
    const auto seed = make_recorded<B>(context, golden, checkpointing);
    CHECK(seed->parameter_count() == golden.count("parameters"));
    test::load_golden<B>(context, seed->contents(), golden);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const test::GoldenTensor& input = golden.at("input");
    const Variable<B> x = tape.leaf(test::shape_of(input), input.as<Scalar>());
    const Variable<B> y = seed->forward(pass, x);
    CAPTURE(test::relative_error(y.to_host(), golden.at("output")));
    CHECK(test::agrees(y.to_host(), golden.at("output")));
    tape.backward(y, golden.at("grad_output").as<Scalar>());
    CAPTURE(test::relative_error(tape.gradient(x), golden.at("grad_input")));
    CHECK(test::agrees(tape.gradient(x), golden.at("grad_input")));
    test::check_golden_gradients<B>(context, seed->contents(), golden);
}

TEMPLATE_TEST_CASE("every transformer blueprint agrees with PyTorch, forward and backward", "[B-7]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    const auto names = test::golden_cases("transformer_blueprint/");
    REQUIRE(names.size() == 7 * 4);
    for (const std::string& name : names) {
        check_recorded<TestType>(name, false);
        if (name.find("/mlp") != std::string::npos) check_recorded<TestType>(name, true);
    }
}

using B = test::Eigen32;

struct Row {
    Index width;
    std::array<Index, 6> counts;  // norm lora lora_large attention mlp_small mlp
};

constexpr std::array<Row, 2> table{{{64, {129, 1024, 4096, 16640, 16576, 33088}},
                                    {384, {769, 6144, 24576, 591360, 590976, 1181568}}}};

TEST_CASE("transformer seeds have as many parameters as the golden table says", "[B-1]") {
    for (const auto& [width, counts] : table) {
        CAPTURE(width);
        CHECK(transformer::Noop::parameter_count(width) == 0);
        CHECK(transformer::Norm::parameter_count(width) == counts[0]);
        CHECK(transformer::Lora::parameter_count(width) == counts[1]);
        CHECK(transformer::LoraLarge::parameter_count(width) == counts[2]);
        CHECK(transformer::Attention::parameter_count(width) == counts[3]);
        CHECK(transformer::FlexAttention<>::parameter_count(width) == counts[3]);
        CHECK(transformer::MlpSmall::parameter_count(width) == counts[4]);
        CHECK(transformer::Mlp::parameter_count(width) == counts[5]);
    }
    static_assert(transformer::Attention::parameter_count(64) == 16640);
}

TEST_CASE("a width at which parameters cannot be counted is refused", "[B-2][E-2]") {
    for (const std::string_view name : TransformerBlueprints::names()) {
        CAPTURE(name);
        TransformerBlueprints::with_type(
            TransformerBlueprints::find(Topology::transformer, name), []<class T>() {
                for (const Index width : {Index{1} << 32, Index{1} << 62, Index{0}}) {
                    CHECK_THROWS_AS(T::parameter_count(width), OptionError);
                }
                CHECK(T::parameter_count(Index{1} << 24) >= 0);
            });
    }
    B::Context context{};
    CHECK_THROWS_AS(nn::SelfAttention<B>(context, Index{1} << 62, 1), OptionError);
}

TEST_CASE("a seed in which heads do not divide the width is refused with the numbers", "[B-2]") {
    Generator generator(1);
    B::Context context{};
    CHECK_THROWS_AS((make_seed<transformer::Attention, B>(context, 6, {}, generator)), OptionError);
    CHECK_THROWS_AS((make_seed<Windowed, B>(context, 8, {.heads = 0}, generator)), OptionError);
    CHECK_NOTHROW(make_seed<transformer::Attention, B>(context, 6, {.heads = 3}, generator));
    try {
        transformer::FlexAttention<>::check(6);
    } catch (const OptionError& error) {
        CHECK(error.where() == "blueprint flex_attention");
        CHECK(error.expected() == "heads of 1 or more that divide 6");
        CHECK(error.got() == "4");
    }
}

TEST_CASE("every transformer blueprint is born as the identity, and loud where it is asked to be",
          "[B-5]") {
    const Shape shape{2, 5, 16};
    const auto values = testing::normal_values<float>(shape.elements(), 3);
    B::Context context{};
    const auto differs = [&](const SeedModule<B>& seed) {
        Tape<B> tape(context);
        Pass<B> pass(tape, Mode::training);
        return seed.forward(pass, pass.constant(shape, values)).to_host() != values;
    };
    for (const std::string_view name : TransformerBlueprints::names()) {
        CAPTURE(name);
        Generator generator(1);
        for (const Birth birth : {Birth::own, Birth::quiet}) {
            CHECK_FALSE(differs(*TransformerBlueprints::make<B>(context, Topology::transformer,
                                                                name, 16, generator, birth)));
        }
    }
    const auto loud = [&]<class T>(std::type_identity<T>) {
        Generator generator(1);
        typename T::Options options;
        options.zero_init_final_layer = false;
        return differs(*make_seed<T, B>(context, 16, options, generator));
    };
    CHECK(loud(std::type_identity<transformer::Attention>{}));
    CHECK(loud(std::type_identity<transformer::LoraLarge>{}));
    CHECK(loud(std::type_identity<transformer::MlpSmall>{}));
}

}  // namespace
}  // namespace kasmina::transformer_test
