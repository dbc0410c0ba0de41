// Random: numbers of the counter function, each thread those of its own words.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backend/dropout.hpp>
#include <kasmina/backend/random.hpp>
#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// Numbers of a thread: as many as one block of the counter function has words for, twice.
inline constexpr Index numbers_of_a_thread = 4;

template <class T>
struct FillUniformKernel {
    static constexpr const char* name = "fill_uniform";

    RandomRange range;
    double low;
    double high;
    T* to;
    Index count;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = first_of(block) * numbers_of_a_thread; i < count;
             i += stride_of(block) * numbers_of_a_thread) {
            RandomWords words(range, static_cast<std::uint64_t>(2 * i));
            for (Index k = i; k < i + numbers_of_a_thread && k < count; ++k) {
                const std::uint32_t first = words.next();
                to[k] = static_cast<T>(stretched(uniform53(first, words.next()), low, high));
            }
        }
    }
};

/// Both ways: x to y, or the gradient of y to that of x.
template <class T>
struct DropoutKernel {
    static constexpr const char* name = "dropout";

    RandomRange range;
    std::uint32_t threshold;
    T scale;
    Index count;
    const T* from;
    GradientTarget<T> to;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        for (Index i = first_of(block) * numbers_of_a_thread; i < count;
             i += stride_of(block) * numbers_of_a_thread) {
            RandomWords words(range, static_cast<std::uint64_t>(i));
            for (Index k = i; k < i + numbers_of_a_thread && k < count; ++k) {
                put(to, k, words.next() >= threshold ? from[k] * scale : T{0});
            }
        }
    }
};

/// Capability: RandomBackend.
template <class T, class D>
struct Randoms {
    using Context = typename D::Context;

    static void fill_uniform(Context& context, const RandomRange& range, double low, double high,
                             T* to, Index count) {
        context.launch(over_elements(count, numbers_of_a_thread),
                       FillUniformKernel<T>{range, low, high, to, count});
    }
};

/// Capability: DropoutBackend.
template <class T, class D>
struct Dropouts {
    using Context = typename D::Context;

    static void dropout(Context& context, const Dropout<T>& call) {
        run(context, call, call.x, {call.y, false});
    }
    static void dropout_pullback(Context& context, const DropoutPullback<T>& call) {
        if (call.grad_x) run(context, call, call.grad_y, call.grad_x);
    }

private:
    template <class Call>
    static void run(Context& context, const Call& call, const T* from,
                    const GradientTarget<T>& to) {
        context.launch(
            over_elements(call.count, numbers_of_a_thread),
            DropoutKernel<T>{call.range, dropout_threshold(call.rate),
                             static_cast<T>(1.0 / (1.0 - call.rate)), call.count, from, to});
    }
};

}  // namespace kasmina::backends::cuda_detail
