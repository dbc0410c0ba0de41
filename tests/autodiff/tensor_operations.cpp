// Rearranging, products, softmax, activations and losses: values by hand, limits, errors, threads.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/concatenate.hpp>
#include <kasmina/autodiff/ops/expand.hpp>
#include <kasmina/autodiff/ops/losses.hpp>
#include <kasmina/autodiff/ops/matmul.hpp>
#include <kasmina/autodiff/ops/permute.hpp>
#include <kasmina/autodiff/ops/reduce_axes.hpp>
#include <kasmina/autodiff/ops/slice.hpp>
#include <kasmina/autodiff/ops/softmax.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::tensor_operations_test {
namespace {

using B = backends::Eigen<float>;
using X = Variable<B>;
using Values = std::vector<float>;

/// A tape, and values on it.
struct Desk {
    B::Context context{};
    Tape<B> tape{context};

    [[nodiscard]] X counted(const Shape& shape) {
        Values values(static_cast<std::size_t>(shape.elements()));
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
        return tape.leaf(shape, values);
    }
    [[nodiscard]] X leaf(const Shape& shape, const Values& values) {
        return tape.leaf(shape, values);
    }
    [[nodiscard]] X zeros(const Shape& shape) {
        return tape.leaf(shape, Values(static_cast<std::size_t>(shape.elements())));
    }
};

using test::error_text;
using test::mentions;

TEST_CASE("slices, permutations and expansions by hand", "[N-2]") {
    Desk desk;
    const X x = desk.counted({2, 3});
    CHECK(ops::slice(x, 1, 1, 3).to_host() == Values{1, 2, 4, 5});
    CHECK(ops::slice(x, -2, 1, 2).to_host() == Values{3, 4, 5});
    CHECK(ops::transpose(x, 0, 1).to_host() == Values{0, 3, 1, 4, 2, 5});
    CHECK(ops::permute(x, {-1, 0}).shape() == Shape{3, 2});
    CHECK(ops::expand(ops::slice(x, 0, 0, 1), {2, 3}).to_host() == Values{0, 1, 2, 0, 1, 2});
    CHECK(ops::concatenate({x, x}, 0).to_host() == Values{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5});
    const std::vector<X> parts(3, x);
    CHECK(ops::concatenate(parts, 1).shape() == Shape{2, 9});
    CHECK(ops::concatenate({x, ops::slice(x, 1, 0, 1)}, 1).to_host() ==
          Values{0, 1, 2, 0, 3, 4, 5, 3});
    CHECK(ops::sum(x, 0).to_host() == Values{3, 5, 7});
    CHECK(ops::mean(x, -1).to_host() == Values{1, 4});
    CHECK(ops::sum(x, {0, 1}).shape() == Shape{});
    CHECK(ops::sum(x, {0, 1}, true).shape() == Shape{1, 1});
}

TEST_CASE("what moves no element is done in place", "[N-2]") {
    Desk desk;
    const X x = desk.counted({2, 1, 3});
    CHECK(ops::permute(x, {1, 0, 2}).data() == x.data());
    CHECK(ops::permute(x, {1, 0, 2}).shape() == Shape{1, 2, 3});
    CHECK(ops::slice(x, 2, 0, 3).data() == x.data());
    CHECK(ops::expand(x, {2, 1, 3}).data() == x.data());
    CHECK(ops::permute(x, {2, 1, 0}).data() != x.data());
}

TEST_CASE("products by hand, of matrices, rows and columns", "[N-2]") {
    Desk desk;
    const X matrix = desk.counted({2, 3});
    const X row = desk.counted({2});
    const X column = desk.counted({3});
    CHECK(ops::matmul(matrix, column).to_host() == Values{5, 14});
    CHECK(ops::matmul(row, matrix).to_host() == Values{3, 4, 5});
    CHECK(ops::matmul(column, column).shape() == Shape{});
    CHECK(ops::matmul(column, column).item() == 5.0F);
    CHECK(ops::matmul(matrix, matrix, {.transpose_b = true}).to_host() == Values{5, 14, 14, 50});
    CHECK(ops::matmul(desk.zeros({4, 1, 2, 3}), desk.zeros({5, 3, 7})).shape() ==
          Shape{4, 5, 2, 7});
}

TEST_CASE("empty batches go through and come back", "[N-2]") {
    Desk desk;
    const X weight = desk.counted({3, 4});
    const X empty = desk.zeros({0, 2, 3});
    const X product = ops::matmul(empty, weight);
    CHECK(product.shape() == Shape{0, 2, 4});
    const X softened = ops::softmax(ops::transpose(product, 1, 2));
    const X joined = ops::concatenate({softened, softened}, 1);
    const X total = ops::sum(ops::gelu(ops::slice(joined, 1, 1, 5)), {0, 1});
    CHECK(total.to_host() == Values{0, 0});
    desk.tape.backward(total, Values{1, 1});
    CHECK(desk.tape.gradient(weight) == Values(12, 0.0F));
}

TEST_CASE("products over no elements are 0, and so are their gradients", "[N-2]") {
    Desk desk;
    const X a = desk.zeros({5, 2, 0});
    const X b = desk.zeros({5, 0, 3});
    const X product = ops::matmul(a, b);
    CHECK(product.to_host() == Values(30, 0.0F));
    desk.tape.backward(product, Values(30, 1.0F));
    CHECK(desk.tape.gradient(a).empty());
}

TEST_CASE("an expansion to no elements gives a gradient of 0", "[N-2]") {
    Desk desk;
    const X x = desk.counted({1, 2});
    const X stretched = ops::expand(x, {0, 2});
    desk.tape.backward(stretched, Values{});
    CHECK(desk.tape.gradient(x) == Values{0, 0});
}

TEST_CASE("log_softmax is exact where softmax is 0", "[N-2]") {
    Desk desk;
    const X x = desk.leaf({1, 2}, {0.0F, -1000.0F});
    CHECK(ops::softmax(x).to_host() == Values{1, 0});
    CHECK(ops::log_softmax(x).to_host() == Values{0, -1000});
}

TEST_CASE("activations have PyTorch's derivative where they bend", "[N-2]") {
    Desk desk;
    const X zero = desk.leaf({1}, {0.0F});
    const auto slope = [&](const X& y) {
        desk.tape.backward(y, Values{1});
        return desk.tape.gradient(zero).at(0);
    };
    SECTION("leaky relu") {
        CHECK(slope(ops::leaky_relu(zero, 0.25)) == 0.25F);
    }
    SECTION("elu") {
        CHECK(slope(ops::elu(zero, 0.5)) == 0.5F);
    }
    SECTION("softplus") {
        CHECK(slope(ops::softplus(zero)) == 0.5F);
    }
    SECTION("gelu") {
        CHECK(slope(ops::gelu(zero)) == 0.5F);
    }
}

TEST_CASE("activations of what is no number, or very large", "[N-2]") {
    const float infinity = std::numeric_limits<float>::infinity();
    Desk desk;
    const X x = desk.leaf({4}, {infinity, 1000.0F, -1000.0F, std::nanf("")});
    const auto check = [&](const X& y, float far_below) {
        const Values values = y.to_host();
        CHECK(values[0] == infinity);
        CHECK(values[1] == 1000.0F);
        CHECK(values[2] == far_below);
        CHECK(std::isnan(values[3]));
    };
    check(ops::gelu(x), 0.0F);
    check(ops::gelu_tanh(x), 0.0F);
    check(ops::silu(x), 0.0F);
    check(ops::leaky_relu(x, 0.5), -500.0F);
    check(ops::elu(x), -1.0F);
    check(ops::softplus(x), 0.0F);
}

TEST_CASE("binary cross-entropy is finite and right for logits of 1000", "[N-3]") {
    Desk desk;
    const X logits = desk.leaf({4}, {1000.0F, 1000.0F, -1000.0F, -1000.0F});
    const X targets = desk.leaf({4}, {1.0F, 0.0F, 1.0F, 0.0F});
    const X loss = ops::binary_cross_entropy_with_logits(logits, targets);
    CHECK(loss.item() == 500.0F);
    desk.tape.backward(loss);
    CHECK(desk.tape.gradient(logits) == Values{0.0F, 0.25F, -0.25F, 0.0F});
}

TEST_CASE("binary cross-entropy keeps the smallest losses", "[N-3]") {
    Desk desk;
    const X logits = desk.leaf({1}, {20.0F});
    const X loss = ops::binary_cross_entropy_with_logits(logits, desk.leaf({1}, {1.0F}));
    CHECK(loss.item() == Approx(std::log1p(std::exp(-20.0))).epsilon(1e-6));
}

TEST_CASE("targets of probability 0 add nothing to a divergence", "[N-3]") {
    Desk desk;
    const X input = ops::log_softmax(desk.leaf({2, 2}, {0.0F, 0.0F, 0.0F, 0.0F}));
    const auto targets = Tensor<B>::from_host(desk.context, {2, 2}, Values{1, 0, 0.5F, 0.5F});
    CHECK(ops::kl_divergence(input, targets).item() == Approx(std::log(2.0) / 2));
}

TEST_CASE("targets may be a tensor, which gets no gradient and may go", "[N-3]") {
    Desk desk;
    const X x = desk.leaf({2}, {1.0F, 3.0F});
    const auto loss = [&] {
        const auto targets = Tensor<B>::from_host(desk.context, {2}, Values{0, 0});
        return ops::mean_squared_error(x, targets);
    }();
    CHECK(loss.item() == 5.0F);
    desk.tape.backward(loss);
    CHECK(desk.tape.gradient(x) == Values{1, 3});
}

TEST_CASE("axes that do not exist, or come twice, are told", "[N-2][E-2]") {
    Desk desk;
    const X x = desk.counted({2, 3});
    const auto refused = [](auto&& f) {
        return error_text<ShapeError>([&] { static_cast<void>(f()); });
    };
    for (const Index axis : {2, -3}) {
        const std::string expected = "expected -2 ... 1 for (2, 3)";
        const std::string got = "got " + std::to_string(axis);
        const auto told = [&](const std::string& text) {
            INFO(text);
            return mentions(text, expected) && mentions(text, got);
        };
        CHECK(told(refused([&] { return ops::slice(x, axis, 0, 1); })));
        CHECK(told(refused([&] { return ops::sum(x, axis); })));
        CHECK(told(refused([&] { return ops::mean(x, {0, axis}); })));
        CHECK(told(refused([&] { return ops::transpose(x, 0, axis); })));
        CHECK(told(refused([&] { return ops::permute(x, {0, axis}); })));
        CHECK(told(refused([&] { return ops::softmax(x, axis); })));
        CHECK(told(refused([&] { return ops::concatenate({x, x}, axis); })));
    }
    CHECK(mentions(refused([&] { return ops::sum(x, {1, -1}); }), "each axis once"));
    CHECK(mentions(refused([&] { return ops::permute(x, {0, 0}); }), "each axis once"));
    CHECK(mentions(refused([&] { return ops::permute(x, {0}); }), "all axes"));
    CHECK(mentions(refused([&] {
                       return ops::permute(x, {0, 1, 2, 3, 4, 5, 6});
                   }),
                   "at most 6 axes"));
    CHECK(mentions(refused([&] { return ops::sum(x, ops::Axes{}); }), "one axis or more"));
    CHECK(mentions(refused([&] { return ops::softmax(desk.zeros({})); }), "has none"));
}

TEST_CASE("extents that do not fit are told", "[N-2][E-2]") {
    Desk desk;
    const X x = desk.counted({2, 3});
    const auto refused = [](auto&& f) {
        return error_text<ShapeError>([&] { static_cast<void>(f()); });
    };
    CHECK(mentions(refused([&] { return ops::slice(x, 1, 2, 4); }), "begin <= end <= 3"));
    CHECK(mentions(refused([&] { return ops::slice(x, 1, 2, 1); }), "begin 2, end 1"));
    CHECK(mentions(refused([&] { return ops::slice(x, 1, -1, 1); }), "begin -1"));
    CHECK(mentions(refused([&] { return ops::expand(x, {2, 4}); }), "(2, 3)"));
    CHECK(mentions(refused([&] { return ops::expand(x, {3}); }), "rank or more"));
    CHECK(mentions(refused([&] {
                       return ops::concatenate({x, desk.zeros({3, 3})}, 1);
                   }),
                   "expected (2, 3); got (3, 3)"));
    CHECK(mentions(refused([&] { return ops::concatenate({x, desk.zeros({2})}, 1); }), "(2)"));
    CHECK(mentions(refused([&] { return ops::concatenate(std::span<const X>{}, 0); }), "none"));
    const X endless = desk.tape.leaf({0, Index{1} << 62}, Values{});
    CHECK(mentions(refused([&] {
                       return ops::concatenate({endless, endless}, 1);
                   }),
                   "more elements than can be counted"));
    CHECK(mentions(refused([&] { return ops::matmul(x, x); }), "(2, 3) and (2, 3)"));
    CHECK(mentions(refused([&] {
                       return ops::matmul(desk.zeros({2, 2, 3}), desk.zeros({3, 3, 2}));
                   }),
                   "axes in front"));
    CHECK(mentions(refused([&] { return ops::matmul(desk.zeros({}), x); }), "rank 1 or more"));
    CHECK(mentions(refused([&] { return ops::matmul(desk.zeros({2}), x, {.transpose_a = true}); }),
                   "where it is transposed"));
    CHECK(mentions(refused([&] {
                       return ops::mean(desk.zeros({2, 0}), 1);
                   }),
                   "one element or more"));
    CHECK(mentions(refused([&] {
                       return ops::softmax(desk.zeros({2, 0}));
                   }),
                   "one element or more"));
    CHECK(ops::sum(desk.zeros({2, 0}), 1).to_host() == Values{0, 0});
}

TEST_CASE("losses tell what does not fit", "[N-3][E-2]") {
    Desk desk;
    const X x = desk.counted({2, 3});
    const auto refused = [](auto&& f) {
        return error_text<ShapeError>([&] { static_cast<void>(f()); });
    };
    const X other = desk.zeros({2});
    const X nothing = desk.zeros({0, 3});
    CHECK(
        mentions(refused([&] { return ops::mean_squared_error(x, other); }), "ops::mean_squared"));
    CHECK(mentions(refused([&] { return ops::l1_loss(x, other); }), "ops::l1_loss"));
    CHECK(mentions(refused([&] { return ops::huber_loss(x, other); }), "ops::huber_loss"));
    CHECK(mentions(refused([&] { return ops::binary_cross_entropy_with_logits(x, other); }),
                   "ops::binary_cross_entropy_with_logits"));
    CHECK(mentions(refused([&] { return ops::kl_divergence(x, other); }), "ops::kl_divergence"));
    CHECK(mentions(refused([&] { return ops::mean_squared_error(nothing, nothing); }),
                   "one element or more"));
    CHECK(mentions(refused([&] { return ops::kl_divergence(nothing, nothing); }),
                   "one element or more"));
    const auto option = [](auto&& f) {
        return error_text<OptionError>([&] { static_cast<void>(f()); });
    };
    const ops::BinaryCrossEntropyOptions negative{.positive_weight = -1.0};
    CHECK(mentions(option([&] { return ops::huber_loss(x, x, 0.0); }), "delta"));
    CHECK(mentions(option([&] { return ops::binary_cross_entropy_with_logits(x, x, negative); }),
                   "positive_weight"));
    CHECK(mentions(option([&] { return ops::softplus(x, 0.0); }), "beta"));
    CHECK(mentions(option([&] { return ops::elu(x, std::nan("")); }), "alpha"));
}

TEST_CASE("losses of differences that are no numbers have PyTorch's slopes", "[N-3]") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    struct Case {
        float prediction, target, l1, huber;  // slopes by the prediction, of torch 2
    };
    for (const Case& of : {Case{infinity, 1.0F, 1.0F, 0.5F}, Case{1.0F, infinity, -1.0F, -0.5F},
                           Case{-infinity, 1.0F, -1.0F, -0.5F}, Case{3e38F, -3e38F, 1.0F, 0.5F},
                           Case{infinity, infinity, 0.0F, nan}, Case{nan, 1.0F, 0.0F, nan}}) {
        CAPTURE(of.prediction, of.target);
        Desk desk;
        const auto slope = [&](auto&& loss) {
            const X prediction = desk.leaf({1}, {of.prediction});
            const X target = desk.leaf({1}, {of.target});
            desk.tape.backward(loss(prediction, target), Values{1.0F});
            return desk.tape.gradient(prediction)[0];
        };
        CHECK(slope([](const X& p, const X& t) { return ops::l1_loss(p, t); }) == of.l1);
        const float huber =
            slope([](const X& p, const X& t) { return ops::huber_loss(p, t, 0.5); });
        CHECK((huber == of.huber || (std::isnan(huber) && std::isnan(of.huber))));
    }
}

TEST_CASE("options that are 0 or infinite as the backend's numbers are refused", "[N-3][E-2]") {
    const auto refuses = [](const std::string& name, auto&& f) {
        return mentions(error_text<OptionError>([&] { static_cast<void>(f()); }), name);
    };
    Desk desk;
    const X x = desk.counted({2, 3});
    for (const double nothing : {1e-60, 1e-40, 1e60}) {
        CAPTURE(nothing);
        CHECK(refuses("delta", [&] { return ops::huber_loss(x, x, nothing); }));
        CHECK(refuses("beta", [&] { return ops::softplus(x, nothing); }));
    }
    CHECK(refuses("alpha", [&] { return ops::elu(x, -1e60); }));
    CHECK(refuses("negative_slope", [&] { return ops::leaky_relu(x, 1e60); }));
    const ops::BinaryCrossEntropyOptions heavy{.positive_weight = 1e60};
    CHECK(refuses("positive_weight",
                  [&] { return ops::binary_cross_entropy_with_logits(x, x, heavy); }));
    CHECK_NOTHROW(ops::huber_loss(x, x, 1.2e-38));
}

TEST_CASE("softmax lets go of its input", "[N-2][P-4]") {
    Desk desk;
    const X x = desk.leaf({1, 2}, {1.0F, 2.0F});
    const X y = [&] {
        const X inner = ops::gelu(x);
        return ops::softmax(inner);
    }();
    const Values before = y.to_host();
    desk.tape.backward(y, Values{1, 0});
    CHECK(y.to_host() == before);
    CHECK(desk.tape.gradient(x).size() == 2);
}

/// A chain of all of them, forward and back.
Values chain(int threads) {
    B::Context context(threads);
    Tape<B> tape(context);
    const X x = tape.leaf({3, 70, 33}, testing::normal_values<float>(3 * 70 * 33, 1));
    const X w = tape.leaf({33, 64}, testing::normal_values<float>(33 * 64, 2));
    const X bias = tape.leaf({1, 64}, testing::normal_values<float>(64, 3));
    const X h =
        ops::gelu(ops::concatenate({ops::matmul(x, w), ops::expand(bias, {3, 70, 64})}, -1));
    const X scores = ops::softmax(ops::matmul(h, h, {.transpose_b = true}));
    const X mixed = ops::transpose(ops::matmul(scores, ops::slice(h, 2, 10, 50)), 1, 2);
    const X target = tape.leaf({3, 40}, testing::normal_values<float>(120, 4));
    const X loss = ops::huber_loss(ops::mean(mixed, 2), target);
    tape.backward(loss);
    Values all{loss.item()};
    for (const X& leaf : {x, w, bias, target}) {
        const Values gradient = tape.gradient(leaf);
        all.insert(all.end(), gradient.begin(), gradient.end());
    }
    return all;
}

TEST_CASE("any number of threads gives the same bits", "[N-2][E-1]") {
    const Values one = chain(1);
    CHECK(std::all_of(one.begin(), one.end(), [](float value) { return std::isfinite(value); }));
    CHECK(chain(2) == one);
    CHECK(chain(3) == one);
}

}  // namespace
}  // namespace kasmina::tensor_operations_test
