// RecordedSteps: five steps of SGD of a host, alone or with a blending seed, as PyTorch took them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/blueprints/seed_module.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/optim/sgd.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/golden_module.hpp"

namespace kasmina::test {

/// The output of host and seed, the seed blended in behind slot r0c1, isolated.
template <class Host, class B = typename Host::Backend>
[[nodiscard]] Variable<B> grown_output(const Host& host, const SeedModule<B>* seed, Pass<B>& pass,
                                       const Tensor<B>& input, double alpha) {
    const std::size_t end = hosts::end_boundary(host);
    const std::size_t slot = seed == nullptr ? end : hosts::boundary_of(host, "r0c1");
    Variable<B> state = host.forward(pass, host.stem(pass, input), hosts::start_boundary, slot);
    if (seed != nullptr) {
        state = ops::blend_add(state, seed->forward(pass, pass.detach(state)), alpha);
    }
    return host.head(pass, host.forward(pass, state, slot, end));
}

template <class B>
void check_values(typename B::Context& context, const nn::Contents<B>& contents,
                  const GoldenCase& golden, const std::string& prefix) {
    for (const auto& [name, parameter] : contents.parameters) {
        INFO(prefix << name);
        const auto values = parameter->value().to_host(context);
        CAPTURE(relative_error(values, golden.at(prefix + name)));
        CHECK(agrees(values, golden.at(prefix + name)));
    }
    for (const auto& [name, state] : contents.states) {
        INFO(prefix << name);
        CHECK(agrees(scalars_of<B>(context, state), golden.at(prefix + name)));
    }
}

/// Logits of each step, gradients of the first, values and statistics after the last, and the
/// output in evaluation then.
template <class Host, class B = typename Host::Backend>
void check_recorded_steps(typename B::Context& context, Host& host, SeedModule<B>* seed,
                          const GoldenCase& golden) {
    using Scalar = typename B::Scalar;
    const nn::Contents<B> of_host = nn::contents<B>(host);
    const nn::Contents<B> of_seed = seed == nullptr ? nn::Contents<B>{} : seed->contents();
    CHECK(nn::parameter_count(of_host) == golden.count("parameters"));
    load_golden<B>(context, of_host, golden, "host.");
    load_golden<B>(context, of_seed, golden, "seed.");
    optim::Sgd<B> sgd;
    for (const auto* contents : {&of_host, &of_seed}) {
        const std::size_t group = sgd.add_group(
            {.learning_rate = golden.number("lr"), .momentum = golden.number("momentum")});
        sgd.synchronise(group, contents->parameters);
    }
    const double alpha = golden.number("alpha");
    const auto input_of = [&](const std::string& step) {
        const GoldenTensor& recorded = golden.at("input." + step);
        return Tensor<B>::from_host(context, shape_of(recorded), recorded.as<Scalar>());
    };
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    std::vector<Scalar> losses;
    for (int step = 0; step < 5; ++step) {
        const std::string number = std::to_string(step);
        const GoldenTensor& labels = golden.at("labels." + number);
        tape.clear();
        const auto logits = grown_output(host, seed, pass, input_of(number), alpha);
        CAPTURE(step, relative_error(logits.to_host(), golden.at("output." + number)));
        CHECK(agrees(logits.to_host(), golden.at("output." + number)));
        const auto loss = ops::cross_entropy(
            logits, std::vector<std::int32_t>(labels.values.begin(), labels.values.end()));
        sgd.zero_gradients();
        tape.backward(loss);
        losses.push_back(loss.item());
        if (step == 0) {
            check_golden_gradients<B>(context, of_host, golden, "host.");
            check_golden_gradients<B>(context, of_seed, golden, "seed.");
        }
        sgd.step(context);
    }
    CHECK(agrees(losses, golden.at("losses")));
    check_values<B>(context, of_host, golden, "after.host.");
    check_values<B>(context, of_seed, golden, "after.seed.");
    tape.clear();
    Pass<B> evaluation(tape, Mode::evaluation);
    const auto evaluated = grown_output(host, seed, evaluation, input_of("0"), alpha);
    CHECK(agrees(evaluated.to_host(), golden.at("output_eval")));
}

}  // namespace kasmina::test
