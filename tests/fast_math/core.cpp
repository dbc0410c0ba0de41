// Under -ffast-math: the governor panics on a NaN, gates and options refuse it, statistics see it.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <kasmina/alpha/controller.hpp>
#include <kasmina/gates/policies.hpp>
#include <kasmina/health/gradient_health.hpp>
#include <kasmina/model/not_finite.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/dropout.hpp>
#include <kasmina/optim/adamw.hpp>
#include <kasmina/policy/governor.hpp>
#include <kasmina/policy/heuristic_controller.hpp>
#include <kasmina/slot/alpha_overrides.hpp>
#include <kasmina/slot/check_record.hpp>
#include <kasmina/slot/options.hpp>
#include <kasmina/slot/refusals.hpp>
#include <kasmina/statistics/sequential_rule.hpp>

#include <kasmina/backends/eigen.hpp>

#include "expect.hpp"

using namespace kasmina;
using test::a_nan;
using test::an_infinity;

namespace {

template <class Call>
bool throws(Call call) {
    try {
        call();
    } catch (const Error&) {
        return true;
    }
    return false;
}

void governor(test::Expectations& all) {
    for (const double loss : {a_nan<double>, an_infinity<double>, -an_infinity<double>}) {
        Governor governor(2.3);
        all.expect(governor.observe(loss) == Panic::nan, "a loss that is no number is a panic");
        all.expect(throws([&] { Governor broken(loss); }), "a random-guess loss is finite");
        all.expect(throws([&] { Governor broken(2.3, {.deviations = loss}); }),
                   "bounds are finite");
        GovernorState state = governor.state();
        state.losses.push_back(loss);
        state.next = 1;
        all.expect(throws([&] { governor.restore(state); }), "stored losses are finite");
    }
    Governor governor(2.3);
    all.expect(!governor.observe(1.0), "an ordinary loss is no panic");
}

void quality_gates(test::Expectations& all) {
    const GateThresholds bounds;
    GateEvidence seen{.epochs_in_stage = 50, .improvement_since_stage_start = 9.0};
    seen.gradient_ratio = 1.0;
    all.expect(gates::StrictTraining{}(seen, bounds).passed(), "sound evidence passes");
    for (const double number : {a_nan<double>, an_infinity<double>}) {
        GateEvidence broken = seen;
        broken.gradient_ratio = number;
        all.expect(gates::StrictTraining{}(broken, bounds).failed("seed_gradient_ratio"),
                   "a ratio that is no number passes no gate");
        broken = seen;
        broken.improvement_since_stage_start = number;
        all.expect(!gates::StrictTraining{}(broken, bounds).passed(),
                   "an improvement that is no number passes no gate");
        GateEvidence held{.epochs_in_stage = 50};
        held.contribution = judge::Estimate{number, 0.1, 30};
        held.contribution_by = judge::MeasureKind::shadow;
        all.expect(!gates::Contribution<true>{}(held, bounds).passed(),
                   "a contribution that is no number keeps no seed");
        all.expect(judgement(held, bounds) == judge::Verdict::does_not_help,
                   "and does not help at the patience");
        held.contribution_by = judge::MeasureKind::ablation;
        all.expect(judgement(held, bounds) == judge::Verdict::does_not_help, "nor as a dependence");
    }
    judge::Estimate unknown{1.0, an_infinity<double>, 2};
    all.expect(!unknown.has_error(), "an infinite error is none");
}

void options(test::Expectations& all) {
    for (const double number : {a_nan<double>, an_infinity<double>}) {
        all.expect(throws([&] { optim::AdamWRule::check({.learning_rate = number}); }),
                   "rates are finite");
        all.expect(throws([&] { optim::AdamWRule::check({.beta1 = number}); }), "betas are finite");
        all.expect(throws([&] { (void)AlphaOverrides{}.with("slot", number); }),
                   "overrides are in [0, 1]");
        all.expect(throws([&] { check_germination_options({.alpha_target = number}, "test"); }),
                   "targets are in (0, 1]");
        all.expect(throws([&] { check_germination_options({.steepness = number}, "test"); }),
                   "steepness is finite");
        all.expect(throws([&] { slot_detail::check_finite("test", number, "accuracy"); }),
                   "measurements are finite");
        all.expect(throws([&] { slot_detail::check_number("test", "field", number); }),
                   "stored numbers are finite");
        all.expect(throws([&] { nn::Dropout<backends::Eigen<float>> broken(number); }),
                   "dropout rates are below 1");
    }
    all.expect(
        throws([&] { AlphaController{}.retarget(1.0, 3, AlphaCurve::sigmoid, a_nan<double>); }),
        "a steepness that is no number is refused");
    AlphaController held;
    held.hold_at(a_nan<double>);
    all.expect(held.alpha() == 0.0, "an amplitude that is no number is 0");
    const std::vector<double> norms{1.0, a_nan<double>};
    all.expect(parameter_health(norms).exploding, "a norm that is no number explodes");
    all.expect(is_nan(*gradient_ratio({a_nan<double>, 1, true}, {1.0, 1, true})),
               "the ratio of no numbers is none");
}

void networks(test::Expectations& all) {
    using B = backends::Eigen<float>;
    B::Context context;
    nn::BatchNorm2d<B> norm(context, 3);
    all.expect(!find_not_finite<B>(context, nn::contents<B>(norm)), "a new network is finite");
    for (const float number : {a_nan<float>, an_infinity<float>}) {
        norm.running_variance.value().assign(context, std::vector<float>{1, number, 1});
        all.expect(find_not_finite<B>(context, nn::contents<B>(norm)) == "running_var",
                   "a state that is no number is found");
        norm.running_variance.value().fill(context, 1);
        norm.weight.value().assign(context, std::vector<float>{1, number, 1});
        all.expect(find_not_finite<B>(context, nn::contents<B>(norm)) == "weight",
                   "a parameter that is no number is found");
        norm.weight.value().fill(context, 1);
    }
}

}  // namespace

int main() {
    test::Expectations all;
    governor(all);
    quality_gates(all);
    options(all);
    networks(all);
    return all.result();
}
