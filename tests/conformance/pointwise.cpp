// Conformance of pointwise maps with every way to stretch an operand.
#include "conformance/support.hpp"

#include <kasmina/pointwise/math.hpp>

namespace kasmina::conformance::pointwise_test {
namespace {

/// One operand, every function of kasmina::math.
struct AllFunctions {
    template <class V>
    constexpr V operator()(const V& x) const {
        const V positive = x * x + 0.5;
        return math::exp(-positive) + math::log(positive) * math::sqrt(positive) -
               math::tanh(x) / (2.0 + math::erf(x)) + 3 * math::sigmoid(x) +
               math::relu(x - 0.25) * math::clamp(x, -0.5, 0.75);
    }
};

/// Two operands: unlike in each, with a corner.
struct Mixed {
    template <class V>
    constexpr V operator()(const V& a, const V& b) const {
        return a * b + math::maximum(a, b) - b / (1.0 + a * a);
    }
};

/// Three operands, as blends have them.
struct Blend {
    template <class V>
    constexpr V operator()(const V& host, const V& seed, const V& alpha) const {
        return host + math::sigmoid(alpha) * (math::tanh(seed) - host);
    }
};

// Callables with names: nvcc takes no lambda for a kernel.
struct Relu {
    template <class V>
    constexpr V operator()(const V& x) const {
        return math::relu(x);
    }
};
struct Maximum {
    template <class V>
    constexpr V operator()(const V& x, const V& y) const {
        return math::maximum(x, y);
    }
};

constexpr std::array kinds{Broadcast::full, Broadcast::channel, Broadcast::sample,
                           Broadcast::sample_channel, Broadcast::scalar};

constexpr std::array<MapGeometry, 8> geometries{{{1, 1, 1},
                                                 {3, 1, 13},
                                                 {1, 6, 3},
                                                 {3, 20, 13},
                                                 {1, 20, 48},
                                                 {3, 6, 70},
                                                 {3, 256, 1},
                                                 {3, 120, 48}}};

Index operand_size(const MapGeometry& geometry, Broadcast kind) {
    switch (kind) {
        case Broadcast::channel: return geometry.channels;
        case Broadcast::sample: return geometry.samples;
        case Broadcast::sample_channel: return geometry.samples * geometry.channels;
        case Broadcast::scalar: return 1;
        case Broadcast::full: break;
    }
    return geometry.elements();
}

std::string describe(const MapGeometry& geometry) {
    return std::to_string(geometry.samples) + "x" + std::to_string(geometry.positions) + "x" +
           std::to_string(geometry.channels);
}

template <class T, std::size_t N>
Map<T, N> map_of(const MapGeometry& geometry, const std::array<Operand<T>, N>& operands, T* out) {
    return {.geometry = geometry, .operands = operands, .out = out};
}

template <class T, std::size_t N>
MapPullback<T, N> pullback_of(const MapGeometry& geometry,
                              const std::array<Operand<T>, N>& operands, const T* upstream,
                              const std::array<GradientTarget<T>, N>& targets) {
    return {.geometry = geometry, .operands = operands, .upstream = upstream, .targets = targets};
}

/// The map and its pullback with all targets of one kind, and with each one alone.
template <class B, class F, std::size_t N>
void run_all(Run<B>& run, const F& function, const MapGeometry& geometry,
             const std::array<Broadcast, N>& broadcasts) {
    std::array<Operand<typename B::Scalar>, N> operands;
    std::array<Index, N> sizes;
    for (std::size_t i = 0; i < N; ++i) {
        sizes[i] = operand_size(geometry, broadcasts[i]);
        operands[i] = {run.in(normal(sizes[i], 1 + i)), broadcasts[i]};
    }
    B::map(run.context, function, map_of(geometry, operands, run.out(geometry.elements())));
    const auto* upstream = run.in(normal(geometry.elements(), 17));
    for (const bool accumulate : {false, true}) {
        std::array<typename Run<B>::Target, N> targets;
        for (std::size_t i = 0; i < N; ++i) targets[i] = run.target(sizes[i], accumulate);
        B::map_pullback(run.context, function, pullback_of(geometry, operands, upstream, targets));
    }
    for (std::size_t alone = 0; alone < N; ++alone) {
        std::array<typename Run<B>::Target, N> targets{};
        targets[alone] = run.target(sizes[alone], alone % 2 == 0);
        B::map_pullback(run.context, function, pullback_of(geometry, operands, upstream, targets));
    }
}

}  // namespace

TEST_CASE("functions of one operand agree with the oracle, stretched or not", "[B-7][E-1]") {
    for (const MapGeometry& geometry : geometries) {
        for (const Broadcast kind : kinds) {
            INFO(describe(geometry) << ", kind " << static_cast<int>(kind));
            check_against_oracle(
                [&](auto& run) { run_all(run, AllFunctions{}, geometry, std::array{kind}); });
        }
    }
}

TEST_CASE("functions of two operands agree with the oracle, however stretched", "[B-7][E-1]") {
    for (const MapGeometry& geometry : geometries) {
        if (geometry.elements() > 10000) continue;  // two kinds say nothing new there
        for (const Broadcast first : kinds) {
            for (const Broadcast second : kinds) {
                INFO(describe(geometry) << ", kinds " << static_cast<int>(first) << " and "
                                        << static_cast<int>(second));
                check_against_oracle([&](auto& run) {
                    run_all(run, Mixed{}, geometry, std::array{first, second});
                });
            }
        }
    }
}

TEST_CASE("functions of three operands agree with the oracle", "[B-7][E-1]") {
    for (const MapGeometry& geometry : geometries) {
        for (const Broadcast alpha : kinds) {
            INFO(describe(geometry) << ", alpha of kind " << static_cast<int>(alpha));
            check_against_oracle([&](auto& run) {
                run_all(run, Blend{}, geometry,
                        std::array{Broadcast::full, Broadcast::full, alpha});
            });
        }
    }
}

TEST_CASE("a map may write over an operand that is not stretched", "[B-7]") {
    const MapGeometry geometry{3, 20, 13};
    const Values x = normal(geometry.elements(), 1);
    check_against_oracle([&]<class B>(Run<B>& run) {
        auto* data = run.inout(x);
        const Operand<typename B::Scalar> operand{data, Broadcast::full};
        B::map(run.context, AllFunctions{}, map_of(geometry, std::array{operand}, data));
    });
}

TEST_CASE("corners and numbers that are none follow PyTorch's conventions", "[B-7]") {
    const MapGeometry geometry{1, 1, 8};
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    const Values a{0.0, nan, 1.0, -infinity, infinity, -0.0, 2.0, 2.0};
    const Values b{0.0, 1.0, nan, 0.0, 0.0, 0.0, 2.0, -2.0};
    check_against_oracle([&]<class B>(Run<B>& run) {
        using T = typename B::Scalar;
        const Operand<T> first{run.in(a), Broadcast::full};
        const Operand<T> second{run.in(b), Broadcast::full};
        B::map(run.context, Relu{}, map_of(geometry, std::array{first}, run.out(8)));
        B::map(run.context, Maximum{}, map_of(geometry, std::array{first, second}, run.out(8)));
        const T* upstream = run.in(Values(8, 1.0));
        // Where a number is none its gradient is anything.
        const Values finite{0.0, -1.0, 1.0, -3.0, 4.0, -0.0, 2.0, 2.0};
        const Operand<T> sane{run.in(finite), Broadcast::full};
        const Operand<T> other{run.in({0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 2.0, -2.0}), Broadcast::full};
        B::map_pullback(
            run.context, Relu{},
            pullback_of(geometry, std::array{sane}, upstream, std::array{run.target(8, false)}));
        B::map_pullback(run.context, Maximum{},
                        pullback_of(geometry, std::array{sane, other}, upstream,
                                    std::array{run.target(8, false), run.target(8, false)}));
    });
}

TEST_CASE("the oracle's pointwise gradients are slopes", "[B-7]") {
    const MapGeometry geometry{3, 6, 5};
    for (const Broadcast first : kinds) {
        for (const Broadcast second : kinds) {
            INFO("kinds " << static_cast<int>(first) << " and " << static_cast<int>(second));
            const auto operands = [&](auto& run, const auto& in) {
                return std::array<Operand<double>, 2>{
                    {{run.in(in[0]), first}, {run.in(in[1]), second}}};
            };
            CHECK(slope_error(
                      {normal(operand_size(geometry, first), 3),
                       normal(operand_size(geometry, second), 4)},
                      [&](auto& run, const auto& in) {
                          Oracle::map(
                              run.context, Mixed{},
                              map_of(geometry, operands(run, in), run.out(geometry.elements())));
                      },
                      [&](auto& run, const auto& in, const double* grad_y) {
                          const std::array to{run.target(operand_size(geometry, first), false),
                                              run.target(operand_size(geometry, second), false)};
                          Oracle::map_pullback(
                              run.context, Mixed{},
                              pullback_of(geometry, operands(run, in), grad_y, to));
                      }) < slope_tolerance);
        }
    }
}

TEST_CASE("the oracle's stretched sum by hand", "[B-7]") {
    const MapGeometry geometry{2, 2, 2};
    const auto sum = []<class V>(const V& a, const V& b) { return a + b; };
    Oracle::Context context;
    const auto results = results_of<Oracle>(context, [&](Run<Oracle>& run) {
        const std::array<Operand<double>, 2> operands{
            {{run.in({10, 20}), Broadcast::sample}, {run.in({1, 2}), Broadcast::channel}}};
        Oracle::map(run.context, sum, map_of(geometry, operands, run.out(8)));
        const double* upstream = run.in({1, 2, 3, 4, 5, 6, 7, 8});
        const std::array to{run.target(2, false), run.target(2, false)};
        Oracle::map_pullback(run.context, sum, pullback_of(geometry, operands, upstream, to));
    });
    CHECK(results[0] == Values{11, 12, 11, 12, 21, 22, 21, 22});
    CHECK(results[1] == Values{1 + 2 + 3 + 4, 5 + 6 + 7 + 8});
    CHECK(results[2] == Values{1 + 3 + 5 + 7, 2 + 4 + 6 + 8});
}

}  // namespace kasmina::conformance::pointwise_test
