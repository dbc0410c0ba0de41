// Pointwise maps and their pullbacks: one pass over memory, derivatives from dual numbers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <kasmina/backend/pointwise.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/pack.hpp>
#include <kasmina/backends/eigen/rows.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

[[nodiscard]] constexpr bool varies_by_channel(Broadcast kind) noexcept {
    return kind == Broadcast::channel || kind == Broadcast::sample_channel;
}

[[nodiscard]] constexpr bool varies_by_sample(Broadcast kind) noexcept {
    return kind == Broadcast::sample || kind == Broadcast::sample_channel;
}

/// The output cut into rows, and rows into chunks. Where no operand varies by sample, all is one
/// sample; otherwise a chunk is made of whole samples.
template <class T, std::size_t N>
struct MapPlan {
    std::array<Broadcast, N> kinds;
    Index channels;
    Index sample_size;
    Index width;  ///< of a row; of the last one of a sample, what is left
    Index rows;
    Index rows_per_sample;
    Index rows_per_chunk;
    Index chunks;
    bool stretches = false;  ///< any of the operands

    MapPlan(const MapGeometry& geometry, const std::array<Operand<T>, N>& operands)
        : channels(geometry.channels) {
        bool by_channel = false;
        bool by_sample = false;
        for (std::size_t i = 0; i < N; ++i) {
            kinds[i] = operands[i].broadcast;
            by_channel = by_channel || varies_by_channel(kinds[i]);
            by_sample = by_sample || varies_by_sample(kinds[i]);
            stretches = stretches || kinds[i] != Broadcast::full;
        }
        constexpr Index chunk_size = 16384;
        const Index samples = by_sample ? geometry.samples : 1;
        sample_size = std::max<Index>(1, geometry.elements() / std::max<Index>(1, samples));
        width = by_channel ? row_width<T>(channels, sample_size / channels)
                           : std::min<Index>(sample_size, stretches ? 256 : chunk_size);
        rows_per_sample = (sample_size + width - 1) / width;
        rows = geometry.elements() == 0 ? 0 : samples * rows_per_sample;
        rows_per_chunk = by_sample ? rows_per_sample * std::max<Index>(1, chunk_size / sample_size)
                                   // Many enough that adding up the chunks' sums costs nothing.
                                   : std::max<Index>(stretches ? 64 : 1, chunk_size / width);
        chunks = (rows + rows_per_chunk - 1) / rows_per_chunk;
    }

    /// Between rows of scratch, which only stretched operands need.
    [[nodiscard]] Index stride() const { return stretches ? spaced<T>(width) : 0; }
    [[nodiscard]] Index period(std::size_t i) const {
        return varies_by_channel(kinds[i]) ? channels : 1;
    }
    /// Where operand `i`, stretched, has its values for a sample.
    [[nodiscard]] Index offset(std::size_t i, Index sample) const {
        return varies_by_sample(kinds[i]) ? sample * period(i) : 0;
    }

    /// Runs the rows of a chunk: begin(sample, first) before and end(sample, last) after the rows
    /// of a sample, with whether it is the first or last in the chunk, and row(start, length).
    template <class Begin, class Row, class End>
    void run(Index chunk, Begin&& begin, Row&& row, End&& end) const {
        const Index first = chunk * rows_per_chunk;
        const Index last = std::min(rows, first + rows_per_chunk);
        for (Index at = first; at < last; ++at) {
            const Index sample = at / rows_per_sample;
            const Index inside = at % rows_per_sample * width;
            if (at == first || inside == 0) begin(sample, at == first);
            row(sample * sample_size + inside, std::min(width, sample_size - inside));
            if (at + 1 == last || (at + 1) % rows_per_sample == 0) end(sample, at + 1 == last);
        }
    }

    /// Repeats the values of stretched operands for the rows of a sample.
    void spread_operands(const std::array<Operand<T>, N>& operands, Index sample, bool first,
                         T* values) const {
        for (std::size_t i = 0; i < N; ++i) {
            if (kinds[i] == Broadcast::full || !(first || varies_by_sample(kinds[i]))) continue;
            spread(operands[i].data + offset(i, sample), period(i),
                   values + static_cast<Index>(i) * stride(), width);
        }
    }
    /// Where a row of operand `i` is read.
    [[nodiscard]] const T* source(const std::array<Operand<T>, N>& operands, std::size_t i,
                                  Index start, const T* values) const {
        return kinds[i] == Broadcast::full ? operands[i].data + start
                                           : values + static_cast<Index>(i) * stride();
    }
};

/// A pointwise function of N operands on a run of numbers, its type forgotten: all that is compiled
/// for each function of a program is what these point to.
template <class T, std::size_t N>
struct MapRow {
    const void* function;
    void (*run)(const void* function, const std::array<const T*, N>& from, T* to, Index length);
};

/// The same for the way back: adds to or overwrites the gradients `to`.
template <class T, std::size_t N>
struct MapPullbackRow {
    const void* function;
    void (*run)(const void* function, const std::array<const T*, N>& from, const T* upstream,
                const std::array<GradientTarget<T>, N>& to, Index length);
};

template <class T, class F, std::size_t N>
void map_row(const void* function, const std::array<const T*, N>& from, T* to, Index length) {
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
        for_each_vector<T>(
            length, [=, f = *static_cast<const F*>(function)](Index place, auto count) {
                const Pack<T> result = f(Pack<T>(load_lanes(from[Is] + place, count))...);
                store_lanes(to + place, result.values, count);
            });
    }(std::make_index_sequence<N>{});
}

template <class T, class F, std::size_t N>
void map_pullback_row(const void* function, const std::array<const T*, N>& from, const T* upstream,
                      const std::array<GradientTarget<T>, N>& to, Index length) {
    using Number = Dual<Pack<T>, N>;
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
        for_each_vector<T>(
            length, [=, f = *static_cast<const F*>(function)](Index place, auto count) {
                const Number result =
                    f(Number::variable(Pack<T>(load_lanes(from[Is] + place, count)), Is)...);
                const Vector<T> gradient = load_lanes(upstream + place, count);
                const auto put = [=](const GradientTarget<T>& target, const Pack<T>& derivative) {
                    if (target) put_lanes(target, place, gradient * derivative.values, count);
                };
                (put(to[Is], result.derivatives[Is]), ...);
            });
    }(std::make_index_sequence<N>{});
}

template <class T, std::size_t N>
void map_rows(Context& context, MapRow<T, N> function, const Map<T, N>& call) {
    const MapPlan<T, N> plan(call.geometry, call.operands);
    constexpr Index count_of_operands = static_cast<Index>(N);
    context.parallel_for_with_scratch<T>(
        plan.chunks, count_of_operands * plan.stride(), [&](Index chunk, T* values) {
            plan.run(
                chunk,
                [&](Index sample, bool first) {
                    plan.spread_operands(call.operands, sample, first, values);
                },
                [&](Index start, Index length) {
                    std::array<const T*, N> from;
                    for (std::size_t i = 0; i < N; ++i) {
                        from[i] = plan.source(call.operands, i, start, values);
                    }
                    function.run(function.function, from, call.out + start, length);
                },
                [](Index, bool) {});
        });
}

template <class T, class F, std::size_t N>
void map(Context& context, const F& function, const Map<T, N>& call) {
    map_rows(context, MapRow<T, N>{&function, &map_row<T, F, N>}, call);
}

template <class T, std::size_t N>
void map_pullback_rows(Context& context, MapPullbackRow<T, N> function,
                       const MapPullback<T, N>& call) {
    const std::array<Operand<T>, N>& operands = call.operands;
    const std::array<GradientTarget<T>, N>& targets = call.targets;
    const T* const upstream = call.upstream;
    const MapPlan<T, N> plan(call.geometry, operands);
    constexpr Index count_of_operands = static_cast<Index>(N);
    const Index stride = plan.stride();

    // A sum per chunk and operand: over samples, or of the sample that the chunk is at.
    const auto is_summed = [&](std::size_t i) {
        return targets[i] && plan.kinds[i] != Broadcast::full;
    };
    const auto over_samples = [&](std::size_t i) {
        return is_summed(i) && !varies_by_sample(plan.kinds[i]);
    };
    bool sums = false;
    for (std::size_t i = 0; i < N; ++i) sums = sums || is_summed(i);
    const Index partial_stride = count_of_operands * stride;
    Buffer<double> partials = context.buffer<double>(sums ? plan.chunks * partial_stride : 0);

    context.parallel_for_with_scratch<T>(
        plan.chunks, 2 * count_of_operands * stride, [&](Index chunk, T* values) {
            T* gradients = values + count_of_operands * stride;
            const auto begin = [&](Index sample, bool first) {
                plan.spread_operands(operands, sample, first, values);
                for (std::size_t i = 0; i < N; ++i) {
                    if (plan.kinds[i] == Broadcast::full) continue;
                    if (!first && !varies_by_sample(plan.kinds[i])) continue;
                    std::fill_n(gradients + static_cast<Index>(i) * stride, plan.width, T{0});
                }
            };
            const auto row = [&](Index start, Index length) {
                std::array<GradientTarget<T>, N> to{};
                for (std::size_t i = 0; i < N; ++i) {
                    if (!targets[i]) continue;
                    to[i] =
                        plan.kinds[i] == Broadcast::full
                            ? GradientTarget<T>{targets[i].data + start, targets[i].accumulate}
                            : GradientTarget<T>{gradients + static_cast<Index>(i) * stride, true};
                }
                std::array<const T*, N> from;
                for (std::size_t i = 0; i < N; ++i) {
                    from[i] = plan.source(operands, i, start, values);
                }
                function.run(function.function, from, upstream + start, to, length);
            };
            const auto end = [&](Index sample, bool last) {
                for (std::size_t i = 0; i < N; ++i) {
                    const T* sum = gradients + static_cast<Index>(i) * stride;
                    const Index period = plan.period(i);
                    if (!targets[i] || plan.kinds[i] == Broadcast::full) continue;
                    const bool by_sample = varies_by_sample(plan.kinds[i]);
                    if (!by_sample && !last) continue;
                    double* total =
                        partials.data() + chunk * partial_stride + static_cast<Index>(i) * stride;
                    fold_into(sum, period, plan.width, total);
                    if (!by_sample) continue;
                    for (Index c = 0; c < period; ++c) {
                        put_total(targets[i], sample * period + c, total[c]);
                    }
                }
            };
            plan.run(chunk, begin, row, end);
        });

    for (std::size_t i = 0; i < N; ++i) {
        if (!over_samples(i)) continue;
        for_each_total(partials.data() + static_cast<Index>(i) * stride, plan.chunks,
                       partial_stride, plan.period(i),
                       [&](Index c, double total) { put_total(targets[i], c, total); });
    }
}

template <class T, class F, std::size_t N>
void map_pullback(Context& context, const F& function, const MapPullback<T, N>& call) {
    map_pullback_rows(context, MapPullbackRow<T, N>{&function, &map_pullback_row<T, F, N>}, call);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
