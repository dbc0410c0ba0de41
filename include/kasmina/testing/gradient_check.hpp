// Finite differences: whether the gradients of an operation or a module are the slopes that its
// values show.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/autodiff/pass.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/check_option.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/nn/attempt.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/number_text.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/tensor/shape.hpp>

namespace kasmina::testing {

/// How gradients are checked.
struct GradientCheckOptions {
    double tolerance = 1e-6;   ///< of a difference, relative to the largest gradient of its tensor
    double step = 1e-5;        ///< to both sides of a value
    Index most_elements = 50;  ///< about so many of each tensor are probed, spread over it
    std::uint64_t seed = 1;    ///< of inputs, weights of the outputs and random operations
};

/// The largest difference that was found.
struct GradientDifference {
    std::string tensor = "none";  ///< "input 0", "parameter conv.weight"
    Index element = 0;            ///< in row-major order
    double slope = 0.0;           ///< that the values show
    double gradient = 0.0;        ///< that the way back gave
    double error = 0.0;           ///< relative to the largest gradient of the tensor
};

/// Standard normal values, the same for the same seed.
template <class Scalar>
[[nodiscard]] std::vector<Scalar> normal_values(Index count, std::uint64_t seed) {
    Generator generator(seed);
    std::vector<Scalar> values(static_cast<std::size_t>(count));
    for (Scalar& value : values) value = static_cast<Scalar>(generator.normal());
    return values;
}

namespace detail {

/// A tensor whose gradient is checked.
struct Probed {
    std::string name;
    std::vector<double> values;
    std::vector<double> gradient;
};

[[nodiscard]] inline double relative_difference(double slope, double gradient, double scale) {
    const double difference = std::abs(slope - gradient) / scale;
    return is_finite(difference) ? difference : std::numeric_limits<double>::infinity();
}

/// Probes a tensor: `loss()` is the weighted sum of the outputs with the values as they are, `set`
/// puts values in place. Notes what is worse than `worst`.
template <class Loss, class Set>
void probe(Probed& tensor, const GradientCheckOptions& options, Loss&& loss, Set&& set,
           GradientDifference& worst) {
    const std::size_t count = tensor.values.size();
    if (tensor.gradient.size() != count) {
        worst = {tensor.name, 0, std::numeric_limits<double>::quiet_NaN(), 0.0,
                 std::numeric_limits<double>::infinity()};
        return;
    }
    double scale = 1e-3;
    for (std::size_t k = 0; k < count; ++k) {
        const double gradient = tensor.gradient[k];
        // By an infinite one all others would be nothing.
        if (!is_finite(gradient)) {
            worst = {tensor.name, static_cast<Index>(k), 0.0, gradient,
                     std::numeric_limits<double>::infinity()};
            return;
        }
        scale = std::max(scale, std::abs(gradient));
    }
    const auto most = static_cast<std::size_t>(options.most_elements);
    for (std::size_t k = 0; k < count; k += 1 + count / most) {
        const double start = tensor.values[k];
        tensor.values[k] = start + options.step;
        set(tensor.values);
        const double above = loss();
        tensor.values[k] = start - options.step;
        set(tensor.values);
        const double below = loss();
        tensor.values[k] = start;
        set(tensor.values);
        const double slope = (above - below) / (2.0 * options.step);
        const double error = relative_difference(slope, tensor.gradient[k], scale);
        if (error > worst.error) {
            worst = {tensor.name, static_cast<Index>(k), slope, tensor.gradient[k], error};
        }
    }
}

[[nodiscard]] inline double weighted_sum(const std::vector<double>& weights,
                                         const std::vector<double>& values) {
    double total = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) total += weights[i] * values[i];
    return total;
}

/// What an operation by itself is of.
struct NoModule {
    template <class Visitor>
    void visit(Visitor&&) const noexcept {}
};

KASMINA_RARE inline void check(const GradientCheckOptions& options) {
    check_option("testing::check_gradients", "tolerance", options.tolerance,
                 OptionRange::above(0.0));
    check_option("testing::check_gradients", "step", options.step, OptionRange::above(0.0));
    check_option("testing::check_gradients", "most_elements",
                 static_cast<double>(options.most_elements), OptionRange::at_least(1.0));
}

[[noreturn]] KASMINA_COLD inline void refuse_nothing(const char* what) {
    throw ShapeError("there is nothing to compare", "testing::check_gradients",
                     std::string(what) + " of one element or more", "none",
                     "check with shapes that have elements, or a module that learns");
}

[[noreturn]] KASMINA_COLD inline void refuse_gradient(const GradientDifference& worst,
                                                      double tolerance) {
    if (is_nan(worst.slope)) {
        throw NumericError("a gradient is missing", "testing::check_gradients",
                           "a gradient of " + worst.tensor, "none",
                           "let the operation record a way back that adds to that gradient");
    }
    throw NumericError(
        "a gradient is not the slope that the values show",
        "testing::check_gradients: " + worst.tensor + ", element " + std::to_string(worst.element),
        number_text(worst.slope) + " within " + number_text(tolerance) +
            " of the largest gradient there",
        number_text(worst.gradient) + ", off by " + number_text(worst.error),
        "mend the way back; or keep the values away from where the slope jumps");
}

}  // namespace detail

namespace detail {

/// What is checked, whatever its type: what checks is compiled once for a backend.
template <class B>
struct Checked {
    using Call = Variable<B>(const void* function, Pass<B>& pass,
                             std::span<const Variable<B>> leaves);

    const void* function;
    Call* call;

    [[nodiscard]] Variable<B> operator()(Pass<B>& pass, std::span<const Variable<B>> leaves) const {
        return call(function, pass, leaves);
    }
};

/// Inputs, the weights of the outputs and all that learns, and the passes between which they
/// change.
template <class B>
class GradientCheck {
public:
    GradientCheck(typename B::Context& context, const std::vector<Shape>& inputs,
                  const Checked<B>& function, const GradientCheckOptions& options)
        : context_(&context),
          inputs_(&inputs),
          function_(&function),
          options_(&options),
          tape_(context) {
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            probed_.push_back({"input " + std::to_string(i),
                               normal_values<double>(inputs[i].elements(), options.seed + i),
                               {}});
        }
    }

    [[nodiscard]] GradientDifference compare(const nn::Contents<B>& contents) {
        for (const auto& named : contents.parameters) named.parameter->zero_gradient();
        take_gradients();
        take_parameters(contents);
        if (std::ranges::all_of(probed_, [](const Probed& each) { return each.values.empty(); })) {
            refuse_nothing("an input or a parameter that learns");
        }
        GradientDifference worst;
        for (std::size_t i = 0; i < probed_.size(); ++i) probe_one(i, worst);
        return worst;
    }

private:
    struct Passed {
        Variable<B> output;
        std::vector<Variable<B>> leaves;
    };

    [[nodiscard]] Passed run() {
        tape_.clear();
        Generator random(options_->seed, 1);
        Pass<B> pass(tape_, Mode::training, random);
        std::vector<Variable<B>> leaves;
        for (std::size_t i = 0; i < inputs_->size(); ++i) {
            leaves.push_back(tape_.leaf((*inputs_)[i], probed_[i].values));
        }
        Variable<B> output = (*function_)(pass, leaves);
        return {std::move(output), std::move(leaves)};
    }

    void take_gradients() {
        const Passed passed = run();
        weights_ = normal_values<double>(passed.output.shape().elements(), options_->seed + 1000);
        if (weights_.empty()) refuse_nothing("an output");
        tape_.backward(passed.output, weights_);
        for (std::size_t i = 0; i < inputs_->size(); ++i) {
            probed_[i].gradient = tape_.gradient(passed.leaves[i]);
        }
    }

    void take_parameters(const nn::Contents<B>& contents) {
        for (const auto& named : contents.parameters) {
            if (!named.parameter->trainable()) continue;
            learning_.push_back(&named);
            probed_.push_back(
                {"parameter " + named.name, named.parameter->value().to_host(*context_), {}});
            if (named.parameter->has_gradient()) {
                probed_.back().gradient = named.parameter->gradient().to_host(*context_);
            }
        }
    }

    void probe_one(std::size_t i, GradientDifference& worst) {
        const bool is_input = i < inputs_->size();
        const auto set = [&](const std::vector<double>& values) {
            if (!is_input)
                learning_[i - inputs_->size()]->parameter->value().assign(*context_, values);
        };
        const auto loss = [&] { return weighted_sum(weights_, run().output.to_host()); };
        const std::vector<double> before = probed_[i].values;
        try {
            probe(probed_[i], *options_, loss, set, worst);
        } catch (...) {
            set(before);
            throw;
        }
    }

    typename B::Context* context_;
    const std::vector<Shape>* inputs_;
    const Checked<B>* function_;
    const GradientCheckOptions* options_;
    Tape<B> tape_;
    std::vector<Probed> probed_{};
    std::vector<const nn::NamedParameter<B>*> learning_{};
    std::vector<double> weights_{};
};

template <class B>
[[nodiscard]] GradientDifference difference_of(typename B::Context& context,
                                               const nn::Contents<B>& contents,
                                               const std::vector<Shape>& inputs,
                                               const Checked<B>& function,
                                               const GradientCheckOptions& options) {
    nn::Attempt<B> attempt(context, std::make_shared<nn::Undo<B>>(), [&](nn::Undo<B>& undo) {
        for (const auto& named : contents.states) undo.note(context, named.state);
    });
    return GradientCheck<B>(context, inputs, function, options).compare(contents);
}

}  // namespace detail

/// Compares the gradients of sum(weights * f(pass, inputs)) with central differences, for inputs of
/// the given shapes and all parameters of `module` that learn. Inputs and weights are random; the
/// module is left as it was, but for its gradients. Random operations draw the same words each
/// time. Errors: OptionError for options out of range; ShapeError where nothing has an element;
/// those of `f`.
template <class B, class M, class F>
    requires std::same_as<typename B::Scalar, double>
[[nodiscard]] GradientDifference gradient_difference(typename B::Context& context, M& module,
                                                     const std::vector<Shape>& inputs, F&& f,
                                                     const GradientCheckOptions& options = {}) {
    detail::check(options);
    using Function = std::remove_reference_t<F>;
    const detail::Checked<B> checked{
        std::addressof(f),
        [](const void* function, Pass<B>& pass, std::span<const Variable<B>> leaves) {
            return Variable<B>(
                (*static_cast<Function*>(const_cast<void*>(function)))(pass, leaves));
        }};
    return detail::difference_of<B>(context, nn::each_once(nn::contents<B>(module)), inputs,
                                    checked, options);
}

/// The same for an operation, or any function of variables: `f(tape, inputs)`.
template <class B, class F>
    requires std::invocable<F&, Tape<B>&, const std::vector<Variable<B>>&>
[[nodiscard]] GradientDifference gradient_difference(const std::vector<Shape>& inputs, F&& f,
                                                     const GradientCheckOptions& options = {}) {
    typename B::Context context{};
    detail::NoModule none;
    return gradient_difference<B>(
        context, none, inputs,
        [&f](Pass<B>& pass, std::span<const Variable<B>> leaves) {
            return f(pass.tape(), std::vector<Variable<B>>(leaves.begin(), leaves.end()));
        },
        options);
}

/// The largest difference alone; infinity where an input got no gradient.
template <class B, class F>
[[nodiscard]] double gradient_error(const std::vector<Shape>& inputs, F&& f,
                                    std::uint64_t seed = 1) {
    return gradient_difference<B>(inputs, f, GradientCheckOptions{.seed = seed}).error;
}

/// For a test of one's own module. Errors: NumericError that names the input or parameter and the
/// element of the largest difference above the tolerance; those of `gradient_difference`.
template <class B, class M, class F>
void check_gradients(typename B::Context& context, M& module, const std::vector<Shape>& inputs,
                     F&& f, const GradientCheckOptions& options = {}) {
    const GradientDifference worst = gradient_difference<B>(context, module, inputs, f, options);
    if (!(worst.error <= options.tolerance)) detail::refuse_gradient(worst, options.tolerance);
}

/// For a test of one's own operation. Errors: as above.
template <class B, class F>
    requires std::invocable<F&, Tape<B>&, const std::vector<Variable<B>>&>
void check_gradients(const std::vector<Shape>& inputs, F&& f,
                     const GradientCheckOptions& options = {}) {
    const GradientDifference worst = gradient_difference<B>(inputs, f, options);
    if (!(worst.error <= options.tolerance)) detail::refuse_gradient(worst, options.tolerance);
}

}  // namespace kasmina::testing
