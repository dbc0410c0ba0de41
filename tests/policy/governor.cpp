// The governor: what is a panic, what is only an outlier, and what later losses are held against.
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/policy/governor.hpp>

#include "support/catch.hpp"
#include "support/error_text.hpp"

namespace kasmina::governor_test {
namespace {

const double ln10 = std::log(10.0);

/// A governor of ten classes that has seen `count` losses of `loss`.
Governor after(int count, double loss) {
    Governor governor(ln10);
    for (int i = 0; i < count; ++i) REQUIRE_FALSE(governor.observe(loss));
    return governor;
}

TEST_CASE("a loss that is not finite is an immediate panic, even as the first", "[K]") {
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double loss : {std::nan(""), infinity, -infinity}) {
        Governor governor(ln10);
        CHECK(governor.observe(loss) == Panic::nan);
    }
    Governor later = after(30, 1.0);
    CHECK(later.observe(infinity) == Panic::nan);
    CHECK_FALSE(later.observe(1.0));
}

TEST_CASE("a trained network that guesses at random again has lost its mind", "[K]") {
    CHECK(after(10, 0.5).observe(ln10) == Panic::lobotomy);
    CHECK(after(10, 0.5).observe(1.064 * ln10) == Panic::lobotomy);
    CHECK(after(10, 0.5).observe(0.936 * ln10) == Panic::lobotomy);
}

TEST_CASE("no lobotomy: too early, not trained, or not at the random guess", "[K]") {
    CHECK_FALSE(after(9, 0.5).observe(ln10));
    CHECK_FALSE(after(10, 0.61 * ln10).observe(ln10));
    CHECK(after(10, 0.59 * ln10).observe(ln10) == Panic::lobotomy);
    CHECK_FALSE(after(10, 0.5).observe(1.066 * ln10));
    CHECK_FALSE(after(10, 0.5).observe(0.934 * ln10));
}

TEST_CASE("the random guess is one in the loss's own unit", "[K][N-3]") {
    const auto panic_at = [](double scale) {
        Governor governor(scale);
        for (int i = 0; i < 10; ++i) REQUIRE_FALSE(governor.observe(0.25 * scale));
        return governor.observe(1.05 * scale);
    };
    CHECK(panic_at(1e-4) == Panic::lobotomy);
    CHECK(panic_at(1e6) == Panic::lobotomy);
}

TEST_CASE("where there is no random-guess loss there is no such panic", "[K][N-3]") {
    Governor governor;
    for (int i = 0; i < 10; ++i) REQUIRE_FALSE(governor.observe(0.5));
    for (const double loss : {ln10, 1.0, 0.5}) CHECK_FALSE(governor.observe(loss));
    CHECK(governor.observe(std::nan("")) == Panic::nan);
}

TEST_CASE("without a random-guess loss a divergence has the bound that is given, or none",
          "[K][N-3]") {
    const auto diverges = [](const GovernorOptions& options) {
        Governor governor(std::nullopt, options);
        for (int i = 0; i < 10; ++i) REQUIRE_FALSE(governor.observe(0.02));
        static_cast<void>(governor.observe(0.5));
        static_cast<void>(governor.observe(0.5));
        return governor.observe(0.5) == Panic::divergence;
    };
    CHECK(diverges({}));
    CHECK(diverges({.absolute_bound = 0.25}));
    CHECK_FALSE(diverges({.absolute_bound = 0.75}));
    // A loss in nats, whose random guess is known, is held against 12 nats.
    Governor classifier(ln10);
    for (int i = 0; i < 13; ++i) CHECK_FALSE(classifier.observe(i < 10 ? 0.02 : 0.5));
}

TEST_CASE("three outliers in a row are a divergence", "[K]") {
    Governor governor = after(10, 2.0);
    CHECK_FALSE(governor.observe(100.0));
    CHECK(governor.strikes() == 1);
    CHECK_FALSE(governor.observe(100.0));
    CHECK(governor.strikes() == 2);
    CHECK(governor.observe(100.0) == Panic::divergence);
}

TEST_CASE("a good loss between outliers starts the count anew", "[K]") {
    Governor governor = after(10, 2.0);
    CHECK_FALSE(governor.observe(100.0));
    CHECK_FALSE(governor.observe(100.0));
    CHECK_FALSE(governor.observe(2.0));
    CHECK(governor.strikes() == 0);
    CHECK_FALSE(governor.observe(100.0));
    CHECK_FALSE(governor.observe(100.0));
    CHECK(governor.observe(100.0) == Panic::divergence);
}

TEST_CASE("an outlier is above all three bounds", "[K]") {
    SECTION("not above 12") {
        Governor at_bound = after(10, 2.0);
        CHECK_FALSE(at_bound.observe(12.0));
        CHECK(at_bound.strikes() == 0);
        Governor above = after(10, 2.0);
        CHECK_FALSE(above.observe(12.1));
        CHECK(above.strikes() == 1);
    }
    SECTION("not above three times the mean") {
        Governor governor = after(10, 5.0);
        CHECK_FALSE(governor.observe(14.9));
        CHECK(governor.strikes() == 0);
    }
    SECTION("not above the mean and six deviations") {
        Governor governor(ln10);
        for (int i = 0; i < 10; ++i) REQUIRE_FALSE(governor.observe(i % 2 == 0 ? 1.0 : 7.0));
        // Mean 4, deviation 3: the bound is 22, while three times the mean is 12.
        CHECK_FALSE(governor.observe(21.9));
        CHECK(governor.strikes() == 0);
    }
    SECTION("above the mean and six deviations") {
        Governor governor(ln10);
        for (int i = 0; i < 10; ++i) REQUIRE_FALSE(governor.observe(i % 2 == 0 ? 1.0 : 7.0));
        CHECK_FALSE(governor.observe(22.1));
        CHECK(governor.strikes() == 1);
    }
}

TEST_CASE("before ten losses nothing is an outlier", "[K]") {
    Governor governor = after(9, 2.0);
    CHECK_FALSE(governor.observe(1000.0));
    CHECK(governor.strikes() == 0);
}

TEST_CASE("outliers do not enter the history that later losses are held against", "[K]") {
    Governor governor = after(10, 2.0);
    CHECK_FALSE(governor.observe(1e6));
    CHECK_FALSE(governor.observe(1e6));
    CHECK_FALSE(governor.observe(2.0));
    // Had one of the outliers been kept, the mean would be above any of these.
    CHECK_FALSE(governor.observe(13.0));
    CHECK(governor.strikes() == 1);
}

TEST_CASE("losses are held against the last twenty, not against all", "[K]") {
    Governor governor = after(15, 10.0);
    // 15 of 10 and 19 of 1: the mean of the last twenty is 1.45, of all 4.97.
    for (int i = 0; i < 19; ++i) REQUIRE_FALSE(governor.observe(1.0));
    CHECK_FALSE(governor.observe(14.0));
    CHECK(governor.strikes() == 1);

    // With the twentieth, no loss of 10 is left: mean 1, deviation 0.
    Governor fresh = after(15, 11.0);
    for (int i = 0; i < 20; ++i) REQUIRE_FALSE(fresh.observe(1.0));
    CHECK_FALSE(fresh.observe(12.1));
    CHECK(fresh.strikes() == 1);
    // Among the last twenty one of 11 remains: six deviations reach 14.6.
    Governor stale = after(15, 11.0);
    for (int i = 0; i < 19; ++i) REQUIRE_FALSE(stale.observe(1.0));
    CHECK_FALSE(stale.observe(12.1));
    CHECK(stale.strikes() == 0);
}

TEST_CASE("recovering forgets strikes and keeps the history", "[K]") {
    Governor governor = after(10, 0.5);
    CHECK_FALSE(governor.observe(100.0));
    CHECK_FALSE(governor.observe(100.0));
    CHECK(governor.observe(100.0) == Panic::divergence);
    governor.recover();
    CHECK(governor.strikes() == 0);
    CHECK_FALSE(governor.observe(100.0));
    CHECK(governor.strikes() == 1);
    CHECK(governor.observe(ln10) == Panic::lobotomy);
}

TEST_CASE("a copy is a snapshot", "[K]") {
    Governor governor = after(10, 2.0);
    const Governor copy = governor;
    CHECK_FALSE(governor.observe(100.0));
    CHECK(governor.strikes() == 1);
    CHECK(copy.strikes() == 0);
}

/// Losses in which strikes, recoveries and wraps of the ring fall.
double told(int step) {
    return step % 7 == 3 ? 60.0 + step : 1.5 + 0.1 * (step % 5);
}

TEST_CASE("a restored governor goes on as if it had never stopped, wherever it stood", "[K][P-7]") {
    for (const int seen : {0, 1, 9, 19, 20, 33}) {
        CAPTURE(seen);
        Governor before(ln10, {.minimum_history = 5, .strikes = 2});
        for (int step = 0; step < seen; ++step) static_cast<void>(before.observe(told(step)));
        Governor after(1.0);
        after.restore(before.state());
        CHECK(after.strikes() == before.strikes());
        std::vector<std::optional<Panic>> expected;
        std::vector<std::optional<Panic>> panics;
        for (int step = seen; step < seen + 40; ++step) {
            // Twice the same outlier, so that divergences fall among them.
            for (const double loss : {told(step), step % 7 == 3 ? told(step) : 1.5}) {
                expected.push_back(before.observe(loss));
                panics.push_back(after.observe(loss));
            }
            CHECK(after.state().losses == before.state().losses);
        }
        expected.push_back(before.observe(ln10));
        panics.push_back(after.observe(ln10));
        CHECK(panics == expected);
    }
}

TEST_CASE("a governor's state has its bounds, its losses and its strikes", "[K][P-7]") {
    Governor governor(2.5, {.deviations = 5.0});
    for (int i = 0; i < 10; ++i) REQUIRE_FALSE(governor.observe(2.0 + 0.01 * i));
    REQUIRE_FALSE(governor.observe(100.0));
    const GovernorState state = governor.state();
    CHECK(state.random_guess_loss == 2.5);
    CHECK(state.options.deviations == 5.0);
    CHECK(state.losses.size() == 10);
    CHECK(state.losses.back() == 2.0 + 0.01 * 9);
    CHECK(state.next == 10);
    CHECK(state.strikes == 1);
    CHECK(reflect::field_names<GovernorState>.size() == 5);
    CHECK(reflect::field_names<GovernorOptions>.size() == 7);
}

TEST_CASE("a state that no governor can have is refused, and nothing is changed", "[K][P-7][E-2]") {
    Governor governor = after(12, 2.0);
    const auto refused = [&](auto spoil, const std::string& named) {
        GovernorState state = governor.state();
        spoil(state);
        const std::string text = test::error_text<StateError>([&] { governor.restore(state); });
        INFO(named << ": " << text);
        CHECK(test::mentions(text, named));
        CHECK(governor.state().losses == std::vector<double>(12, 2.0));
    };
    refused([](GovernorState& state) { state.losses.push_back(1.0); }, "next");
    refused([](GovernorState& state) { state.next = 3; }, "next");
    refused([](GovernorState& state) { state.losses[4] = std::nan(""); }, "losses");
    refused([](GovernorState& state) { state.losses.resize(Governor::window + 1, 1.0); }, "losses");
    refused(
        [](GovernorState& state) {
            state.losses.resize(Governor::window, 1.0);
            state.next = Governor::window;
        },
        "next");
    refused([](GovernorState& state) { state.strikes = -1; }, "strikes");

    GovernorState state = governor.state();
    state.random_guess_loss = 0.0;
    CHECK_THROWS_AS(governor.restore(state), OptionError);
    state = governor.state();
    state.options.minimum_history = 0;
    CHECK_THROWS_AS(governor.restore(state), OptionError);
    CHECK(governor.state().random_guess_loss == ln10);
}

TEST_CASE("a loss that is still on its way is waited for", "[K][P-3]") {
    struct Late {
        float loss;
        int* waits;
        float get() {
            ++*waits;
            return loss;
        }
    };
    int waits = 0;
    Governor governor = after(10, 0.5);
    CHECK_FALSE(governor.observe(Late{0.5F, &waits}));
    Late last{std::numeric_limits<float>::infinity(), &waits};
    CHECK(governor.observe(last) == Panic::nan);
    CHECK(waits == 2);
}

TEST_CASE("panics are the governor's prune reasons", "[K][S-4]") {
    CHECK(prune_reason(Panic::nan) == "governor_nan");
    CHECK(prune_reason(Panic::lobotomy) == "governor_lobotomy");
    CHECK(prune_reason(Panic::divergence) == "governor_divergence");
}

TEST_CASE("a governor with bounds that mean nothing is refused, the bound named", "[K][E-2]") {
    const double nan = std::nan("");
    for (const double loss : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS(Governor(loss), OptionError);
    }
    const std::vector<std::pair<GovernorOptions, std::string>> bad{
        {{.minimum_history = 0}, "minimum_history"},
        {{.minimum_history = Governor::window + 1}, "minimum_history"},
        {{.trained_fraction = nan}, "trained_fraction"},
        {{.random_guess_tolerance = -0.1}, "random_guess_tolerance"},
        {{.absolute_bound = nan}, "absolute_bound"},
        {{.deviations = -1.0}, "deviations"},
        {{.multiple_of_mean = nan}, "multiple_of_mean"},
        {{.strikes = 0}, "strikes"}};
    for (const auto& [options, named] : bad) {
        const std::string text = test::error_text<OptionError>(
            [&given = options] { const Governor governor(ln10, given); });
        INFO(named << ": " << text);
        CHECK(test::mentions(text, named));
    }
}

}  // namespace
}  // namespace kasmina::governor_test
