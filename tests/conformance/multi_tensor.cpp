// Conformance of norms and optimiser steps over many tensors.
#include "conformance/support.hpp"

namespace kasmina::conformance::multi_tensor_test {
namespace {

constexpr std::array<Index, 6> sizes{1, 3, 13, 70, 1000, 40000};

/// Runs three steps of one kind over tensors of all sizes; the first one starts from zero state.
template <class B, class Step>
void run_steps(Run<B>& run, bool first_state, bool second_state, const Step& step) {
    using T = typename B::Scalar;
    std::vector<OptimiserSlice<T>> slices;
    for (const Index size : sizes) {
        const Values zeros(static_cast<std::size_t>(size));
        OptimiserSlice<T> slice;
        slice.value = run.inout(normal(size, 1));
        slice.gradient = run.in(normal(size, 2));
        if (first_state) slice.first = run.inout(zeros);
        if (second_state) slice.second = run.inout(zeros);
        slice.size = size;
        slices.push_back(slice);
    }
    for (int count = 1; count <= 3; ++count) step(count, slices);
}

}  // namespace

TEST_CASE("squared norms agree with the oracle", "[H-7][E-1]") {
    check_against_oracle([&]<class B>(Run<B>& run) {
        std::vector<TensorSlice<typename B::Scalar>> slices;
        for (const Index size : sizes) slices.push_back({run.in(normal(size, 1)), size});
        slices.push_back({nullptr, 0});
        B::squared_norms(run.context,
                         {.tensors = slices, .norms = run.doubles_out(std::ssize(slices))});
    });
}

TEST_CASE("clipping by the norm of all gradients agrees with the oracle", "[H-7][E-1]") {
    for (const double max_norm : {0.25, 1e6}) {  // below the norm, and above
        INFO("max norm " << max_norm);
        check_against_oracle([&]<class B>(Run<B>& run) {
            std::vector<GradientSlice<typename B::Scalar>> slices;
            for (const Index size : sizes) slices.push_back({run.inout(normal(size, 1)), size});
            slices.push_back({nullptr, 0});
            B::clip_by_norm(
                run.context,
                {.gradients = slices, .max_norm = max_norm, .norm = run.doubles_out(1)});
        });
    }
}

TEST_CASE("a norm that is not finite is told and clips nothing", "[H-7]") {
    for (const double value :
         {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
        check_against_oracle([&]<class B>(Run<B>& run) {
            const GradientSlice<typename B::Scalar> slice{run.inout({3, value, -4}), 3};
            B::clip_by_norm(
                run.context,
                {.gradients = std::span(&slice, 1), .max_norm = 1.0, .norm = run.doubles_out(1)});
        });
    }
    check_against_oracle([]<class B>(Run<B>& run) {
        B::clip_by_norm(run.context,
                        {.gradients = {}, .max_norm = 1.0, .norm = run.doubles_out(1)});
    });
}

TEST_CASE("SGD agrees with the oracle", "[H-7][E-1]") {
    for (const double momentum : {0.0, 0.875}) {
        for (const double decay : {0.0, 0.0625}) {
            for (const bool nesterov : {false, true}) {
                if (nesterov && momentum == 0.0) continue;
                INFO("momentum " << momentum << ", decay " << decay << ", Nesterov " << nesterov);
                check_against_oracle([&]<class B>(Run<B>& run) {
                    run_steps(run, momentum > 0.0, false, [&](int count, const auto& slices) {
                        B::sgd_step(run.context, {.learning_rate = 0.125,
                                                  .momentum = momentum,
                                                  .weight_decay = decay,
                                                  .nesterov = nesterov,
                                                  .first_step = count == 1,
                                                  .parameters = slices});
                    });
                });
            }
        }
    }
}

TEST_CASE("AdamW agrees with the oracle", "[H-7][E-1]") {
    for (const double decay : {0.0, 0.0625}) {
        INFO("decay " << decay);
        check_against_oracle([&]<class B>(Run<B>& run) {
            run_steps(run, true, true, [&](int count, const auto& slices) {
                AdamWStep<typename B::Scalar> step;
                step.learning_rate = 0.03125;
                step.weight_decay = decay;
                step.bias_correction1 = 1.0 - std::pow(step.beta1, count);
                step.bias_correction2 = 1.0 - std::pow(step.beta2, count);
                step.parameters = slices;
                B::adamw_step(run.context, step);
            });
        });
    }
}

TEST_CASE("the oracle's SGD by hand", "[H-7]") {
    Oracle::Context context;
    const auto two_steps = [&](bool nesterov) {
        return results_of<Oracle>(context, [&](Run<Oracle>& run) {
            OptimiserSlice<double> slice;
            slice.value = run.inout({10});
            slice.gradient = run.in({1});
            slice.first = run.inout({77});  // nothing of it counts in a first step
            slice.size = 1;
            for (const bool first : {true, false}) {
                Oracle::sgd_step(run.context, {.learning_rate = 1.0,
                                               .momentum = 0.5,
                                               .weight_decay = 0.1,
                                               .nesterov = nesterov,
                                               .first_step = first,
                                               .parameters = std::span(&slice, 1)});
            }
        });
    };
    // g = 1 + 0.1 * 10 = 2; v = 2; w = 8. g = 1.8; v = 2.8; w = 5.2.
    CHECK(difference({5.2}, two_steps(false)[0]) < 1e-12);
    // Step 2 + 0.5 * 2 = 3; w = 7. g = 1.7; v = 2.7; step 1.7 + 0.5 * 2.7 = 3.05; w = 3.95.
    CHECK(difference({3.95}, two_steps(true)[0]) < 1e-12);
}

TEST_CASE("the oracle's AdamW by hand", "[H-7]") {
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        OptimiserSlice<double> slice;
        slice.value = run.inout({10});
        slice.gradient = run.in({4});
        slice.first = run.inout({0});
        slice.second = run.inout({0});
        slice.size = 1;
        Oracle::adamw_step(run.context, {.learning_rate = 0.5,
                                         .beta1 = 0.5,
                                         .beta2 = 0.75,
                                         .epsilon = 0.0,
                                         .weight_decay = 0.2,
                                         .bias_correction1 = 0.5,
                                         .bias_correction2 = 0.25,
                                         .parameters = std::span(&slice, 1)});
    });
    // w = 10 - 0.5 * 0.2 * 10 = 9; m = 2, corrected 4; v = 4, corrected 16; w = 9 - 0.5 * 4 / 4.
    CHECK(difference({8.5}, results[0]) < 1e-12);
    CHECK(difference({2}, results[1]) < 1e-12);
    CHECK(difference({4}, results[2]) < 1e-12);
}

TEST_CASE("the oracle's clipping by hand", "[H-7]") {
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        const GradientSlice<double> slice{run.inout({3, -4}), 2};
        Oracle::clip_by_norm(
            run.context,
            {.gradients = std::span(&slice, 1), .max_norm = 2.5, .norm = run.doubles_out(1)});
    });
    CHECK(difference({1.5, -2}, results[0]) < 1e-6);
    CHECK(results[1] == Values{5});
}

}  // namespace kasmina::conformance::multi_tensor_test
