// Uniform numbers and dropout: each value from its own words of the counter function.
#pragma once

#include <cstdint>

#include <kasmina/backend/dropout.hpp>
#include <kasmina/backend/random.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: RandomBackend.
template <class T>
struct Randoms {
    static void fill_uniform(Context&, const RandomRange& range, double low, double high, T* to,
                             Index count) {
        for (Index i = 0; i < count; ++i) {
            const auto at = static_cast<std::uint64_t>(2 * i);
            const double uniform = uniform53(random_word(range, at), random_word(range, at + 1));
            to[i] = static_cast<T>(stretched(uniform, low, high));
        }
    }
};

/// Capability: DropoutBackend.
template <class T>
struct Dropouts {
    static void dropout(Context&, const Dropout<T>& call) {
        for (Index i = 0; i < call.count; ++i) call.y[i] = behind(call, i, call.x[i]);
    }
    static void dropout_pullback(Context&, const DropoutPullback<T>& call) {
        xt::xtensor<T, 1> gradient = xt::zeros<T>({call.count});
        for (Index i = 0; i < call.count; ++i) gradient(i) = behind(call, i, call.grad_y[i]);
        put(call.grad_x, gradient);
    }

private:
    /// What becomes of value i: nothing, or as much as keeps the mean.
    template <class Call>
    static T behind(const Call& call, Index i, T value) {
        const std::uint32_t word = random_word(call.range, static_cast<std::uint64_t>(i));
        const bool kept = word >= dropout_threshold(call.rate);
        return kept ? value * static_cast<T>(1.0 / (1.0 - call.rate)) : T{0};
    }
};

}  // namespace kasmina::backends::xtensor_detail
