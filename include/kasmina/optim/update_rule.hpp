// UpdateRule: what makes an optimiser SGD or AdamW.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include <kasmina/backend/multi_tensor.hpp>

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

}  // namespace kasmina::optim
