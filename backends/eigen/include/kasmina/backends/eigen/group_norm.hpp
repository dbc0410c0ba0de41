// Group norm and its pullback: sample by sample, while the sample is in the cache.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include <kasmina/backend/gradient_target.hpp>
#include <kasmina/backend/group_norm.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/layer_norm.hpp>
#include <kasmina/backends/eigen/rows.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// How samples are dealt out: many small ones make one chunk of work.
template <class T>
struct GroupNormPlan {
    NormGeometry geometry;
    Index sample_size;
    Index samples_per_chunk;
    Index chunks;
    Index width;   ///< of a row: whole positions
    Index stride;  ///< between rows of scratch

    explicit GroupNormPlan(const NormGeometry& of) : geometry(of) {
        sample_size = of.positions * of.channels;
        samples_per_chunk = std::max<Index>(1, 16384 / std::max<Index>(1, sample_size));
        chunks = (of.samples + samples_per_chunk - 1) / samples_per_chunk;
        width = row_width<T>(of.channels, of.positions);
        stride = spaced<T>(width);
    }

    [[nodiscard]] Index group_size() const { return geometry.channels / geometry.groups; }
    [[nodiscard]] Index group_elements() const { return geometry.positions * group_size(); }

    template <class F>
    void for_each_sample(Index chunk, F&& f) const {
        const Index first = chunk * samples_per_chunk;
        const Index last = std::min(geometry.samples, first + samples_per_chunk);
        for (Index sample = first; sample < last; ++sample) f(sample);
    }

    /// The sum over the channels of a group.
    [[nodiscard]] double group_sum(const double* per_channel, Index group) const {
        double sum = 0.0;
        const double* from = per_channel + group * group_size();
        for (Index c = 0; c < group_size(); ++c) sum += from[c];
        return sum;
    }

    /// row[i] = per_group[group of i], for the whole width.
    void spread_groups(const T* per_group, T* row) const {
        for (Index c = 0; c < geometry.channels; ++c) row[c] = per_group[c / group_size()];
        spread_first(row, geometry.channels, width);
    }
};

/// The mean and 1 / deviation of each group of one sample, in two passes: nothing cancels.
/// `row` and `sums` are scratch.
template <class T>
void group_statistics(const GroupNormPlan<T>& plan, double epsilon, const T* x, T* mean,
                      T* inverse_deviation, T* row, double* sums) {
    const Index channels = plan.geometry.channels;
    const double count = static_cast<double>(plan.group_elements());
    std::fill_n(sums, plan.width, 0.0);
    sum_rows_of(x, plan.sample_size, plan.width, sums);
    fold(sums, channels, plan.width);
    for (Index group = 0; group < plan.geometry.groups; ++group) {
        mean[group] = static_cast<T>(plan.group_sum(sums, group) / count);
    }
    plan.spread_groups(mean, row);
    std::fill_n(sums, plan.width, 0.0);
    sum_rows<1, T>(plan.sample_size, plan.width, sums, plan.stride,
                   [&](Index at, Index i, auto lanes_used) {
                       const Vector<T> centred =
                           load_lanes(x + at, lanes_used) - load_lanes(row + i, lanes_used);
                       return std::array{centred * centred};
                   });
    fold(sums, channels, plan.width);
    for (Index group = 0; group < plan.geometry.groups; ++group) {
        const double variance = plan.group_sum(sums, group) / count;
        inverse_deviation[group] = static_cast<T>(1.0 / std::sqrt(variance + epsilon));
    }
}

/// y may be x or residual.
template <class T>
void group_norm(Context& context, const GroupNorm<T>& call) {
    const NormGeometry geometry = call.geometry;
    if (is_layer_norm(geometry)) return layer_norm(context, call);
    const GroupNormPlan<T> plan(geometry);
    const Index channels = geometry.channels;
    const bool relu = call.relu;
    const T* const x = call.x;
    const T* const scale = call.scale;
    const T* const residual = call.residual;
    T* const y = call.y;
    context.parallel_for_with_sums<T>(
        plan.chunks, 3 * plan.stride, plan.stride, [&](Index chunk, T* scratch, double* sums) {
            T* means = scratch;
            T* factors = means + plan.stride;
            T* shifts = factors + plan.stride;
            spread(call.shift, channels, shifts, plan.width);
            plan.for_each_sample(chunk, [&](Index sample) {
                const T* from = x + sample * plan.sample_size;
                const T* added =
                    residual == nullptr ? nullptr : residual + sample * plan.sample_size;
                T* to = y + sample * plan.sample_size;
                T* sample_mean = call.mean + sample * geometry.groups;
                T* sample_inverse = call.inverse_deviation + sample * geometry.groups;
                group_statistics(plan, call.epsilon, from, sample_mean, sample_inverse, means,
                                 sums);
                plan.spread_groups(sample_mean, means);
                for (Index c = 0; c < channels; ++c) {
                    factors[c] = scale[c] * sample_inverse[c / plan.group_size()];
                }
                spread_first(factors, channels, plan.width);
                for_each_row(plan.sample_size, plan.width, [=](Index start, Index length) {
                    for_each_vector<T>(length, [=](Index i, auto count) {
                        Vector<T> value =
                            (load_lanes(from + start + i, count) - load_lanes(means + i, count)) *
                                load_lanes(factors + i, count) +
                            load_lanes(shifts + i, count);
                        if (relu) value = rectified<T>(value);
                        if (added != nullptr) value += load_lanes(added + start + i, count);
                        store_lanes(to + start + i, value, count);
                    });
                });
            });
        });
}

/// The gradients of x, scale and shift. The ReLU's mask is computed again from x. `grad_x` may be
/// grad_y when it does not accumulate.
template <class T>
void group_norm_pullback(Context& context, const GroupNormPullback<T>& call) {
    const NormGeometry geometry = call.geometry;
    if (is_layer_norm(geometry)) return layer_norm_pullback(context, call);
    const GroupNormPlan<T> plan(geometry);
    const Index channels = geometry.channels;
    const bool relu = call.relu;
    const T* const x = call.x;
    const T* const scale = call.scale;
    const T* const grad_y = call.grad_y;
    const GradientTarget<T> grad_x = call.grad_x;
    const Index partial = spaced<double>(channels);
    // Per chunk: the sums of the gradient times the normalised x, and of the gradient.
    Buffer<double> partials = context.buffer<double>(2 * partial * plan.chunks);

    const Index rows = 6;
    context.parallel_for_with_sums<T>(
        plan.chunks, rows * plan.stride, 2 * plan.stride,
        [&](Index chunk, T* scratch, double* scale_sums) {
            T* means = scratch;
            T* factors = means + plan.stride;  // of the forward pass, and of grad_y in grad_x
            T* shifts = factors + plan.stride;
            T* inverses = shifts + plan.stride;
            double* shift_sums = scale_sums + plan.stride;
            T* constants = inverses + plan.stride;  // of grad_x, and its share of x - mean
            T* slopes = constants + plan.stride;
            double* chunk_scale = partials.data() + 2 * partial * chunk;
            double* chunk_shift = chunk_scale + partial;
            std::fill_n(chunk_scale, 2 * partial, 0.0);
            spread(call.shift, channels, shifts, plan.width);

            plan.for_each_sample(chunk, [&](Index sample) {
                const T* from = x + sample * plan.sample_size;
                const T* upstream = grad_y + sample * plan.sample_size;
                const T* sample_inverse = call.inverse_deviation + sample * geometry.groups;
                plan.spread_groups(call.mean + sample * geometry.groups, means);
                plan.spread_groups(sample_inverse, inverses);
                for (Index c = 0; c < channels; ++c) factors[c] = scale[c] * inverses[c];
                spread_first(factors, channels, plan.width);
                std::fill_n(scale_sums, plan.width, 0.0);
                std::fill_n(shift_sums, plan.width, 0.0);

                // The upstream gradient behind the ReLU.
                const auto behind_relu = [=](Index at, Index i, Vector<T> centred, auto count) {
                    const Vector<T> gradient = load_lanes(upstream + at, count);
                    if (!relu) return gradient;
                    const Vector<T> value =
                        centred * load_lanes(factors + i, count) + load_lanes(shifts + i, count);
                    return is_at_most_zero<T>(value) ? Vector<T>{} : gradient;
                };
                sum_rows<2, T>(plan.sample_size, plan.width, scale_sums, plan.stride,
                               [&](Index at, Index i, auto count) {
                                   const Vector<T> centred =
                                       load_lanes(from + at, count) - load_lanes(means + i, count);
                                   const Vector<T> gradient = behind_relu(at, i, centred, count);
                                   return std::array{gradient * centred, gradient};
                               });
                fold(scale_sums, channels, plan.width);
                fold(shift_sums, channels, plan.width);
                for (Index c = 0; c < channels; ++c) {
                    scale_sums[c] *= static_cast<double>(inverses[c]);
                    chunk_scale[c] += scale_sums[c];
                    chunk_shift[c] += shift_sums[c];
                }
                if (!grad_x) return;

                // With n = the normalised x and g = scale * gradient:
                // grad_x = inverse_deviation * (g - mean(g) - n * mean(g * n)).
                for (Index c = 0; c < channels; ++c) {
                    scale_sums[c] *= static_cast<double>(scale[c]);
                    shift_sums[c] *= static_cast<double>(scale[c]);
                }
                for (Index group = 0; group < geometry.groups; ++group) {
                    const double count = static_cast<double>(plan.group_elements());
                    const double inverse = static_cast<double>(sample_inverse[group]);
                    const double gradient = plan.group_sum(shift_sums, group) / count;
                    const double slope = plan.group_sum(scale_sums, group) / count;
                    const Index first = group * plan.group_size();
                    std::fill_n(constants + first, plan.group_size(),
                                static_cast<T>(inverse * gradient));
                    std::fill_n(slopes + first, plan.group_size(),
                                static_cast<T>(inverse * inverse * slope));
                }
                spread_first(constants, channels, plan.width);
                spread_first(slopes, channels, plan.width);
                const GradientTarget<T> to{grad_x.data + sample * plan.sample_size,
                                           grad_x.accumulate};
                for_each_row(plan.sample_size, plan.width, [=](Index start, Index length) {
                    for_each_vector<T>(length, [=](Index i, auto count) {
                        const Vector<T> centred =
                            load_lanes(from + start + i, count) - load_lanes(means + i, count);
                        const Vector<T> gradient = behind_relu(start + i, i, centred, count);
                        put_lanes(to, start + i,
                                  gradient * load_lanes(factors + i, count) -
                                      load_lanes(constants + i, count) -
                                      centred * load_lanes(slopes + i, count),
                                  count);
                    });
                });
            });
        });

    const auto total = [&](Index offset, const GradientTarget<T>& target) {
        if (!target) return;
        for_each_total(partials.data(), offset, plan.chunks, 2 * partial, channels,
                       [&](Index c, double sum) { put_total(target, c, sum); });
    };
    total(0, call.grad_scale);
    total(partial, call.grad_shift);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
