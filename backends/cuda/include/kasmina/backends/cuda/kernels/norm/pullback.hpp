// The way back through a norm: sums of the gradient by blocks, what follows from them, and grad_x.
#pragma once

#include <kasmina/requirements.hpp>

#include <kasmina/backends/cuda/gradient_put.hpp>
#include <kasmina/backends/cuda/kernels/norm/geometry.hpp>
#include <kasmina/backends/cuda/kernels/pooling/windows.hpp>
#include <kasmina/backends/cuda/kernels/reduction/partial_sums.hpp>

/// \file
/// With g the gradient of the normalised value - grad_y where ReLU let it through and, with a pool,
/// where its window has its maximum - and n values in a group:
///     grad_shift = sum(g), grad_scale = sum(g * (x - mean)) * inverse_deviation,
///     grad_x = factor * g - offset - (x - mean) * slope, where factor = scale * inverse_deviation,
///     offset = sum(factor * g) / n over the group, and
///     slope = sum(factor * g * (x - mean)) / n * inverse_deviation^2.
namespace kasmina::backends::cuda_detail {

/// The gradient of the normalised values at one element, for a thread's channels.
template <class T, int Width>
[[nodiscard]] KASMINA_DEVICE Lanes<T, Width> gradient_at(const NormLanes<T, Width>& norm,
                                                         const Lanes<T, Width>& value,
                                                         const T* grad_y, bool relu) {
    Lanes<T, Width> gradient = load_lanes<Width>(grad_y);
    KASMINA_DEVICE_UNROLL
    for (int i = 0; i < Width; ++i) {
        gradient[i] = through_relu(relu, norm.normalised(value[i], i), gradient[i]);
    }
    return gradient;
}

/// Where the gradient of the normalised values of plain maps comes from.
template <class T, int Width>
struct PlainGradient {
    static constexpr int corners = 1;
    const T* x;
    const T* grad_y;
    bool relu;
    Index sample_size;  ///< elements of a sample
    Index channels;

    /// Calls use(element, x, g) for the position's elements.
    template <class Use>
    KASMINA_DEVICE void visit(const NormLanes<T, Width>& norm, Index sample, Index position,
                              Index channel, const Use& use) const {
        const Index at = sample * sample_size + position * channels + channel;
        const Lanes<T, Width> value = load_lanes<Width>(x + at);
        use(at, value, gradient_at(norm, value, grad_y + at, relu));
    }
};

/// The same, with windows for positions: what is summed in the order of a pool's windows has the
/// bits of the norm that was pooled in one pass (I-1: a seed parts the two).
template <class T, int Width>
struct WindowedGradient {
    static constexpr int corners = 4;
    const T* x;
    const T* grad_y;
    bool relu;
    Windows windows;

    template <class Use>
    KASMINA_DEVICE void visit(const NormLanes<T, Width>& norm, Index, Index position, Index channel,
                              const Use& use) const {
        const Window window = window_at(windows, position);
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < 4; ++k) {
            if (!has_corner(window, k)) continue;
            const Index at = window.corner + corner_of(windows, k) + channel;
            const Lanes<T, Width> value = load_lanes<Width>(x + at);
            use(at, value, gradient_at(norm, value, grad_y + at, relu));
        }
    }
};

/// The same of maps that were pooled.
template <class T, int Width>
struct PooledGradient {
    static constexpr int corners = 4;
    const T* x;
    const T* grad_y;
    bool relu;
    Windows windows;

    template <class Use>
    KASMINA_DEVICE void visit(const NormLanes<T, Width>& norm, Index, Index position, Index channel,
                              const Use& use) const {
        const Window window = window_at(windows, position);
        const bool whole = window.right && window.below;
        Lanes<T, Width> values[4];
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < 4; ++k) {
            values[k] = has_corner(window, k)
                            ? load_lanes<Width>(x + window.corner + corner_of(windows, k) + channel)
                            : same_lanes<Width>(T{0});
        }
        Lanes<T, Width> gradient = same_lanes<Width>(T{0});
        Lanes<int, Width> place = same_lanes<Width>(-1);
        if (whole) {
            gradient = load_lanes<Width>(grad_y + window.pooled + channel);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const T a = norm.normalised(values[0][i], i);
                const T b = norm.normalised(values[1][i], i);
                const T c = norm.normalised(values[2][i], i);
                const T d = norm.normalised(values[3][i], i);
                place[i] = place_of_maximum(a, b, c, d);
                if (relu && !(maximum(a, b, c, d) > T{0})) place[i] = -1;
            }
        }
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < 4; ++k) {
            if (!has_corner(window, k)) continue;
            Lanes<T, Width> here;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) here[i] = place[i] == k ? gradient[i] : T{0};
            use(window.corner + corner_of(windows, k) + channel, values[k], here);
        }
    }
};

/// partials[sample][channel][chunk] = sum(g), sum(g * (x - mean)).
template <class T, int Width, class Gradient>
struct NormGradientSumsKernel {
    static constexpr const char* name = "norm_gradient_sums";
    /// Positions whose loads are under way together, and whose sums are as narrow as the scalar.
    static constexpr int batch = Gradient::corners == 1 ? 4 : 2;
    ChannelGrid grid;
    NormParameters<T> parameters;
    Gradient gradient;
    SumPair* partials;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        double sums[2 * static_cast<unsigned>(Width)] = {};
        if (place.active) {
            const auto norm = parameters.template at<Width>(place.sample, place.channel);
            for (Index position = place.first; position < place.end;
                 position += batch * grid.rows) {
                add(norm, place, position, sums);
            }
        }
        sum_rows(block, grid, place, sums,
                 block.template shared<double>(0, 2 * Width * ChannelGrid::threads));
        if (!place.active || place.row != 0) return;
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < Width; ++i) {
            const Index segment = place.sample * grid.channels + place.channel + i;
            partials[segment * grid.chunks + place.chunk] = {sums[i], sums[Width + i]};
        }
    }

private:
    KASMINA_DEVICE void add(const NormLanes<T, Width>& norm, const ChannelPlace& place, Index first,
                            double (&sums)[2 * static_cast<unsigned>(Width)]) const {
        T narrow[2 * static_cast<unsigned>(Width)] = {};
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < batch; ++k) {
            // Past the end the first is seen again and not counted.
            const Index position = first + k * grid.rows;
            const bool counts = position < place.end;
            gradient.visit(norm, place.sample, counts ? position : first, place.channel,
                           [&](Index, const Lanes<T, Width>& value, const Lanes<T, Width>& g) {
                               KASMINA_DEVICE_UNROLL
                               for (int i = 0; i < Width; ++i) {
                                   const T product = g[i] * (value[i] - norm.mean[i]);
                                   narrow[i] += counts ? g[i] : T{0};
                                   narrow[Width + i] += counts ? product : T{0};
                               }
                           });
        }
        KASMINA_DEVICE_UNROLL
        for (int i = 0; i < 2 * Width; ++i) sums[i] += static_cast<double>(narrow[i]);
    }
};

/// What the gradient of x needs of a group, from the sums of scale * g and scale * g * (x - mean)
/// over its `values`.
template <class T>
struct GroupCoefficients {
    T offset;
    T slope;

    [[nodiscard]] static KASMINA_DEVICE GroupCoefficients of(const SumPair& sums,
                                                             T inverse_deviation, Index values) {
        const double deviation = static_cast<double>(inverse_deviation);
        const double share = deviation / static_cast<double>(values);
        return {static_cast<T>(sums.first * share),
                static_cast<T>(sums.second * share * deviation * deviation)};
    }
};

/// The same of all groups.
template <class T>
struct NormCoefficients {
    T* offset = nullptr;
    T* slope = nullptr;
};

/// From the blocks' sums: the coefficients of each sample's groups, if these are wanted, and the
/// gradients of scale and shift. One warp for each of these.
template <class T>
struct NormGradientKernel {
    static constexpr const char* name = "norm_gradient";
    ChannelGrid grid;
    NormParameters<T> parameters;
    const SumPair* partials;
    Index values;      ///< in a group
    Index statistics;  ///< samples * groups where coefficients are wanted, else 0
    NormCoefficients<T> coefficients;
    GradientTarget<T> grad_scale;
    GradientTarget<T> grad_shift;

    [[nodiscard]] Launch launch() const {
        const bool wanted = grad_scale || grad_shift;
        return over_warps(statistics + (wanted ? grid.channels : 0));
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const Index warp = warp_in_grid(block);
        if (warp < statistics) {
            coefficients_of(block, warp);
        } else if (warp - statistics < grid.channels) {
            parameters_of(block, warp - statistics);
        }
    }

private:
    template <Block B>
    KASMINA_DEVICE void coefficients_of(B& block, Index statistic) const {
        const NormGroups& groups = parameters.groups;
        const Index sample = statistic / groups.groups;
        const Index first = (statistic - sample * groups.groups) * groups.members;
        const Index length = groups.members * grid.chunks;
        const SumPair* from = partials + statistic * length;
        const SumPair sums = warp_sum_pairs(block, length, [&](Index i) {
            const double scale = static_cast<double>(parameters.scale[first + i / grid.chunks]);
            return SumPair{scale * from[i].first, scale * from[i].second};
        });
        if (lane_of(block) != 0) return;
        const auto of_group =
            GroupCoefficients<T>::of(sums, parameters.inverse_deviation[statistic], values);
        coefficients.offset[statistic] = of_group.offset;
        coefficients.slope[statistic] = of_group.slope;
    }

    template <Block B>
    KASMINA_DEVICE void parameters_of(B& block, Index channel) const {
        const SumPair sums = warp_sum_pairs(block, grid.samples * grid.chunks, [&](Index i) {
            const Index sample = i / grid.chunks;
            const Index chunk = i - sample * grid.chunks;
            const SumPair at = partials[(sample * grid.channels + channel) * grid.chunks + chunk];
            const Index statistic = parameters.groups.statistic(sample, channel);
            const double deviation = static_cast<double>(parameters.inverse_deviation[statistic]);
            return SumPair{at.first, at.second * deviation};
        });
        if (lane_of(block) != 0) return;
        put(grad_shift, channel, static_cast<T>(sums.first));
        put(grad_scale, channel, static_cast<T>(sums.second));
    }
};

/// grad_x (+)= factor * g - offset - (x - mean) * slope; without coefficients factor * g.
template <class T, int Width, class Gradient>
struct NormPullbackKernel {
    static constexpr const char* name = "norm_pullback";
    ChannelGrid grid;
    NormParameters<T> parameters;
    Gradient gradient;
    NormCoefficients<T> coefficients;  ///< null for none
    GradientTarget<T> grad_x;

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const ChannelPlace place = place_in(grid, block);
        if (!place.active) return;
        const auto norm = parameters.template at<Width>(place.sample, place.channel);
        Lanes<T, Width> offset = same_lanes<Width>(T{0});
        Lanes<T, Width> slope = same_lanes<Width>(T{0});
        if (coefficients.offset != nullptr) {
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const Index at = parameters.groups.statistic(place.sample, place.channel + i);
                offset[i] = coefficients.offset[at];
                slope[i] = coefficients.slope[at];
            }
        }
        const auto write = [&](Index at, const Lanes<T, Width>& value, const Lanes<T, Width>& g) {
            Lanes<T, Width> result;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                result[i] =
                    norm.factor[i] * g[i] - offset[i] - (value[i] - norm.mean[i]) * slope[i];
            }
            put_lanes(grad_x, at, result);
        };
        for (Index position = place.first; position < place.end; position += grid.rows) {
            gradient.visit(norm, place.sample, position, place.channel, write);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
