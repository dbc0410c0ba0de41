// Pointwise: any function of numbers over tensors in one launch, and its way back in one or two.
#pragma once

#include <kasmina/requirements.hpp>

#include <array>
#include <cstddef>

#include <kasmina/backend/pointwise.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/pointwise/map.hpp>
#include <kasmina/backends/cuda/kernels/pointwise/map_pullback.hpp>
#include <kasmina/backends/cuda/kernels/reduction/sum_terms.hpp>

namespace kasmina::backends::cuda_detail {

/// How a call's output is cut up.
template <class T>
struct MapPlan {
    bool stretches = false;
    bool by_sample = false;
    bool by_channel = false;
    /// What is read by channel or by element can be read sixteen bytes at a time.
    bool vectors = true;
    Index samples = 1;
    Index positions = 1;
    Index channels = 1;

    template <std::size_t N>
    MapPlan(const MapGeometry& geometry, const std::array<Operand<T>, N>& operands) {
        for (const Operand<T>& operand : operands) {
            stretches = stretches || operand.broadcast != Broadcast::full;
            by_sample = by_sample || varies_by_sample(operand.broadcast);
            by_channel = by_channel || varies_by_channel(operand.broadcast);
            if (operand.broadcast == Broadcast::full || varies_by_channel(operand.broadcast)) {
                require(operand.data);
            }
        }
        samples = by_sample ? geometry.samples : 1;
        positions = by_sample ? geometry.positions : geometry.samples * geometry.positions;
        channels = geometry.channels;
        // Where nothing varies by channel, rows may be as wide as is quick.
        constexpr Index wide = 32 * vector_width<T>;
        if (!by_channel && positions * channels % wide == 0) {
            positions = positions * channels / wide;
            channels = wide;
        }
        const Index together = stretches ? channels : geometry.elements();
        vectors = vectors && together % vector_width<T> == 0;
    }

    /// What is read or written at each element.
    void require(const void* data) { vectors = vectors && aligned_for_vectors(data); }

    [[nodiscard]] ChannelGrid grid(Index each, Index most_blocks) const {
        return channel_grid(samples, positions, channels, vectors ? vector_width<T> : 1, each,
                            most_blocks);
    }
};

/// Capability: PointwiseBackend.
template <class T, class D>
struct Pointwise {
    using Context = typename D::Context;

    template <class F, std::size_t N>
    static void map(Context& context, const F& function, const Map<T, N>& call) {
        if (call.geometry.elements() == 0) return;
        MapPlan<T> plan(call.geometry, call.operands);
        plan.require(call.out);
        with_lanes<T>(plan.vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (plan.stretches) {
                StretchedMap<T, F, N, width> kernel{function, plan.grid(4, 16384), {}, call.out};
                for (std::size_t n = 0; n < N; ++n) kernel.operands[n] = call.operands[n];
                context.launch(kernel.grid.launch(), kernel);
            } else {
                const Index count = call.geometry.elements() / width;
                FlatMap<T, F, N, width> kernel{function, {}, call.out, count};
                for (std::size_t n = 0; n < N; ++n) kernel.operands[n] = call.operands[n].data;
                context.launch(over_elements(count), kernel);
            }
        });
    }

    template <class F, std::size_t N>
    static void map_pullback(Context& context, const F& function, const MapPullback<T, N>& call) {
        MapPlan<T> plan(call.geometry, call.operands);
        plan.require(call.upstream);
        for (std::size_t n = 0; n < N; ++n) {
            if (call.operands[n].broadcast == Broadcast::full) plan.require(call.targets[n].data);
        }
        with_lanes<T>(plan.vectors, [&](auto lanes) {
            constexpr int width = decltype(lanes)::value;
            if (plan.stretches) {
                pull_back_stretched<width>(context, function, call, plan);
            } else if (call.geometry.elements() > 0) {
                const Index count = call.geometry.elements() / width;
                FlatMapPullback<T, F, N, width> kernel{function, {}, call.upstream, {}, count};
                for (std::size_t n = 0; n < N; ++n) {
                    kernel.operands[n] = call.operands[n].data;
                    kernel.targets[n] = call.targets[n];
                }
                context.launch(over_elements(count), kernel);
            }
        });
    }

private:
    template <int Width, class F, std::size_t N>
    static void pull_back_stretched(Context& context, const F& function,
                                    const MapPullback<T, N>& call, const MapPlan<T>& plan) {
        // Of the shape alone: these are sums.
        ChannelGrid grid = plan.grid(16, 2048);
        if (call.geometry.elements() == 0) grid.chunks = 0;
        const Index sums = grid.samples * grid.chunks * grid.channels;
        Index wanted = 0;
        for (std::size_t n = 0; n < N; ++n) wanted += is_summed(call, n) ? 1 : 0;
        Scratch<double, D> partials(context, wanted * sums);

        StretchedMapPullback<T, F, N, Width> kernel{function, grid, {}, call.upstream, {}, {}};
        SumTerms<T, static_cast<int>(N)> totals;
        double* next = partials.data();
        for (std::size_t n = 0; n < N; ++n) {
            kernel.operands[n] = call.operands[n];
            kernel.partials[n] = nullptr;
            if (call.operands[n].broadcast == Broadcast::full) kernel.targets[n] = call.targets[n];
            if (!is_summed(call, n)) continue;
            kernel.partials[n] = next;
            totals.add(total_of(call.operands[n].broadcast, grid, next, call.targets[n]));
            next += sums;
        }
        const int shared = wanted > 0 ? sum_rows_bytes<Width, double>() : 0;
        if (grid.chunks > 0) context.launch(grid.launch(shared), kernel);
        if (wanted > 0) context.launch(totals.launch(), totals);
    }

    template <std::size_t N>
    [[nodiscard]] static bool is_summed(const MapPullback<T, N>& call, std::size_t n) {
        return call.targets[n] && call.operands[n].broadcast != Broadcast::full;
    }

    /// Which of the blocks' sums make up an element of the gradient.
    [[nodiscard]] static TermSum<T> total_of(Broadcast kind, const ChannelGrid& grid,
                                             const double* partials,
                                             const GradientTarget<T>& target) {
        const Index outer = varies_by_sample(kind) ? grid.samples : 1;
        const Index inner = varies_by_channel(kind) ? grid.channels : 1;
        const Index all = grid.samples * grid.chunks * grid.channels;
        const Index terms = all / std::max<Index>(1, outer * inner);
        return {partials, outer, terms, inner, target};
    }
};

}  // namespace kasmina::backends::cuda_detail
