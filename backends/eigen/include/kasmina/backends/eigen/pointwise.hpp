// Pointwise maps and their pullbacks: one pass over memory, derivatives from dual numbers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/pack.hpp>
#include <kasmina/tensor/kernel_types.hpp>

namespace kasmina::backends::eigen_detail {

/// The output as chunks of rows. Within a row an operand either runs along or stays; operands
/// without a channel index let whole samples, and without any index everything, be one row.
struct RowPlan {
    Index chunks;          ///< units of parallel work, and of partial sums
    Index rows_per_chunk;  ///< all of one sample, or one piece of a flat tensor
    Index row;             ///< elements of a row (the last may be shorter)
    Index elements;
    bool chunk_is_sample;

    /// Elements of a flat tensor's chunk: fits the first-level cache with several operands.
    static constexpr Index flat_row = 4096;

    template <std::size_t N>
    RowPlan(const MapGeometry& geometry, const std::array<Broadcast, N>& kinds)
        : elements(geometry.elements()) {
        bool by_channel = false;
        bool by_sample = false;
        for (const Broadcast kind : kinds) {
            by_channel = by_channel || kind == Broadcast::channel ||
                         kind == Broadcast::sample_channel;
            by_sample = by_sample || kind == Broadcast::sample ||
                        kind == Broadcast::sample_channel;
        }
        chunk_is_sample = by_channel || by_sample;
        if (!chunk_is_sample) {
            row = std::min(elements, flat_row);
            rows_per_chunk = 1;
            chunks = elements == 0 ? 0 : (elements + row - 1) / row;
        } else {
            row = by_channel ? geometry.channels : geometry.positions * geometry.channels;
            rows_per_chunk = by_channel ? geometry.positions : 1;
            chunks = geometry.samples;
        }
    }

    [[nodiscard]] Index offset(Index chunk, Index index) const {
        return (chunk * rows_per_chunk + index) * row;
    }
    [[nodiscard]] Index length(Index start) const { return std::min(row, elements - start); }
};

[[nodiscard]] constexpr bool runs_along_row(Broadcast kind) noexcept {
    return kind == Broadcast::full || kind == Broadcast::channel ||
           kind == Broadcast::sample_channel;
}

/// Where an operand (or its partial gradient) of `kind` starts for a row.
[[nodiscard]] constexpr Index operand_offset(Broadcast kind, Index chunk, Index start,
                                             Index row) noexcept {
    switch (kind) {
        case Broadcast::full: return start;
        case Broadcast::sample_channel: return chunk * row;
        case Broadcast::sample: return chunk;
        case Broadcast::channel:
        case Broadcast::scalar: break;
    }
    return 0;
}

/// Reads one operand along a row, `lanes` at a time; a single value is spread over a register
/// once and read again and again.
template <class T>
struct RowReader {
    alignas(64) T spread[static_cast<std::size_t>(lanes<T>)];
    const T* from;
    Index step;

    void start(const Operand<T>& operand, Index chunk, Index start_of_row, Index row) {
        from = operand.data + operand_offset(operand.broadcast, chunk, start_of_row, row);
        step = runs_along_row(operand.broadcast) ? 1 : 0;
        if (step == 0) {
            std::fill_n(spread, lanes<T>, *from);
            from = spread;
        }
    }
    [[nodiscard]] Pack<T> at(Index place) const { return Pack<T>::load_from(from + place * step); }

    /// The last `count` elements, the register filled up with the very last one: no lane holds a
    /// number that the callable would not meet anyway.
    [[nodiscard]] Pack<T> last(Index place, Index count) const {
        if (step == 0) return at(0);
        alignas(64) T values[static_cast<std::size_t>(lanes<T>)];
        std::copy_n(from + place, count, values);
        std::fill(values + count, values + lanes<T>, from[place + count - 1]);
        return Pack<T>::load_from(values);
    }
};

template <class T, class F, std::size_t N>
void map(Context& context, const F& function, const MapGeometry& geometry,
         const std::array<Operand<T>, N>& operands, T* out) {
    std::array<Broadcast, N> kinds;
    for (std::size_t i = 0; i < N; ++i) kinds[i] = operands[i].broadcast;
    const RowPlan plan(geometry, kinds);
    context.parallel_for(plan.chunks, [&](Index chunk) {
        std::array<RowReader<T>, N> readers;
        for (Index index = 0; index < plan.rows_per_chunk; ++index) {
            const Index start = plan.offset(chunk, index);
            const Index length = plan.length(start);
            for (std::size_t i = 0; i < N; ++i) {
                readers[i].start(operands[i], chunk, start, plan.row);
            }
            [&]<std::size_t... Is>(std::index_sequence<Is...>) {
                Index place = 0;
                for (; place + lanes<T> <= length; place += lanes<T>) {
                    function(readers[Is].at(place)...).store_to(out + start + place);
                }
                if (const Index rest = length - place; rest > 0) {
                    store_first<T>(out + start + place,
                                   function(readers[Is].last(place, rest)...).lanes_of, rest);
                }
            }(std::make_index_sequence<N>{});
        }
    });
}

/// One operand's gradient while a chunk is swept: written along with the row, or summed up.
template <class T>
struct GradientWriter {
    T* to = nullptr;       // null: not wanted
    bool adds = false;     // to what is there
    bool along = false;    // runs along the row, else one value
    Pack<T> sum{0};

    void put(Index place, const Pack<T>& gradient) {
        if (to == nullptr) return;
        if (!along) {
            sum = sum + gradient;
        } else if (adds) {
            (Pack<T>::load_from(to + place) + gradient).store_to(to + place);
        } else {
            gradient.store_to(to + place);
        }
    }
    void put_last(Index place, const Pack<T>& gradient, Index count) {
        if (to == nullptr) return;
        if (!along) {
            sum = sum + gradient;  // the filled-up lanes have an upstream gradient of 0
        } else {
            Vector<T> value = gradient.lanes_of;
            if (adds) value += load_first<T>(to + place, count);
            store_first<T>(to + place, value, count);
        }
    }
};

/// Adds chunks' partial sums in chunk order: the result does not depend on who summed them.
template <class T>
void combine_partials(const T* partials, Index chunks, Index spacing, Index width,
                      const GradientTarget<T>& target) {
    if (!target.accumulate) std::fill_n(target.data, width, T{0});
    for (Index chunk = 0; chunk < chunks; ++chunk) {
        const T* partial = partials + chunk * spacing;
        for (Index i = 0; i < width; ++i) target.data[i] += partial[i];
    }
}

template <class T, class F, std::size_t N>
void map_pullback(Context& context, const F& function, const MapGeometry& geometry,
                  const std::array<Operand<T>, N>& operands, const T* upstream,
                  const std::array<GradientTarget<T>, N>& targets) {
    std::array<Broadcast, N> kinds;
    for (std::size_t i = 0; i < N; ++i) kinds[i] = operands[i].broadcast;
    const RowPlan plan(geometry, kinds);

    // Gradients that are sums over samples get a partial per chunk, a cache line pair apart.
    constexpr Index line = 128 / static_cast<Index>(sizeof(T));
    std::array<Buffer<T>, N> partials;
    std::array<Index, N> spacing{};
    for (std::size_t i = 0; i < N; ++i) {
        const bool summed = kinds[i] == Broadcast::channel || kinds[i] == Broadcast::scalar;
        if (!targets[i] || !summed) continue;
        const Index width = kinds[i] == Broadcast::channel ? geometry.channels : 1;
        spacing[i] = (width + line - 1) / line * line;
        partials[i] = context.buffer<T>(plan.chunks * spacing[i]);
        std::fill_n(partials[i].data(), plan.chunks * spacing[i], T{0});
    }

    context.parallel_for(plan.chunks, [&](Index chunk) {
        std::array<RowReader<T>, N> readers;
        std::array<GradientWriter<T>, N> writers;
        for (std::size_t i = 0; i < N; ++i) {
            if (!targets[i]) continue;
            writers[i].along = runs_along_row(kinds[i]);
            if (kinds[i] == Broadcast::sample_channel && !targets[i].accumulate) {
                std::fill_n(targets[i].data + chunk * plan.row, plan.row, T{0});
            }
        }
        for (Index index = 0; index < plan.rows_per_chunk; ++index) {
            const Index start = plan.offset(chunk, index);
            const Index length = plan.length(start);
            for (std::size_t i = 0; i < N; ++i) {
                readers[i].start(operands[i], chunk, start, plan.row);
                if (!targets[i]) continue;
                const bool partial = partials[i].size() > 0;
                T* base = partial ? partials[i].data() + chunk * spacing[i] : targets[i].data;
                const Index offset =
                    partial ? 0 : operand_offset(kinds[i], chunk, start, plan.row);
                writers[i].to = base + offset;
                writers[i].adds = kinds[i] != Broadcast::full || targets[i].accumulate;
            }
            [&]<std::size_t... Is>(std::index_sequence<Is...>) {
                using Number = Dual<Pack<T>, N>;
                Index place = 0;
                for (; place + lanes<T> <= length; place += lanes<T>) {
                    const Number result =
                        function(Number::variable(readers[Is].at(place), Is)...);
                    const Pack<T> gradient = Pack<T>::load_from(upstream + start + place);
                    (writers[Is].put(place, gradient * result.derivatives[Is]), ...);
                }
                if (const Index rest = length - place; rest > 0) {
                    const Number result =
                        function(Number::variable(readers[Is].last(place, rest), Is)...);
                    const Pack<T> gradient(load_first<T>(upstream + start + place, rest));
                    (writers[Is].put_last(place, gradient * result.derivatives[Is], rest), ...);
                }
            }(std::make_index_sequence<N>{});
        }
        for (std::size_t i = 0; i < N; ++i) {
            if (!targets[i] || writers[i].along) continue;
            if (kinds[i] == Broadcast::scalar) {
                partials[i].data()[chunk * spacing[i]] = writers[i].sum.sum();
            } else {
                T& value = targets[i].data[chunk];
                value = (targets[i].accumulate ? value : T{0}) + writers[i].sum.sum();
            }
        }
    });

    for (std::size_t i = 0; i < N; ++i) {
        if (partials[i].size() == 0) continue;
        const Index width = kinds[i] == Broadcast::channel ? geometry.channels : 1;
        combine_partials(partials[i].data(), plan.chunks, spacing[i], width, targets[i]);
    }
}

}  // namespace kasmina::backends::eigen_detail
