// SGD as a user may write it, who knows nothing of gradients in rows: it gets whole ones.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <kasmina/optim/sgd.hpp>

namespace kasmina::test {

struct WholeSgdRule {
    using Options = optim::SgdOptions;
    static constexpr std::string_view name = "whole_sgd";
    static void check(const Options& options) { optim::SgdRule::check(options); }
    static int state_tensors(const Options& options) {
        return optim::SgdRule::state_tensors(options);
    }
    template <class B>
    static void step(typename B::Context& context, const Options& options, std::int64_t step,
                     std::span<const OptimiserSlice<typename B::Scalar>> slices) {
        optim::SgdRule::step<B>(context, options, step, slices);
    }
};

}  // namespace kasmina::test
