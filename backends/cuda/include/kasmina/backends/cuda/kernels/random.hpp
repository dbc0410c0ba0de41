// Random: numbers of the counter function, each thread those of its own words.
#pragma once

#include <kasmina/requirements.hpp>

#include <cstdint>

#include <kasmina/backend/dropout.hpp>
#include <kasmina/backend/random.hpp>
#include <kasmina/backends/cuda/device.hpp>
#include <kasmina/backends/cuda/draws.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/launch.hpp>

namespace kasmina::backends::cuda_detail {

/// Numbers that a thread draws at once.
inline constexpr Index numbers_of_a_thread = 4;

/// Words first ... first + 3 of a run, where `first` is a multiple of four: in one block of the
/// counter function, or in two where the run begins inside one.
[[nodiscard]] KASMINA_DEVICE inline PhiloxBlock four_words(const RandomRange& range,
                                                           std::uint64_t first) {
    const std::uint64_t counter = range.counter + (first >> 2U);
    const PhiloxBlock a = philox(range.key, range.stream, counter);
    if (range.word == 0) return a;
    const PhiloxBlock b = philox(range.key, range.stream, counter + 1);
    if (range.word == 1) return {{a.words[1], a.words[2], a.words[3], b.words[0]}};
    if (range.word == 2) return {{a.words[2], a.words[3], b.words[0], b.words[1]}};
    return {{a.words[3], b.words[0], b.words[1], b.words[2]}};
}

template <class T>
struct FillUniformKernel {
    static constexpr const char* name = "fill_uniform";

    Draw draw;
    double low;
    double high;
    T* to;
    Index count;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const RandomRange range = draw.now();
        for (Index i = first_of(block) * numbers_of_a_thread; i < count;
             i += stride_of(block) * numbers_of_a_thread) {
            for (Index half = 0; half < 2; ++half) {
                const Index at = i + 2 * half;
                const PhiloxBlock words = four_words(range, static_cast<std::uint64_t>(2 * at));
                write(at, words.words[0], words.words[1]);
                write(at + 1, words.words[2], words.words[3]);
            }
        }
    }

private:
    KASMINA_DEVICE void write(Index i, std::uint32_t first, std::uint32_t second) const {
        if (i < count) to[i] = static_cast<T>(stretched(uniform53(first, second), low, high));
    }
};

/// Both ways: x to y, or the gradient of y to that of x. `Width` numbers at a time: four of a
/// thread are one vector of floats or two of doubles.
template <class T, int Width>
struct DropoutKernel {
    static constexpr const char* name = "dropout";

    Draw draw;
    std::uint32_t threshold;
    T scale;
    Index count;
    const T* from;
    GradientTarget<T> to;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const RandomRange range = draw.now();
        for (Index i = first_of(block) * numbers_of_a_thread; i < count;
             i += stride_of(block) * numbers_of_a_thread) {
            const PhiloxBlock words = four_words(range, static_cast<std::uint64_t>(i));
            KASMINA_DEVICE_UNROLL
            for (int first = 0; first < numbers_of_a_thread; first += Width) {
                if (i + first >= count) continue;
                Lanes<T, Width> numbers = load_lanes<Width>(from + i + first);
                KASMINA_DEVICE_UNROLL
                for (int lane = 0; lane < Width; ++lane) {
                    const bool kept = words.words[first + lane] >= threshold;
                    numbers[lane] = kept ? numbers[lane] * scale : T{0};
                }
                put_lanes(to, i + first, numbers);
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
                       FillUniformKernel<T>{{range}, low, high, to, count});
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
        const bool vectors = call.count % vector_width<T> == 0 && aligned_for_vectors(from) &&
                             aligned_for_vectors(to.data);
        with_lanes<T>(vectors, [&](auto lanes) {
            using Kernel = DropoutKernel<T, decltype(lanes)::value>;
            context.launch(over_elements(call.count, numbers_of_a_thread),
                           Kernel{{call.range},
                                  dropout_threshold(call.rate),
                                  static_cast<T>(1.0 / (1.0 - call.rate)),
                                  call.count,
                                  from,
                                  to});
        });
    }
};

}  // namespace kasmina::backends::cuda_detail
