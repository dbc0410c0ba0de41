// Pointwise maps and their pullbacks: one pass over memory, derivatives from dual numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include <kasmina/backend/offset_by.hpp>
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

/// Most operands that a function may have.
inline constexpr std::size_t most_operands = 8;

/// The operands of a call, their number forgotten: what a function does not decide is compiled
/// once for all functions.
template <class T>
using Operands = std::span<const Operand<T>>;

/// The output cut into rows, and rows into chunks. Where no operand varies by sample, all is one
/// sample; otherwise a chunk is made of whole samples.
template <class T>
struct MapPlan {
    Operands<T> operands;
    Index channels;
    Index sample_size;
    Index width;  ///< of a row; of the last one of a sample, what is left
    Index rows;
    Index rows_per_sample;
    Index rows_per_chunk;
    Index chunks;
    bool stretches = false;  ///< any of the operands

    MapPlan(const MapGeometry& geometry, Operands<T> given);

    /// Between rows of scratch, which only stretched operands need.
    [[nodiscard]] Index stride() const { return stretches ? spaced<T>(width) : 0; }
    /// What scratch takes for one row of each operand.
    [[nodiscard]] Index scratch() const { return std::ssize(operands) * stride(); }
    /// Where that of operand `i` is.
    [[nodiscard]] Index place(std::size_t i) const { return static_cast<Index>(i) * stride(); }

    [[nodiscard]] bool stretched(std::size_t i) const {
        return operands[i].broadcast != Broadcast::full;
    }
    [[nodiscard]] bool by_sample(std::size_t i) const {
        return varies_by_sample(operands[i].broadcast);
    }
    [[nodiscard]] Index period(std::size_t i) const {
        return varies_by_channel(operands[i].broadcast) ? channels : 1;
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
    void spread_operands(Index sample, bool first, T* values) const;

    /// Where the row from `start` on of each operand is read.
    void sources(Index start, const T* values, const T** from) const {
        for (std::size_t i = 0; i < operands.size(); ++i) {
            from[i] = stretched(i) ? values + place(i) : operands[i].data + start;
        }
    }
};

template <class T>
MapPlan<T>::MapPlan(const MapGeometry& geometry, Operands<T> given)
    : operands(given), channels(geometry.channels) {
    bool any_by_channel = false;
    bool any_by_sample = false;
    for (const Operand<T>& operand : operands) {
        any_by_channel = any_by_channel || varies_by_channel(operand.broadcast);
        any_by_sample = any_by_sample || varies_by_sample(operand.broadcast);
        stretches = stretches || operand.broadcast != Broadcast::full;
    }
    constexpr Index chunk_size = 16384;
    const Index samples = any_by_sample ? geometry.samples : 1;
    sample_size = std::max<Index>(1, geometry.elements() / std::max<Index>(1, samples));
    width = any_by_channel ? row_width<T>(channels, sample_size / channels)
                           : std::min<Index>(sample_size, stretches ? 256 : chunk_size);
    rows_per_sample = (sample_size + width - 1) / width;
    rows = geometry.elements() == 0 ? 0 : samples * rows_per_sample;
    rows_per_chunk = any_by_sample ? rows_per_sample * std::max<Index>(1, chunk_size / sample_size)
                                   // Many enough that adding up the chunks' sums costs nothing.
                                   : std::max<Index>(stretches ? 64 : 1, chunk_size / width);
    chunks = (rows + rows_per_chunk - 1) / rows_per_chunk;
}

template <class T>
void MapPlan<T>::spread_operands(Index sample, bool first, T* values) const {
    for (std::size_t i = 0; i < operands.size(); ++i) {
        if (!stretched(i) || !(first || by_sample(i))) continue;
        const Index offset = by_sample(i) ? sample * period(i) : 0;
        spread(operands[i].data + offset, period(i), values + place(i), width);
    }
}

/// A pointwise function on a run of numbers, its type forgotten: all that is compiled for each
/// function of a program is what these point to.
template <class T>
struct MapRow {
    const void* function;
    void (*run)(const void* function, const T* const* from, T* to, Index length);
};

/// The same for the way back: adds to or overwrites the gradients `to`.
template <class T>
struct MapPullbackRow {
    const void* function;
    void (*run)(const void* function, const T* const* from, const T* upstream,
                const GradientTarget<T>* to, Index length);
};

/// The last numbers of a row as a whole register. The rest of it is the first of them again, so
/// that a function computes nothing there that it would not compute anyway.
template <class T>
struct Tail {
    T numbers[static_cast<std::size_t>(lanes<T>)];

    const T* read(const T* from, Index count) {
        std::fill_n(std::copy_n(from, count, numbers), lanes<T> - count, *from);
        return numbers;
    }
};

/// The last numbers of each of `count` operands as whole registers: `from` points to those after
/// it.
template <class T>
KASMINA_NEVER_INLINE void read_tails(const T** from, std::size_t count, Tail<T>* tails, Index whole,
                                     Index rest) {
    for (std::size_t i = 0; i < count; ++i) from[i] = tails[i].read(from[i] + whole, rest);
}

/// The same for gradients that are added to, or written.
template <class T>
KASMINA_NEVER_INLINE void read_tails(GradientTarget<T>* to, std::size_t count, Tail<T>* results,
                                     Index whole, Index rest) {
    for (std::size_t i = 0; i < count; ++i) {
        if (!to[i]) continue;
        if (to[i].accumulate) results[i].read(to[i].data + whole, rest);
        to[i].data = results[i].numbers;
    }
}

/// Puts gradients of a row's last numbers where they belong.
template <class T>
KASMINA_NEVER_INLINE void write_tails(const GradientTarget<T>* to, std::size_t count,
                                      const Tail<T>* results, Index whole, Index rest) {
    for (std::size_t i = 0; i < count; ++i) {
        if (to[i]) std::copy_n(results[i].numbers, rest, to[i].data + whole);
    }
}

template <class T, class F, std::size_t... Is>
void map_row(const void* function, const T* const* operands, T* to, Index length) {
    constexpr std::size_t count = sizeof...(Is);
    const F f = *static_cast<const F*>(function);
    const T* from[count] = {operands[Is]...};
    const Index rest = length % lanes<T>;
    Tail<T> result;
    Tail<T> tails[count];
    T* out = to;
    const Index whole = length - rest;
    // Twice through one loop, which is compiled once: whole registers in place, then the rest.
    for (Index end = whole;; end = lanes<T>) {
        const T* const in[count] = {from[Is]...};  // addresses that stay in registers
        for (Index place = 0; place < end; place += lanes<T>) {
            store(out + place, f(Pack<T>(load<Vector<T>>(in[Is] + place))...).values);
        }
        if (out == result.numbers) break;
        if (rest == 0) return;
        read_tails(from, count, tails, whole, rest);
        out = result.numbers;
    }
    std::copy_n(result.numbers, rest, to + whole);
}

/// A gradient of a register of numbers, if it is wanted.
template <class T>
KASMINA_ALWAYS_INLINE void put_gradient(const GradientTarget<T>& target, Index place,
                                        Vector<T> gradient) {
    if (target) put_lanes(target, place, gradient, AllLanes<T>{});
}

template <class T, class F, std::size_t... Is>
void map_pullback_row(const void* function, const T* const* operands, const T* upstream,
                      const GradientTarget<T>* targets, Index length) {
    constexpr std::size_t count = sizeof...(Is);
    using Number = Dual<Pack<T>, count>;
    const F f = *static_cast<const F*>(function);
    const T* from[count] = {operands[Is]...};
    GradientTarget<T> to[count] = {targets[Is]...};
    const Index rest = length % lanes<T>;
    const Index whole = length - rest;
    Tail<T> tails[count];
    Tail<T> results[count];
    Tail<T> gradients;
    bool in_place = true;
    for (Index end = whole;; end = lanes<T>) {
        const T* const in[count] = {from[Is]...};  // addresses that stay in registers
        const GradientTarget<T> out[count] = {to[Is]...};
        for (Index place = 0; place < end; place += lanes<T>) {
            const Number result =
                f(Number::variable(Pack<T>(load<Vector<T>>(in[Is] + place)), Is)...);
            const Vector<T> gradient = load<Vector<T>>(upstream + place);
            (put_gradient<T>(out[Is], place, gradient * result.derivatives[Is].values), ...);
        }
        if (!in_place) break;
        if (rest == 0) return;
        in_place = false;
        upstream = gradients.read(upstream + whole, rest);
        read_tails(from, count, tails, whole, rest);
        read_tails(to, count, results, whole, rest);
    }
    write_tails(targets, count, results, whole, rest);
}

template <class T>
void map_rows(Context& context, MapRow<T> function, const MapGeometry& geometry,
              Operands<T> operands, T* out) {
    const MapPlan<T> plan(geometry, operands);
    context.parallel_for_with_scratch<T>(plan.chunks, plan.scratch(), [&](Index chunk, T* values) {
        plan.run(
            chunk, [&](Index sample, bool first) { plan.spread_operands(sample, first, values); },
            [&](Index start, Index length) {
                const T* from[most_operands];
                plan.sources(start, values, from);
                function.run(function.function, from, out + start, length);
            },
            [](Index, bool) {});
    });
}

/// The rows of a function of as many operands as there are indices.
template <class T, class F, std::size_t... Is>
[[nodiscard]] MapRow<T> row_of(const F& function, std::index_sequence<Is...>) {
    return {&function, &map_row<T, F, Is...>};
}

template <class T, class F, std::size_t N>
void map(Context& context, const F& function, const Map<T, N>& call) {
    static_assert(N <= most_operands);
    map_rows<T>(context, row_of<T>(function, std::make_index_sequence<N>{}), call.geometry,
                call.operands, call.out);
}

/// The way back: which gradients are wanted, and where rows and chunks put their sums.
template <class T>
struct MapPullbackPlan {
    MapPlan<T> plan;
    const T* upstream;
    std::span<const GradientTarget<T>> targets;

    /// Where row `start` of each operand puts its gradient; `sums` is scratch.
    void places(Index start, T* sums, GradientTarget<T>* to) const {
        for (std::size_t i = 0; i < targets.size(); ++i) {
            to[i] = !targets[i] ? GradientTarget<T>{}
                    : plan.stretched(i)
                        ? GradientTarget<T>{sums + plan.place(i), true}
                        : GradientTarget<T>{targets[i].data + start, targets[i].accumulate};
        }
    }

    /// Whether the gradient is a sum: over samples, or of the sample that a chunk is at. Then there
    /// is a partial sum per chunk.
    [[nodiscard]] bool is_summed(std::size_t i) const { return targets[i] && plan.stretched(i); }

    [[nodiscard]] bool over_samples(std::size_t i) const {
        return is_summed(i) && !plan.by_sample(i);
    }

    [[nodiscard]] bool any_is_summed() const {
        bool any = false;
        for (std::size_t i = 0; i < targets.size(); ++i) any = any || is_summed(i);
        return any;
    }

    /// Sums of stretched operands begin at 0 with a chunk, or with a sample.
    void begin_sums(bool first, T* sums) const {
        for (std::size_t i = 0; i < targets.size(); ++i) {
            if (!plan.stretched(i) || !(first || plan.by_sample(i))) continue;
            std::fill_n(sums + plan.place(i), plan.width, T{0});
        }
    }

    /// Adds up the sums of a chunk in its `partials`, and puts those of a sample where they are
    /// wanted.
    void end_sums(Index sample, bool last, const T* sums, double* partials) const {
        for (std::size_t i = 0; i < targets.size(); ++i) {
            if (!is_summed(i) || !(last || plan.by_sample(i))) continue;
            const Index period = plan.period(i);
            double* total = partials + plan.place(i);
            fold_into(sums + plan.place(i), period, plan.width, total);
            if (!plan.by_sample(i)) continue;
            for (Index c = 0; c < period; ++c) {
                put_total(targets[i], sample * period + c, total[c]);
            }
        }
    }
};

template <class T>
void map_pullback_rows(Context& context, MapPullbackRow<T> function, const MapGeometry& geometry,
                       Operands<T> operands, const T* upstream,
                       std::span<const GradientTarget<T>> targets) {
    const MapPullbackPlan<T> pullback{MapPlan<T>(geometry, operands), upstream, targets};
    const MapPlan<T>& plan = pullback.plan;
    const Index scratch = plan.scratch();
    Buffer<double> partials =
        context.buffer<double>(pullback.any_is_summed() ? plan.chunks * scratch : 0);
    context.parallel_for_with_scratch<T>(plan.chunks, 2 * scratch, [&](Index chunk, T* values) {
        T* sums = values + scratch;
        plan.run(
            chunk,
            [&](Index sample, bool first) {
                plan.spread_operands(sample, first, values);
                pullback.begin_sums(first, sums);
            },
            [&](Index start, Index length) {
                const T* from[most_operands];
                GradientTarget<T> to[most_operands];
                plan.sources(start, values, from);
                pullback.places(start, sums, to);
                function.run(function.function, from, upstream + start, to, length);
            },
            [&](Index sample, bool last) {
                pullback.end_sums(sample, last, sums, offset_by(partials.data(), chunk * scratch));
            });
    });
    for (std::size_t i = 0; i < targets.size(); ++i) {
        if (!pullback.over_samples(i)) continue;
        for_each_total(partials.data(), plan.place(i), plan.chunks, scratch, plan.period(i),
                       [&](Index c, double total) { put_total(targets[i], c, total); });
    }
}

template <class T, class F, std::size_t... Is>
[[nodiscard]] MapPullbackRow<T> pullback_row_of(const F& function, std::index_sequence<Is...>) {
    return {&function, &map_pullback_row<T, F, Is...>};
}

template <class T, class F, std::size_t N>
void map_pullback(Context& context, const F& function, const MapPullback<T, N>& call) {
    static_assert(N <= most_operands);
    map_pullback_rows<T>(context, pullback_row_of<T>(function, std::make_index_sequence<N>{}),
                         call.geometry, call.operands, call.upstream, call.targets);
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
