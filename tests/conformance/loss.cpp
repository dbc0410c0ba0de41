// Conformance of cross-entropy and of counting hits.
#include "conformance/support.hpp"

namespace kasmina::conformance {
namespace {

struct Batch {
    Index rows;
    Index classes;
};

constexpr std::array<Batch, 6> batches{{{1, 1}, {1, 10}, {3, 2}, {13, 10}, {70, 48}, {130, 3}}};

/// Every class in turn, with one row in five ignored where `ignore` says so.
std::vector<std::int32_t> targets_for(const Batch& batch, const CrossEntropyOptions& options,
                                      bool ignore) {
    std::vector<std::int32_t> targets;
    for (Index row = 0; row < batch.rows; ++row) {
        targets.push_back(ignore && row % 5 == 2 ? options.ignore_index
                                                 : static_cast<std::int32_t>(row % batch.classes));
    }
    return targets;
}

}  // namespace

TEST_CASE("cross-entropy agrees with the oracle", "[H-7][B-7][E-1]") {
    for (const Batch& batch : batches) {
        const Index size = batch.rows * batch.classes;
        Values logits = normal(size, 1);
        for (double& logit : logits) logit *= 4.0;
        for (const double smoothing : {0.0, 0.125}) {
            for (const bool ignore : {false, true}) {
                INFO(batch.rows << " rows of " << batch.classes << " classes, smoothing "
                                << smoothing << (ignore ? ", some ignored" : ""));
                const CrossEntropyOptions options{smoothing, -100};
                const auto targets = targets_for(batch, options, ignore);
                check_against_oracle([&]<class B>(Run<B>& run) {
                    using T = typename B::Scalar;
                    T* probabilities = run.out(size);
                    B::cross_entropy(run.context, batch.rows, batch.classes, options,
                                     run.in(logits), targets, probabilities, run.out(1));
                    const T* scale = run.in({1.5});
                    for (const bool accumulate : {false, true}) {
                        B::cross_entropy_pullback(run.context, batch.rows, batch.classes, options,
                                                  probabilities, targets, scale,
                                                  run.target(size, accumulate));
                    }
                    B::cross_entropy_pullback(run.context, batch.rows, batch.classes, options,
                                              probabilities, targets, scale, run.unwanted());
                    const Index correct = B::count_correct(run.context, batch.rows, batch.classes,
                                                           run.in(logits), targets);
                    run.note({static_cast<double>(correct)});
                });
            }
        }
    }
}

TEST_CASE("cross-entropy of huge logits and of nothing is finite", "[H-7]") {
    const CrossEntropyOptions options{};
    check_against_oracle([&]<class B>(Run<B>& run) {
        const std::vector<std::int32_t> targets{0, 1};
        B::cross_entropy(run.context, 2, 2, options, run.in({1e4, -1e4, 1e30, 1e30}), targets,
                         run.out(4), run.out(1));
        const std::vector<std::int32_t> ignored{-100, -100};
        auto* probabilities = run.out(4);
        B::cross_entropy(run.context, 2, 2, options, run.in({1, 2, 3, 4}), ignored, probabilities,
                         run.out(1));
        B::cross_entropy_pullback(run.context, 2, 2, options, probabilities, ignored, run.in({1}),
                                  run.target(4, false));
    });
}

TEMPLATE_LIST_TEST_CASE("of equal logits the first class is the answer", "[H-7]", Backends) {
    typename TestType::Context context{};
    Run<TestType> run(context);
    const std::vector<std::int32_t> first{0, 1};
    const std::vector<std::int32_t> second{1, 2};
    const auto* logits = run.in({7, 7, 1, 0, 2, 2});
    CHECK(TestType::count_correct(context, 2, 3, logits, first) == 2);
    CHECK(TestType::count_correct(context, 2, 3, logits, second) == 0);
}

TEST_CASE("the oracle's cross-entropy by hand", "[H-7]") {
    Oracle::Context context;
    const std::vector<std::int32_t> targets{0, 1, -1};
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        auto* probabilities = run.out(6);
        auto* loss = run.out(1);
        Oracle::cross_entropy(run.context, 3, 2, {0.5, -1},
                              run.in({std::log(3.0), 0, 0, 0, 50, 60}), targets, probabilities,
                              loss);
        Oracle::cross_entropy_pullback(run.context, 3, 2, {0.5, -1}, probabilities, targets,
                                       run.in({8}), run.target(6, false));
    });
    // Wanted are 0.75 and 0.25; the softmax of the first row is the same.
    CHECK(results[0][0] == Approx(0.75));
    CHECK(results[0][2] == Approx(0.5));
    const double first = -0.75 * std::log(0.75) - 0.25 * std::log(0.25);
    CHECK(results[1][0] == Approx((first + std::log(2.0)) / 2));
    const Values gradient{0, 0, 4 * (0.5 - 0.25), 4 * (0.5 - 0.75), 0, 0};
    CHECK(difference(gradient, results[2]) < 1e-12);
}

TEST_CASE("the oracle's cross-entropy gradient is a slope", "[H-7]") {
    const Batch batch{13, 10};
    for (const double smoothing : {0.0, 0.125}) {
        const CrossEntropyOptions options{smoothing, -100};
        const auto targets = targets_for(batch, options, true);
        Values probabilities(130);
        CHECK(slope_error(
                  {normal(130, 1)},
                  [&](auto& run, const auto& in) {
                      Oracle::cross_entropy(run.context, 13, 10, options, run.in(in[0]), targets,
                                            probabilities.data(), run.out(1));
                  },
                  [&](auto& run, const auto& in, const double* scale) {
                      Values loss(1);
                      Oracle::cross_entropy(run.context, 13, 10, options, run.in(in[0]), targets,
                                            probabilities.data(), loss.data());
                      Oracle::cross_entropy_pullback(run.context, 13, 10, options,
                                                     probabilities.data(), targets, scale,
                                                     run.target(130, false));
                  }) < slope_tolerance);
    }
}

}  // namespace kasmina::conformance
