// UpdateRule: what makes an optimiser SGD or AdamW.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/backend/row_gradient.hpp>

namespace kasmina::optim {

/// An update rule: a name, options with a learning rate, how many state tensors a parameter needs,
/// and the step over a run of parameters that have been stepped equally often.
template <class R, class B>
concept UpdateRule =
    requires(typename R::Options options, typename B::Context& context, std::int64_t step,
             std::span<const OptimiserSlice<typename B::Scalar>> slices) {
        { R::name } -> std::convertible_to<std::string_view>;
        { options.learning_rate } -> std::convertible_to<double>;
        R::check(options);
        { R::state_tensors(options) } -> std::convertible_to<int>;
        R::template step<B>(context, options, step, slices);
    };

/// A rule that, with some options, leaves a number where its gradient is 0: `takes_rows(options)`.
/// With those a table is stepped in the rows of its gradient alone, by `step_rows`, to the bits
/// that `step` of the whole gradient gives.
template <class R, class B>
concept RowUpdateRule =
    UpdateRule<R, B> && RowGradientBackend<B> &&
    requires(const typename R::Options& options, typename B::Context& context,
             const GradientRows<typename B::Scalar>& rows, typename B::Scalar* value) {
        { R::takes_rows(options) } -> std::same_as<bool>;
        R::template step_rows<B>(context, options, rows, value);
    };

}  // namespace kasmina::optim
