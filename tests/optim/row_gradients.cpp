// Gradients of tables that are kept as rows: to the bit what whole ones do, for whoever reads them.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/embedding.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/recompute.hpp>
#include <kasmina/health/gradient_probe.hpp>
#include <kasmina/nn/embedding.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/optim/clip_gradients.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/testing/gradient_check.hpp>
#include <kasmina/train/accumulation.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/whole_sgd.hpp"

namespace kasmina::row_gradients_test {
namespace {

using Ids = std::vector<std::int32_t>;

static_assert(optim::RowUpdateRule<optim::SgdRule, test::Eigen32>);
static_assert(!optim::RowUpdateRule<test::WholeSgdRule, test::Eigen32>);
static_assert(!optim::RowUpdateRule<optim::AdamWRule, test::Eigen32>);

/// A table that is looked up and stepped.
template <class B, class Rule = optim::SgdRule>
struct Table {
    using Scalar = typename B::Scalar;

    typename B::Context context{};
    Parameter<B> weight;
    optim::Optimiser<B, Rule> optimiser{};
    Tape<B> tape{context};

    Table(Index rows, Index width, const typename Rule::Options& options)
        : weight(Tensor<B>::from_host(context, {rows, width},
                                      testing::normal_values<Scalar>(rows * width, 1))) {
        const std::vector<const Parameter<B>*> all{&weight};
        optimiser.synchronise(optimiser.add_group(options), all);
    }

    [[nodiscard]] Variable<B> look_up(const Variable<B>& table, const Ids& ids) {
        return ops::embedding(table, Tensor<B, std::int32_t>::from_host(
                                         context, {static_cast<Index>(ids.size())}, ids));
    }
    /// The way back of one look-up; each seed has another gradient.
    void learn(const Ids& ids, std::uint64_t seed = 2) {
        tape.clear();
        const Variable<B> rows = look_up(tape.parameter(weight), ids);
        tape.backward(rows, upstream(rows, seed));
    }
    [[nodiscard]] static std::vector<Scalar> upstream(const Variable<B>& of, std::uint64_t seed) {
        return testing::normal_values<Scalar>(of.shape().elements(), seed);
    }
    [[nodiscard]] bool in_rows() const { return weight.state()->gradient.in_rows(); }
    [[nodiscard]] std::vector<Scalar> values() { return weight.value().to_host(context); }
    /// As the library reads it, which does not go on looking.
    [[nodiscard]] std::vector<Scalar> gradient() {
        return weight.state()->gradient.dense(context).to_host(context);
    }
};

const std::vector<Ids> looked_up{{3, 1, 3, 3, 0, 8, 1},  // some often
                                 {5},                    // one
                                 {},                     // nobody
                                 {4, 4, 4, 4, 4},        // one alone, often
                                 {9, 2, -1, 2, 77},      // no rows of the table between
                                 {-1, -1, 10},           // nothing else
                                 {9, 8, 7, 6, 5, 4, 3, 2, 1}};

}  // namespace

TEMPLATE_TEST_CASE("steps in rows have the bits of whole steps", "[H-7][N-2][E-1]", test::Eigen32,
                   test::Device64) {
    for (const Index width : {1, 3, 70, 130}) {
        for (const double rate : {0.5, 0.0}) {
            Table<TestType> table(10, width, {.learning_rate = rate});
            Table<TestType, test::WholeSgdRule> whole(10, width, {.learning_rate = rate});
            for (const Ids& ids : looked_up) {
                CAPTURE(width, ids);
                for (int step = 0; step < 2; ++step) {
                    table.optimiser.zero_gradients();
                    whole.optimiser.zero_gradients();
                    table.learn(ids);
                    whole.learn(ids);
                    REQUIRE(table.in_rows());
                    REQUIRE_FALSE(whole.in_rows());
                    table.optimiser.step(table.context);
                    whole.optimiser.step(whole.context);
                    REQUIRE(table.in_rows());
                    REQUIRE(table.values() == whole.values());
                }
                // Nobody has asked for it so far.
                REQUIRE(table.weight.state()->gradient.addresses()[0] == nullptr);
            }
            CHECK(table.optimiser.tracked(0)[0].steps == whole.optimiser.tracked(0)[0].steps);
        }
    }
}

TEMPLATE_TEST_CASE("rows are in order, each once, and whole where somebody asks", "[N-2]",
                   test::Eigen32, test::Device64) {
    using Scalar = typename TestType::Scalar;
    Table<TestType> table(6, 2, {.learning_rate = 0.5});
    table.tape.clear();
    const auto rows = table.look_up(table.tape.parameter(table.weight), {4, 1, 9, 4, 0});
    table.tape.backward(rows, std::vector<Scalar>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    const RowGradient<TestType>* const found = table.weight.state()->gradient.rows();
    REQUIRE(found != nullptr);
    CHECK(found->count == 5);
    CHECK(found->table == Shape{6, 2});
    CHECK(found->ids.to_host(table.context) == Ids{0, 1, 4, -1, -1});
    CHECK(found->values.to_host(table.context) ==
          std::vector<Scalar>{9, 10, 3, 4, 8, 10, 0, 0, 0, 0});
    CHECK(table.weight.has_gradient());
    CHECK(table.gradient() == std::vector<Scalar>{9, 10, 3, 4, 0, 0, 0, 0, 8, 10, 0, 0});
    CHECK_FALSE(table.in_rows());
    CHECK(table.weight.state()->gradient.rows() == nullptr);
    // It is stepped as what it is now, and the next pass leaves rows again.
    const auto before = table.values();
    table.optimiser.step(table.context);
    CHECK(table.values()[8] == before[8] - Scalar{4});
    table.optimiser.zero_gradients();
    table.learn({1, 2});
    CHECK(table.in_rows());
}

TEMPLATE_TEST_CASE("what comes to a table besides is added to the whole gradient", "[N-2][P-5]",
                   test::Eigen32, test::Device64) {
    using B = TestType;
    const auto passes = [](auto& of, int which) {
        of.tape.clear();
        const Variable<B> table = of.tape.parameter(of.weight);
        if (which == 0) {  // looked up twice
            const auto both = ops::add(of.look_up(table, {3, 1, 3}), of.look_up(table, {1, 1, 7}));
            of.tape.backward(both, of.upstream(both, 3));
        } else if (which == 1) {  // and a head that is the table once more, before or after
            const auto logits = ops::linear(of.look_up(table, {3, 1, 3}), table);
            of.tape.backward(logits, of.upstream(logits, 3));
        } else if (which == 2) {  // as two leaves
            const auto both = ops::add(of.look_up(table, {3, 1, 3}),
                                       of.look_up(of.tape.parameter(of.weight), {1, 1, 7}));
            of.tape.backward(both, of.upstream(both, 3));
        } else if (which == 3) {  // of several batches
            of.learn({3, 1, 3}, 4);
            of.learn({2, 1, 2}, 5);
            of.learn({0}, 6);
        } else {  // in a scope that is computed again
            Pass<B> pass(of.tape, Mode::training);
            const auto rows = ops::recompute(
                pass,
                [&of](Pass<B>& inner, const Variable<B>& x) {
                    return ops::add(of.look_up(inner.parameter(of.weight), {3, 1, 3}), x);
                },
                of.look_up(table, {1, 1, 7}));
            of.tape.backward(rows, of.upstream(rows, 3));
        }
    };
    for (int which = 0; which < 5; ++which) {
        CAPTURE(which);
        Table<B> table(10, 3, {.learning_rate = 0.5});
        Table<B, test::WholeSgdRule> whole(10, 3, {.learning_rate = 0.5});
        for (int step = 0; step < 2; ++step) {
            table.optimiser.zero_gradients();
            whole.optimiser.zero_gradients();
            passes(table, which);
            passes(whole, which);
            REQUIRE_FALSE(table.in_rows());
            table.optimiser.step(table.context);
            whole.optimiser.step(whole.context);
            REQUIRE(table.values() == whole.values());
            REQUIRE(table.gradient() == whole.gradient());
            REQUIRE(table.weight.state()->warm == whole.weight.state()->warm);
        }
    }
}

TEST_CASE("rows are left where the step, the table and the parameter allow it alone",
          "[H-7][I-6][N-2]") {
    using B = test::Eigen32;
    const auto left = [](auto&& table, const Ids& ids = {1, 2}) {
        table.learn(ids);
        return table.in_rows();
    };
    CHECK(left(Table<B>(10, 3, {})));
    CHECK_FALSE(left(Table<B>(10, 3, {.momentum = 0.9})));
    CHECK_FALSE(left(Table<B>(10, 3, {.weight_decay = 0.1})));
    CHECK_FALSE(left(Table<B, optim::AdamWRule>(10, 3, {})));
    CHECK_FALSE(left(Table<B, optim::AdamWRule>(10, 3, {.weight_decay = 0.0})));
    // As many as it has would take no less memory.
    CHECK(left(Table<B>(3, 3, {}), {0, 0}));
    CHECK_FALSE(left(Table<B>(3, 3, {}), {0, 0, 0}));
    // Nobody has said who steps it.
    B::Context context;
    const nn::Embedding<B> alone(context, 10, 3);
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    const auto rows = alone.forward(pass, TokenIds<B>(context, {2}, Ids{1, 2}, 10));
    tape.backward(rows, std::vector<float>(6, 1.0F));
    CHECK_FALSE(alone.weight.state()->gradient.in_rows());
    // A frozen one gets none, of either kind.
    Table<B> frozen(10, 3, {});
    frozen.weight.set_trainable(false);
    CHECK_THROWS_AS(frozen.learn({1}), TapeError);
    CHECK_FALSE(frozen.weight.has_gradient());
    CHECK(frozen.weight.gradient().empty());
}

TEST_CASE("whoever looks at the gradient may go on looking", "[N-2][E-2]") {
    using B = test::Eigen32;
    Table<B> table(10, 3, {});
    Table<B, test::WholeSgdRule> whole(10, 3, {});
    table.learn({1, 2, 1}, 5);
    REQUIRE(table.in_rows());
    const Tensor<B>& seen = table.weight.gradient();
    const Tensor<B>& expected = whole.weight.gradient();
    whole.learn({1, 2, 1}, 5);
    CHECK(seen.to_host(table.context) == expected.to_host(whole.context));
    table.optimiser.zero_gradients();
    whole.optimiser.zero_gradients();
    table.learn({4, 2}, 6);
    whole.learn({4, 2}, 6);
    CHECK(seen.to_host(table.context) == expected.to_host(whole.context));
    CHECK_FALSE(table.in_rows());
    // Also who looked before there was any.
    Table<B> early(10, 3, {});
    const Tensor<B>& first = early.weight.gradient();
    CHECK(first.empty());
    early.learn({4, 2}, 6);
    CHECK(first.to_host(early.context) == expected.to_host(whole.context));
}

TEST_CASE("rows that meet a step that takes none are made whole for it", "[H-7]") {
    using B = test::Device64;
    const auto run = [](auto&& table) {
        table.learn({1, 2, 1});
        optim::AdamW<B> other;
        const std::vector<const Parameter<B>*> all{&table.weight};
        other.synchronise(other.add_group({.learning_rate = 0.1}), all);
        for (int step = 0; step < 2; ++step) {
            other.step(table.context);
            other.zero_gradients();
            table.learn({3, 2, 1});
            CHECK_FALSE(table.in_rows());
        }
        // Who stepped last is who is believed to step next.
        table.optimiser.step(table.context);
        table.optimiser.zero_gradients();
        table.learn({1, 2});
        return std::pair(table.values(), table.gradient());
    };
    Table<B> table(10, 3, {.learning_rate = 0.5});
    CHECK(run(std::move(table)) ==
          run(Table<B, test::WholeSgdRule>(10, 3, {.learning_rate = 0.5})));

    // An optimiser that is restored says at once what its options are.
    Table<B> restored(10, 3, {.learning_rate = 0.5});
    const auto restore = [&](const optim::SgdOptions& options) {
        optim::Sgd<B> empty;
        empty.add_group(options);
        restored.optimiser.zero_gradients();
        restored.optimiser.restore(restored.context, empty.state(restored.context));
        restored.learn({1, 2});
    };
    restore({.momentum = 0.5});
    CHECK_FALSE(restored.in_rows());
    restore({});
    CHECK(restored.in_rows());
}

TEMPLATE_TEST_CASE("norms, clipping and shares of rows are those of whole gradients",
                   "[H-7][I-4][N-6]", test::Eigen32, test::Device64) {
    using B = TestType;
    constexpr double close = std::same_as<typename B::Scalar, float> ? 1e-6 : 1e-14;
    for (const Ids& ids : looked_up) {
        CAPTURE(ids);
        const auto run = [&](auto&& table) {
            const std::vector<const Parameter<B>*> all{&table.weight};
            table.learn(ids);
            const bool in_rows = table.in_rows();
            GradientProbe<B> probe;
            const GradientNorm norm = probe.measure(table.context, all);
            CHECK(norm.measured);
            CHECK(norm.parameters == 30);
            CHECK(probe.tensor_norms().size() == 1);
            optim::GradientClipper<B> clipper(0.25);
            std::vector<double> found{norm.norm, clipper.clip(table.context, all).get()};
            train::scale_gradients(table.context, table.optimiser, 3.0);
            table.optimiser.step(table.context);
            CHECK(table.in_rows() == in_rows);
            for (const auto value : table.values()) found.push_back(static_cast<double>(value));
            for (const auto value : table.gradient()) found.push_back(static_cast<double>(value));
            return found;
        };
        const auto rows = run(Table<B>(10, 3, {.learning_rate = 0.5}));
        const auto whole = run(Table<B, test::WholeSgdRule>(10, 3, {.learning_rate = 0.5}));
        REQUIRE(rows.size() == whole.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            CHECK(rows[i] == Approx(whole[i]).epsilon(close).margin(close));
        }
    }
}

TEST_CASE("a sweep that breaks off leaves no rows, and a context that has gone is told of",
          "[E-2][E-4]") {
    using B = test::Eigen32;
    struct Broken {
        void pullback(Tape<B>&, Upstream<B>&) { throw std::runtime_error("broken"); }
    };
    Table<B> table(10, 3, {});
    const Variable<B> first = table.tape.record_alias(
        table.tape.parameter(table.weight), {table.tape.parameter(table.weight)}, Broken{});
    // Swept first, the look-up has left its rows when the other one breaks.
    const auto sum = ops::add(ops::linear(table.look_up(first, {1}), first),
                              ops::linear(table.look_up(table.tape.parameter(table.weight), {1}),
                                          table.tape.constant(table.weight)));
    CHECK_THROWS_AS(table.tape.backward(sum, table.upstream(sum, 1)), std::runtime_error);
    CHECK(table.in_rows());
    CHECK_FALSE(table.weight.has_gradient());

    std::optional<Parameter<B>> kept;
    {
        Table<B> short_lived(10, 3, {});
        short_lived.learn({1, 2});
        kept.emplace(short_lived.weight.state());
    }
    CHECK(kept->has_gradient());
    CHECK_THROWS_AS(kept->gradient(), LifetimeError);
}

TEST_CASE("rows are the slopes of the loss", "[gradient][N-2]") {
    using B = test::Eigen64;
    B::Context context;
    Generator random(3);
    nn::Embedding<B> table(context, 9, 3, random);
    optim::Sgd<B> sgd;
    sgd.synchronise(sgd.add_group({}), nn::parameters<B>(table));
    bool in_rows = false;
    testing::check_gradients<B>(context, table, {{6, 3}}, [&](Pass<B>& pass, auto leaves) {
        in_rows = in_rows || table.weight.state()->takes_rows;
        const TokenIds<B> ids(context, {6}, Ids{2, 0, 2, 2, 8, 0}, 9);
        return ops::multiply(table.forward(pass, ids), leaves[0]);
    });
    CHECK(in_rows);
}

}  // namespace kasmina::row_gradients_test
