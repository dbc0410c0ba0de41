// Conformance of cross-entropy and of counting hits.
#include "conformance/support.hpp"

namespace kasmina::conformance::loss_test {
namespace {

struct Batch {
    Index rows;
    Index classes;
};

// From few classes, of which there are more rows than a block has threads, to rows that the
// registers of a warp hold and rows that they do not, in vectors and one by one.
constexpr std::array<Batch, 12> batches{{{1, 1},
                                         {1, 10},
                                         {3, 2},
                                         {13, 10},
                                         {70, 48},
                                         {130, 3},
                                         {300, 16},
                                         {5, 17},
                                         {4, 256},
                                         {3, 301},
                                         {2, 1024},
                                         {3, 1028}}};

constexpr std::int32_t ignored = -100;

/// Every class in turn, with one row in five ignored where `ignore` says so.
std::vector<std::int32_t> targets_for(const Batch& batch, bool ignore) {
    std::vector<std::int32_t> targets;
    for (Index row = 0; row < batch.rows; ++row) {
        targets.push_back(ignore && row % 5 == 2 ? ignored
                                                 : static_cast<std::int32_t>(row % batch.classes));
    }
    return targets;
}

/// A batch of logits with its targets, and the calls that it gives.
struct Problem {
    Index rows;
    Index classes;
    std::vector<std::int32_t> targets;
    double smoothing = 0.0;
    std::int32_t ignore_index = ignored;

    [[nodiscard]] Index counted() const {
        return rows - std::count(targets.begin(), targets.end(), ignore_index);
    }

    template <class T>
    [[nodiscard]] CrossEntropy<T> forward(const T* logits, const std::int32_t* labels,
                                          T* probabilities, T* loss) const {
        return {.rows = rows,
                .classes = classes,
                .counted = counted(),
                .label_smoothing = smoothing,
                .ignore_index = ignore_index,
                .logits = logits,
                .targets = labels,
                .probabilities = probabilities,
                .loss = loss};
    }
    template <class T>
    [[nodiscard]] CrossEntropyPullback<T> pullback(const T* probabilities,
                                                   const std::int32_t* labels, const T* grad_loss,
                                                   const GradientTarget<T>& to) const {
        return {.rows = rows,
                .classes = classes,
                .counted = counted(),
                .label_smoothing = smoothing,
                .ignore_index = ignore_index,
                .probabilities = probabilities,
                .targets = labels,
                .grad_loss = grad_loss,
                .grad_logits = to};
    }
};

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
                const Problem problem{batch.rows, batch.classes, targets_for(batch, ignore),
                                      smoothing};
                check_against_oracle([&]<class B>(Run<B>& run) {
                    using T = typename B::Scalar;
                    const auto* targets = run.integers(problem.targets);
                    const T* in = run.in(logits);
                    T* probabilities = run.out(size);
                    B::cross_entropy(run.context,
                                     problem.forward(in, targets, probabilities, run.out(1)));
                    const T* upstream = run.in({1.5});
                    for (const bool accumulate : {false, true}) {
                        B::cross_entropy_pullback(
                            run.context, problem.pullback<T>(probabilities, targets, upstream,
                                                             run.target(size, accumulate)));
                    }
                    B::cross_entropy_pullback(
                        run.context,
                        problem.pullback<T>(probabilities, targets, upstream, run.unwanted()));
                    B::count_correct(run.context, {.rows = batch.rows,
                                                   .classes = batch.classes,
                                                   .logits = in,
                                                   .targets = targets,
                                                   .hits = run.integers_out(1)});
                });
            }
        }
    }
}

TEST_CASE("logits become probabilities and their own gradient in place", "[H-7][B-7]") {
    for (const Batch& batch : batches) {
        const Index size = batch.rows * batch.classes;
        for (const double smoothing : {0.0, 0.125}) {
            INFO(batch.rows << " rows of " << batch.classes << " classes, smoothing " << smoothing);
            const Problem problem{batch.rows, batch.classes, targets_for(batch, true), smoothing};
            check_against_oracle([&]<class B>(Run<B>& run) {
                using T = typename B::Scalar;
                const auto* targets = run.integers(problem.targets);
                const GradientTarget<T> place = run.target(size, false);
                const T* logits = run.in(normal(size, 1));
                B::copy(run.context, logits, place.data, size);
                B::cross_entropy(run.context,
                                 problem.forward<T>(place.data, targets, place.data, run.out(1)));
                B::cross_entropy_pullback(
                    run.context,
                    problem.pullback<T>(place.data, targets, run.in({1.5}), {place.data, false}));
            });
        }
    }
}

TEST_CASE("cross-entropy of huge logits and of nothing is finite", "[H-7]") {
    const Problem huge{2, 2, {0, 1}};
    const Problem nothing{2, 2, {ignored, ignored}};
    check_against_oracle([&]<class B>(Run<B>& run) {
        using T = typename B::Scalar;
        T* probabilities = run.out(4);
        B::cross_entropy(run.context,
                         huge.forward<T>(run.in({1e4, -1e4, 1e30, 1e30}),
                                         run.integers(huge.targets), probabilities, run.out(1)));
        const auto* targets = run.integers(nothing.targets);
        probabilities = run.out(4);
        B::cross_entropy(run.context, nothing.forward<T>(run.in({1, 2, 3, 4}), targets,
                                                         probabilities, run.out(1)));
        B::cross_entropy_pullback(
            run.context,
            nothing.pullback<T>(probabilities, targets, run.in({1}), run.target(4, false)));
    });
}

TEMPLATE_LIST_TEST_CASE("of equal logits the first class is the answer", "[H-7]", Backends) {
    typename TestType::Context context{};
    Run<TestType> run(context);
    const std::vector<std::int32_t> first{0, 1};
    const std::vector<std::int32_t> second{1, 2};
    const auto* logits = run.in({7, 7, 1, 0, 2, 2});
    for (const auto& targets : {first, second}) {
        TestType::count_correct(context, {.rows = 2,
                                          .classes = 3,
                                          .logits = logits,
                                          .targets = run.integers(targets),
                                          .hits = run.integers_out(1)});
    }
    CHECK(run.results() == std::vector<Values>{{2}, {0}});
}

TEST_CASE("the oracle's cross-entropy by hand", "[H-7]") {
    Oracle::Context context;
    const Problem problem{3, 2, {0, 1, -1}, 0.5, -1};
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        const auto* targets = run.integers(problem.targets);
        auto* probabilities = run.out(6);
        Oracle::cross_entropy(
            run.context, problem.forward<double>(run.in({std::log(3.0), 0, 0, 0, 50, 60}), targets,
                                                 probabilities, run.out(1)));
        Oracle::cross_entropy_pullback(
            run.context,
            problem.pullback<double>(probabilities, targets, run.in({8}), run.target(6, false)));
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
        const Problem problem{batch.rows, batch.classes, targets_for(batch, true), smoothing};
        const std::int32_t* targets = problem.targets.data();
        Values probabilities(130);
        CHECK(slope_error(
                  {normal(130, 1)},
                  [&](auto& run, const auto& in) {
                      Oracle::cross_entropy(
                          run.context, problem.forward(run.in(in[0]), targets, probabilities.data(),
                                                       run.out(1)));
                  },
                  [&](auto& run, const auto& in, const double* upstream) {
                      Values loss(1);
                      Oracle::cross_entropy(
                          run.context, problem.forward(run.in(in[0]), targets, probabilities.data(),
                                                       loss.data()));
                      Oracle::cross_entropy_pullback(
                          run.context, problem.pullback<double>(probabilities.data(), targets,
                                                                upstream, run.target(130, false)));
                  }) < slope_tolerance);
    }
}

}  // namespace kasmina::conformance::loss_test
