// The loss of a large classifier in chunks: the plain one's value and gradients, and its errors.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/ops/linear_cross_entropy.hpp>
#include <kasmina/testing/gradient_check.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"

namespace kasmina::linear_cross_entropy_test {
namespace {

std::vector<std::int32_t> labels_for(Index rows, Index classes) {
    std::vector<std::int32_t> labels;
    for (Index row = 0; row < rows; ++row) {
        labels.push_back(row % 4 == 1 ? ClassLabels<test::Eigen64>::default_ignore_index
                                      : static_cast<std::int32_t>(row * 5 % classes));
    }
    return labels;
}

/// Loss, gradients of both inputs for an upstream of 0.7, and hits, in chunks or plain.
template <class B>
std::vector<double> outcome(const Shape& shape, Index classes, double smoothing,
                            std::optional<Index> rows_at_once) {
    using Scalar = typename B::Scalar;
    typename B::Context context{};
    Tape<B> tape(context);
    const Index rows = shape.elements() / shape.back();
    const ClassLabels<B> labels(context, labels_for(rows, classes), classes);
    const auto hidden = tape.leaf(shape, testing::normal_values<Scalar>(shape.elements(), 1));
    const auto weight = tape.leaf({classes, shape.back()},
                                  testing::normal_values<Scalar>(classes * shape.back(), 2));
    const auto loss = rows_at_once ? ops::linear_cross_entropy(hidden, weight, labels,
                                                               {.label_smoothing = smoothing,
                                                                .rows_at_once = *rows_at_once})
                                   : ops::cross_entropy(ops::linear(hidden, weight), labels,
                                                        {.label_smoothing = smoothing});
    std::vector<double> all{static_cast<double>(loss.item())};
    tape.backward(loss, std::vector<Scalar>{Scalar(0.7)});
    for (const auto& leaf : {hidden, weight}) {
        const auto gradient = tape.gradient(leaf);
        all.insert(all.end(), gradient.begin(), gradient.end());
    }
    const auto hits = rows_at_once ? ops::count_correct(hidden, weight, labels, *rows_at_once).get()
                                   : ops::count_correct(ops::linear(hidden, weight), labels).get();
    all.push_back(hits);
    return all;
}

TEMPLATE_TEST_CASE("a loss in chunks is the plain one, and so are its gradients", "[H-7][E-1]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    using B = TestType;
    const double tolerance = sizeof(typename B::Scalar) == 4 ? 1e-5 : 1e-12;
    for (const Shape& shape : {Shape{7, 5}, Shape{2, 3, 4}, Shape{1, 1}, Shape{70, 13}}) {
        for (const Index classes : {1, 3, 40}) {
            for (const double smoothing : {0.0, 0.1}) {
                const auto plain = outcome<B>(shape, classes, smoothing, std::nullopt);
                for (const Index at_once : {0, 1, 3, 1000}) {
                    CAPTURE(to_string(shape), classes, smoothing, at_once);
                    const auto chunked = outcome<B>(shape, classes, smoothing, at_once);
                    REQUIRE(chunked.size() == plain.size());
                    for (std::size_t i = 0; i < plain.size(); ++i) {
                        CHECK(chunked[i] == Approx(plain[i]).epsilon(tolerance).margin(tolerance));
                    }
                }
            }
        }
    }
}

TEST_CASE("the gradient of a loss in chunks is a slope", "[gradient]") {
    using B = test::Eigen64;
    CHECK(testing::gradient_error<B>({{6, 5}, {9, 5}}, [](Tape<B>& tape, const auto& x) {
              return ops::linear_cross_entropy(x[0], x[1],
                                               ClassLabels<B>(tape.context(), labels_for(6, 9), 9),
                                               {.label_smoothing = 0.1, .rows_at_once = 4});
          }) < 1e-7);
}

TEST_CASE("a loss in chunks gives a gradient to those who want one, and none in evaluation",
          "[H-7]") {
    using B = test::Eigen64;
    B::Context context;
    Tape<B> tape(context);
    const auto values = testing::normal_values<double>(12, 1);
    const auto weights = testing::normal_values<double>(15, 2);
    const ClassLabels<B> labels(context, std::vector<std::int32_t>{0, 1, 2, 3}, 5);
    const auto hidden = tape.leaf({4, 3}, values);
    const auto loss = ops::linear_cross_entropy(hidden, tape.constant({5, 3}, weights), labels);
    tape.backward(loss);
    CHECK(tape.gradient(hidden).size() == 12);
    tape.clear();
    CHECK_FALSE(ops::linear_cross_entropy(tape.constant({4, 3}, values),
                                          tape.constant({5, 3}, weights), labels)
                    .requires_gradient());
    CHECK(tape.operations() == 0);
}

TEST_CASE("a loss in chunks refuses what does not fit", "[H-7][E-2]") {
    using B = test::Eigen64;
    B::Context context;
    Tape<B> tape(context);
    const auto made = [&](const Shape& shape) {
        return tape.leaf(shape, testing::normal_values<double>(shape.elements(), 1));
    };
    const ClassLabels<B> labels(context, std::vector<std::int32_t>{0, 1}, 5);
    const ClassLabels<B> ignored(context, std::vector<std::int32_t>{-100, -100}, 5);
    const auto hidden = made({2, 3});
    const auto weight = made({5, 3});
    const auto refused = [&](const auto& h, const auto& w, const auto& l,
                             const ops::LinearCrossEntropyOptions& options = {}) {
        static_cast<void>(ops::linear_cross_entropy(h, w, l, options));
    };
    CHECK_NOTHROW(refused(hidden, weight, labels));
    CHECK_THROWS_AS(refused(made({3}), weight, labels), ShapeError);
    CHECK_THROWS_AS(refused(made({2, 4}), weight, labels), ShapeError);
    CHECK_THROWS_AS(refused(made({3, 3}), weight, labels), ShapeError);
    CHECK_THROWS_AS(refused(hidden, made({4, 3}), labels), ShapeError);
    CHECK_THROWS_AS(refused(hidden, made({5, 3, 1}), labels), ShapeError);
    CHECK_THROWS_AS(refused(hidden, weight, ignored), NumericError);
    CHECK_THROWS_AS(refused(hidden, weight, labels, {.rows_at_once = -1}), OptionError);
    CHECK_THROWS_AS(refused(hidden, weight, labels, {.label_smoothing = 1.5}), OptionError);
    CHECK_THROWS_AS(ops::count_correct(hidden, made({4, 3}), labels), ShapeError);
}

}  // namespace
}  // namespace kasmina::linear_cross_entropy_test
