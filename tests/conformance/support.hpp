// Conformance: one kernel call, run on a backend and on the oracle, and what each wrote compared.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include <kasmina/backend/backend.hpp>
#include <kasmina/backends/xtensor.hpp>
#include <kasmina/random/generator.hpp>

#include "conformance/backends.hpp"
#include "support/catch.hpp"
#include "support/xtensor_kernels.hpp"

namespace kasmina::conformance {

using Oracle = backends::Xtensor<double>;

/// How far a result may be from the oracle's, relative to the greatest value of its array, or to 1
/// where all are smaller: sums of values about 1 may cancel (spec B-7; float covers Winograd's
/// convolution).
template <class Scalar>
inline constexpr double tolerance = std::same_as<Scalar, float> ? 1e-5 : 1e-11;

using Values = std::vector<double>;

/// Standard normal values, the same for the same seed, each exactly a float: every backend
/// starts from the same numbers.
[[nodiscard]] inline Values normal(Index count, std::uint64_t seed) {
    Generator generator(seed);
    Values values(static_cast<std::size_t>(count));
    for (double& value : values)
        value = static_cast<double>(static_cast<float>(generator.normal()));
    return values;
}

/// The memory of one kernel call on backend `B`. Inputs are uploaded; what the call writes is
/// remembered in order of request - one request per statement or member of an argument struct,
/// where the order matters - and can be read back. Behind each output lie guards: a kernel that
/// writes past its end is found out.
template <class B>
class Run {
public:
    using Backend = B;
    using Scalar = typename B::Scalar;
    using Target = GradientTarget<Scalar>;

    explicit Run(typename B::Context& with) : context(with) {}

    [[nodiscard]] const Scalar* in(const Values& values) { return store<Scalar>(values); }
    [[nodiscard]] const std::int32_t* integers(std::span<const std::int32_t> values) {
        return store<std::int32_t>(Values(values.begin(), values.end()));
    }

    /// Room for `count` results; NaN before the call.
    [[nodiscard]] Scalar* out(Index count) { return inout(Values(size(count), unwritten)); }
    /// The same for results that are not the backend's scalars.
    [[nodiscard]] double* doubles_out(Index count) {
        return output<double>(Values(size(count), unwritten));
    }
    [[nodiscard]] std::int32_t* integers_out(Index count) {
        return output<std::int32_t>(Values(size(count), -54321.0));
    }
    /// Values that the call updates.
    [[nodiscard]] Scalar* inout(Values values) { return output<Scalar>(std::move(values)); }
    /// A gradient's place: it holds values to add to, or NaN to overwrite.
    [[nodiscard]] Target target(Index count, bool accumulate) {
        return accumulate ? Target{inout(normal(count, 99)), true} : Target{out(count), false};
    }
    /// A gradient that nobody wants.
    [[nodiscard]] static Target unwanted() { return {}; }

    /// What the call wrote, one entry per output in order of request. With a guard overwritten
    /// the entry is infinite.
    [[nodiscard]] std::vector<Values> results() const {
        std::vector<Values> all;
        for (const auto& read : outputs_) all.push_back(read());
        return all;
    }

    typename B::Context& context;

private:
    static constexpr double unwritten = std::numeric_limits<double>::quiet_NaN();
    static constexpr double guard = 12345.0;
    static constexpr std::ptrdiff_t guards = 16;

    static std::size_t size(Index count) { return static_cast<std::size_t>(count); }

    template <class V>
    V* output(Values values) {
        const Index count = static_cast<Index>(values.size());
        values.insert(values.end(), guards, guard);
        V* data = store<V>(values);
        outputs_.push_back([this, data, count] { return read_back<V>(data, count); });
        return data;
    }

    template <class V>
    [[nodiscard]] Values read_back(const V* data, Index count) const {
        auto reading = B::template read<V>(context, data, count + guards);
        const std::span<const V> raw = reading.get();
        const bool intact = std::all_of(raw.end() - guards, raw.end(),
                                        [](V value) { return value == static_cast<V>(guard); });
        Values values(raw.begin(), raw.end() - guards);
        if (!intact) values.assign(values.size(), std::numeric_limits<double>::infinity());
        return values;
    }

    template <class V>
    V* store(const Values& values) {
        using Buffer = typename B::template Buffer<V>;
        std::vector<V> converted;
        for (const double value : values) converted.push_back(static_cast<V>(value));
        const Index count = static_cast<Index>(values.size());
        auto buffer =
            std::make_shared<Buffer>(B::template persistent<V>(context, std::max<Index>(count, 1)));
        V* data = buffer->data();
        if (count > 0) B::upload(context, converted.data(), data, count);
        buffers_.push_back(std::move(buffer));
        return data;
    }

    std::vector<std::shared_ptr<void>> buffers_;
    std::vector<std::function<Values()>> outputs_;
};

/// What `call` - a generic callable on a Run - writes on backend `B`.
template <class B, class Call>
[[nodiscard]] std::vector<Values> results_of(typename B::Context& context, const Call& call) {
    Run<B> run(context);
    call(run);
    return run.results();
}

/// The largest difference, relative to the greatest value expected or to 1; NaN agrees with NaN
/// alone.
[[nodiscard]] inline double difference(const Values& expected, const Values& got) {
    if (expected.size() != got.size()) return std::numeric_limits<double>::infinity();
    double scale = 1.0;
    for (const double value : expected) {
        if (std::isfinite(value)) scale = std::max(scale, std::abs(value));
    }
    double worst = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (std::isnan(expected[i]) && std::isnan(got[i])) continue;
        if (expected[i] == got[i]) continue;
        const double error = std::abs(expected[i] - got[i]) / scale;
        worst =
            std::isfinite(error) ? std::max(worst, error) : std::numeric_limits<double>::infinity();
    }
    return worst;
}

/// The same bits, but for NaN, which agrees with any NaN.
[[nodiscard]] inline bool identical(const std::vector<Values>& a, const std::vector<Values>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](double left, double right) {
            return left == right ? std::signbit(left) == std::signbit(right)
                                 : std::isnan(left) && std::isnan(right);
        });
    });
}

/// Checks that `call` writes on `B` what the oracle wrote, and, where a context can be given
/// threads, the same bits for 1, 2 and 4 of them (spec E-1).
template <class B, class Call>
void check_against(const std::vector<Values>& expected, const Call& call) {
    INFO(typeid(B).name());
    typename B::Context context{};
    const std::vector<Values> got = results_of<B>(context, call);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO("output " << i);
        CHECK(difference(expected[i], got[i]) <= tolerance<typename B::Scalar>);
    }
    if constexpr (std::constructible_from<typename B::Context, int>) {
        for (const int threads : {2, 4}) {
            INFO(threads << " threads");
            typename B::Context threaded(threads);
            CHECK(identical(got, results_of<B>(threaded, call)));
        }
    }
}

/// The same for all backends; the oracle, which is slow, is asked once.
template <class Call>
void check_against_oracle(const Call& call) {
    typename Oracle::Context oracle{};
    const std::vector<Values> expected = results_of<Oracle>(oracle, call);
    const auto check = [&]<class... Bs>(std::type_identity<std::tuple<Bs...>>) {
        (check_against<Bs>(expected, call), ...);
    };
    check(std::type_identity<Backends>{});
}

/// The way a pullback proves itself: for each input, the slope of sum(upstream * forward) along
/// a random direction by central differences, against the pullback's gradient. The callables get
/// a Run<Oracle> and the inputs (and upstream); `forward` writes one output, `pullback` one
/// gradient per input. Returns the worst difference, relative to the gradient's size.
template <class Forward, class Pullback>
[[nodiscard]] double slope_error(std::vector<Values> inputs, const Forward& forward,
                                 const Pullback& pullback) {
    constexpr double step = 1e-6;
    typename Oracle::Context context{};
    const auto value = [&] {
        return results_of<Oracle>(context, [&](auto& run) { forward(run, inputs); }).front();
    };
    const Values upstream = normal(static_cast<Index>(value().size()), 7);
    const std::vector<Values> gradients =
        results_of<Oracle>(context, [&](auto& run) { pullback(run, inputs, run.in(upstream)); });
    if (gradients.size() != inputs.size()) return std::numeric_limits<double>::infinity();

    double worst = 0.0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Values direction = normal(static_cast<Index>(inputs[i].size()), 8 + i);
        const Values start = inputs[i];
        const auto loss_at = [&](double distance) {
            for (std::size_t k = 0; k < start.size(); ++k) {
                inputs[i][k] = start[k] + distance * direction[k];
            }
            const Values y = value();
            double total = 0.0;
            for (std::size_t k = 0; k < y.size(); ++k) total += upstream[k] * y[k];
            return total;
        };
        const double slope = (loss_at(step) - loss_at(-step)) / (2.0 * step);
        inputs[i] = start;
        double along = 0.0;
        double size = 1e-2;
        for (std::size_t k = 0; k < start.size(); ++k) {
            along += gradients[i][k] * direction[k];
            size += std::abs(gradients[i][k] * direction[k]);
        }
        const double error = std::abs(slope - along) / size;
        worst =
            std::isfinite(error) ? std::max(worst, error) : std::numeric_limits<double>::infinity();
    }
    return worst;
}

/// What central differences can show in double.
inline constexpr double slope_tolerance = 1e-6;

/// Odd feature maps: single values, single pixels, odd and even sides, one full-size map.
inline constexpr std::array<MapShape, 9> map_shapes{{{1, 1, 1, 1},
                                                     {3, 1, 1, 13},
                                                     {1, 2, 3, 3},
                                                     {3, 5, 4, 13},
                                                     {1, 5, 4, 48},
                                                     {3, 2, 3, 70},
                                                     {1, 16, 16, 3},
                                                     {3, 16, 16, 1},
                                                     {3, 16, 16, 48}}};

[[nodiscard]] constexpr Index size_of(const MapShape& shape) {
    return shape.elements();
}

[[nodiscard]] inline std::string describe(const MapShape& shape) {
    std::ostringstream text;
    text << "map " << shape.batch << "x" << shape.height << "x" << shape.width << "x"
         << shape.channels;
    return text.str();
}

[[nodiscard]] inline std::string describe(const ConvShape& s) {
    std::ostringstream text;
    text << describe(MapShape{s.batch, s.height, s.width, s.in_channels}) << " to " << s.out_height
         << "x" << s.out_width << "x" << s.out_channels << ", kernel " << s.kernel_height << "x"
         << s.kernel_width << ", stride " << s.stride_height << "x" << s.stride_width
         << ", dilation " << s.dilation_height << "x" << s.dilation_width << ", padding "
         << s.pad_top << "x" << s.pad_left << ", groups " << s.groups;
    return text.str();
}

}  // namespace kasmina::conformance
