// Parameter counts are exact: formula, module and golden table agree (B-1).
#include <array>
#include <string_view>
#include <type_traits>

#include <kasmina/blueprints/cnn.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::counts_test {
namespace {

using B = test::Eigen32;

struct Row {
    Index width;
    std::array<Index, 7> counts;  // norm attention depthwise bottleneck conv_small* light heavy
};

// * without its scale, as the golden table has it; depthwise, light and heavy born loud.
constexpr std::array<Row, 5> table{{{1, {3, 3, 12, 594, 3, 11, 22}},
                                    {4, {9, 12, 60, 648, 24, 152, 304}},
                                    {8, {17, 40, 152, 720, 80, 592, 1184}},
                                    {64, {129, 2112, 4800, 4480, 4224, 36992, 73984}},
                                    {256, {513, 33024, 68352, 70144, 66048, 590336, 1180672}}}};

TEST_CASE("parameter counts are those of the golden table", "[B-1]") {
    for (const Row& row : table) {
        CAPTURE(row.width);
        CHECK(cnn::Noop::parameter_count(row.width) == 0);
        CHECK(cnn::Norm::parameter_count(row.width) == row.counts[0]);
        CHECK(cnn::Attention::parameter_count(row.width) == row.counts[1]);
        CHECK(cnn::Depthwise::parameter_count(row.width, {.layer_scale = false}) == row.counts[2]);
        CHECK(cnn::Bottleneck::parameter_count(row.width) == row.counts[3]);
        CHECK(cnn::ConvSmall::parameter_count(row.width) == row.counts[4] + row.width);
        CHECK(cnn::ConvLight::parameter_count(row.width, {.layer_scale = false}) == row.counts[5]);
        CHECK(cnn::ConvHeavy::parameter_count(row.width, {.layer_scale = false}) == row.counts[6]);
    }
    static_assert(cnn::ConvHeavy::parameter_count(64, {.layer_scale = false}) == 73984);
}

TEST_CASE("a quiet birth, the default, costs a scale per channel", "[B-1][B-5]") {
    for (const Row& row : table) {
        CAPTURE(row.width);
        CHECK(cnn::Depthwise::parameter_count(row.width) == row.counts[2] + row.width);
        CHECK(cnn::ConvLight::parameter_count(row.width) == row.counts[5] + row.width);
        CHECK(cnn::ConvHeavy::parameter_count(row.width) == row.counts[6] + row.width);
    }
}

TEST_CASE("a width at which the parameters of a convolution cannot be counted is refused",
          "[B-2][E-2]") {
    for (const std::string_view name : CnnBlueprints::names()) {
        CAPTURE(name);
        CnnBlueprints::with_type(CnnBlueprints::find(Topology::cnn, name), []<class T>() {
            CHECK_THROWS_AS(T::parameter_count(Index{1} << 32), OptionError);
            CHECK(T::parameter_count(Index{1} << 24) >= 0);
        });
    }
}

template <class Blueprint>
void check_count(Index width, const typename Blueprint::Options& options) {
    Generator generator(1);
    B::Context context{};
    const typename Blueprint::template Module<B> module(context, width, options, generator);
    CAPTURE(Blueprint::name, width);
    CHECK(nn::parameter_count(module) == Blueprint::parameter_count(width, options));
}

TEST_CASE("a module has exactly as many parameters as its blueprint says", "[B-1]") {
    for (const Index width : {1, 3, 4, 13, 48, 70}) {
        check_count<cnn::Noop>(width, {});
        check_count<cnn::Norm>(width, {});
        check_count<cnn::ConvSmall>(width, {});
        check_count<cnn::Attention>(width, {});
        check_count<cnn::Attention>(width, {.reduction = 2});
        check_count<cnn::Bottleneck>(width, {});
        check_count<cnn::Bottleneck>(width, {.reduction = 2, .zero_init_final_layer = false});
        for (const bool scaled : {false, true}) {
            check_count<cnn::Depthwise>(width, {.layer_scale = scaled});
            check_count<cnn::ConvLight>(width, {.layer_scale = scaled});
            check_count<cnn::ConvHeavy>(width, {.layer_scale = scaled});
        }
    }
}

TEST_CASE("options out of range are refused with their numbers when the seed is made", "[B-2]") {
    Generator generator(1);
    B::Context context{};
    const Generator::State before = generator.state();
    const auto refused = [&]<class Blueprint>(std::type_identity<Blueprint>, Index width,
                                              const typename Blueprint::Options& options) {
        CHECK_THROWS_AS((make_seed<Blueprint, B>(context, width, options, generator)), OptionError);
    };
    refused(std::type_identity<cnn::Attention>{}, 8, {.reduction = 0});
    refused(std::type_identity<cnn::Bottleneck>{}, 8, {.reduction = -1});
    refused(std::type_identity<cnn::ConvLight>{}, 0, {});
    refused(std::type_identity<cnn::Noop>{}, 0, {});
    refused(std::type_identity<cnn::Norm>{}, -3, {});
    CHECK_THROWS_AS(cnn::Attention::parameter_count(8, {.reduction = 0}), OptionError);
    CHECK(generator.state() == before);
    try {
        cnn::Attention::check(8, {.reduction = 0});
    } catch (const OptionError& error) {
        CHECK(error.where() == "blueprint attention");
        CHECK(error.expected() == "reduction of 1 or more");
        CHECK(error.got() == "0");
    }
}

}  // namespace
}  // namespace kasmina::counts_test
