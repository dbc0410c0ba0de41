// Sizes that cannot be: an error that names them, in whatever is made with them.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/data/data_loader.hpp>
#include <kasmina/data/in_order.hpp>
#include <kasmina/hosts/cnn.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/nn/embedding.hpp>
#include <kasmina/nn/gate_network.hpp>
#include <kasmina/nn/layer_norm.hpp>
#include <kasmina/text/token_windows.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/sanitizers.hpp"

namespace kasmina::sizes_test {
namespace {

using B = backends::Eigen<float>;

/// Whether `make` is refused for a size, by name.
template <class Make>
bool is_refused(const std::string& name, Make make) {
    const std::string text = test::error_text<OptionError>(make);
    return test::mentions(text, name);
}

TEST_CASE("no layer is made with a size below 1", "[E-2]") {
    B::Context context;
    Generator generator(1);
    for (const Index size : {Index{0}, Index{-3}}) {
        CAPTURE(size);
        CHECK(is_refused("outputs", [&] { nn::Linear<B>(context, 2, size); }));
        CHECK(is_refused("inputs", [&] { nn::Linear<B>(context, size, 2); }));
        CHECK(is_refused("inputs", [&] { nn::Conv2d<B>(context, size, 4, 3); }));
        CHECK(is_refused("outputs", [&] { nn::Conv2d<B>(context, 4, size, 3); }));
        CHECK(is_refused("kernel", [&] { nn::Conv2d<B>(context, 4, 4, size); }));
        CHECK(is_refused("channels", [&] { nn::DepthwiseConv2d<B>(context, size, 3); }));
        CHECK(is_refused("channels", [&] { nn::BatchNorm2d<B>(context, size); }));
        CHECK(is_refused("channels", [&] { nn::GroupNorm<B>(context, size); }));
        CHECK(is_refused("channels", [&] { nn::LayerNorm<B>(context, size); }));
        CHECK(is_refused("width", [&] { nn::Embedding<B>(context, 5, size); }));
        CHECK(is_refused("vocabulary", [&] { nn::Embedding<B>(context, size, 5); }));
        CHECK(is_refused("inputs",
                         [&] { nn::GateNetwork<B>(context, Topology::cnn, size, generator); }));
        CHECK(is_refused("classes", [&] { hosts::Cnn<B>(context, {.classes = size}); }));
        CHECK(is_refused("base", [&] { hosts::Cnn<B>(context, {.base = size}); }));
        CHECK(is_refused("width", [&] {
            static_cast<void>(make_seed<cnn::ConvLight, B>(context, size, {}, generator));
        }));
        CHECK(is_refused("classes", [&] { ClassLabels<B>(context, {}, size); }));
        CHECK(is_refused("vocabulary", [&] { TokenIds<B>(context, {0}, {}, size); }));
    }
    CHECK(is_refused("threads", [&] { B::Context none(0); }));
}

TEST_CASE("an operation refuses what has no values", "[E-2]") {
    B::Context context;
    Tape<B> tape(context);
    const auto empty = [&](const Shape& shape) { return tape.leaf(shape, std::vector<float>{}); };
    const Variable<B> row = tape.leaf({1, 2}, std::vector<float>{1, 2});
    CHECK_THROWS_AS(ops::linear(row, empty({0, 2})), ShapeError);
    CHECK_THROWS_AS(ops::linear(empty({3, 0}), empty({2, 0})), ShapeError);
    CHECK_THROWS_AS(ops::conv2d(empty({1, 2, 2, 0}), empty({3, 0, 3, 3})), ShapeError);
    CHECK_THROWS_AS(ops::conv2d(empty({1, 0, 2, 1}), empty({0, 1, 3, 3})), ShapeError);
    CHECK_THROWS_AS(ops::add(empty({2, 0}), empty({2, 0})), ShapeError);
    CHECK_THROWS_AS(ops::max_pool(empty({1, 2, 2, 0})), ShapeError);
    // No samples are a batch like any other.
    CHECK(ops::linear(empty({0, 2}), tape.leaf({3, 2}, std::vector<float>(6))).shape() ==
          Shape{0, 3});
}

TEST_CASE("accuracy is not scored with fewer labels than rows", "[E-2]") {
    B::Context context;
    Tape<B> tape(context);
    struct Batch {
        ClassLabels<B> labels;
    };
    const std::vector<std::int32_t> two{0, 1};
    const Batch batch{ClassLabels<B>(context, two, 2)};
    const Variable<B> logits = tape.leaf({3, 2}, std::vector<float>(6));
    CHECK_THROWS_AS(AccuracyScore{}(batch, logits), ShapeError);
}

/// Samples that no memory holds.
template <Index Values>
struct Vast {
    using Value = float;

    [[nodiscard]] static std::size_t count() { return 3; }
    [[nodiscard]] static Shape sample_shape() { return {Values}; }
    static void read(std::size_t, std::span<float>) {}
    [[nodiscard]] static std::int32_t label(std::size_t) { return 0; }
    [[nodiscard]] static Index class_count() { return 2; }
};

/// More samples than have an order.
struct Countless : Vast<1> {
    [[nodiscard]] static std::size_t count() { return std::size_t{1} << 60; }
};

template <Index Values>
void check_refused(B::Context& context) {
    const Vast<Values> vast;
    const std::string text = test::error_text<ResourceError>([&] {
        static_cast<void>(data::load_data<B>(context, vast, {.batch_size = 2}, Generator(1)));
    });
    CHECK(test::mentions(text, std::to_string(Values)));
    const auto in_order = data::in_order<B>(context, vast);
    CHECK_THROWS_AS(*in_order.begin(), ResourceError);
}

void cut_windows(B::Context& context, const text::TokenWindowsOptions& options) {
    const std::vector<std::int32_t> tokens(100);
    text::TokenWindows<B>(context, tokens, 1, options, Generator(1));
}

TEST_CASE("batches for which there are no addresses are an error that says so", "[E-2][N-6]") {
    B::Context context;
    check_refused<Index{1} << 61>(context);
    const Countless countless;
    CHECK_THROWS_AS(data::load_data<B>(context, countless, {.batch_size = 2}, Generator(1)),
                    OptionError);
    CHECK_THROWS_AS(cut_windows(context, {.batch = Index{1} << 60}), ShapeError);
    CHECK_THROWS_AS(cut_windows(context, {.batch = 12, .batches_per_epoch = Index{1} << 62}),
                    ShapeError);
}

// The sanitizers' operator new ends the program where it should throw.
#if !defined(KASMINA_TEST_ADDRESS_SANITIZER) && !defined(KASMINA_TEST_THREAD_SANITIZER)

TEST_CASE("batches that no memory holds are an error that says so", "[E-2][N-6]") {
    B::Context context;
    check_refused<Index{1} << 50>(context);
    CHECK_THROWS_AS(cut_windows(context, {.batch = Index{1} << 50}), ResourceError);
}

#endif

TEST_CASE("a shape has no more elements than can be counted", "[E-2]") {
    constexpr Index half = Index{1} << 32;
    CHECK_THROWS_AS((Shape{half, half}), ShapeError);
    CHECK_THROWS_AS((Shape{half, half, 0}), ShapeError);
    CHECK_THROWS_AS((Shape{0, half, half}), ShapeError);
    CHECK_THROWS_AS((Shape{half, 3}.with_last(half)), ShapeError);
    CHECK(Shape{half, half / 4, 0}.elements() == 0);
    const std::string text = test::error_text<ShapeError>([] { Shape{half, half}; });
    CHECK(test::mentions(text, "4294967296 * 4294967296"));
}

}  // namespace
}  // namespace kasmina::sizes_test
