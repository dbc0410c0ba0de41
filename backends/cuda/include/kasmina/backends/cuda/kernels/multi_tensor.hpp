// Many tensors in one launch: a table of slices in the kernel's arguments, blocks shared out by
// size.
#pragma once

#include <kasmina/requirements.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/backends/cuda/buffer.hpp>
#include <kasmina/backends/cuda/kernels/multi_tensor/norms.hpp>
#include <kasmina/backends/cuda/kernels/multi_tensor/optimisers.hpp>

namespace kasmina::backends::cuda_detail {

/// Capability: MultiTensorBackend.
template <class T, class D>
struct MultiTensors {
    using Context = typename D::Context;

    static void squared_norms(Context& context, const SquaredNorms<T>& call) {
        using Slice = TensorSlice<T>;
        using Sum = SumPartials<Slice>;
        Scratch<double, D> partials(context, blocks_of(call.tensors));
        double* next = partials.data();
        for_each_table(call.tensors, [&](const SliceTable<Slice>& table, std::size_t first) {
            context.launch(table.launch(reduce_bytes<double>(slice_threads)),
                           PartialSquares<T, Slice>{table, next});
            context.launch(Launch{table.used, Sum::threads, reduce_bytes<double>(Sum::threads)},
                           Sum(table, next, call.norms + first));
            next += table.blocks();
        });
    }

    static void clip_by_norm(Context& context, const ClipByNorm<T>& call) {
        using Slice = GradientSlice<T>;
        const Index blocks = blocks_of(call.gradients);
        Scratch<double, D> partials(context, blocks);
        Scratch<double, D> factor(context, 1);
        double* next = partials.data();
        for_each_table(call.gradients, [&](const SliceTable<Slice>& table, std::size_t) {
            context.launch(table.launch(reduce_bytes<double>(slice_threads)),
                           PartialSquares<T, Slice>{table, next});
            next += table.blocks();
        });
        constexpr int threads = ClipFactor::threads;
        context.launch(
            Launch{1, threads, reduce_bytes<double>(threads)},
            ClipFactor{partials.data(), blocks, call.max_norm, call.norm, factor.data()});
        for_each_table(call.gradients, [&](const SliceTable<Slice>& table, std::size_t) {
            context.launch(table.launch(), ScaleGradients<T>{table, factor.data()});
        });
    }

    static void sgd_step(Context& context, const SgdStep<T>& step) {
        for_each_table(step.parameters, [&](const auto& table, std::size_t) {
            context.launch(table.launch(), SgdKernel<T>{table, static_cast<T>(step.learning_rate),
                                                        static_cast<T>(step.momentum),
                                                        static_cast<T>(step.weight_decay),
                                                        step.nesterov, step.first_step});
        });
    }

    static void adamw_step(Context& context, const AdamWStep<T>& step) {
        for_each_table(step.parameters, [&](const auto& table, std::size_t) {
            context.launch(
                table.launch(),
                AdamWKernel<T>{table, static_cast<T>(step.learning_rate),
                               static_cast<T>(step.beta1), static_cast<T>(step.beta2),
                               static_cast<T>(step.epsilon), static_cast<T>(step.weight_decay),
                               static_cast<T>(step.bias_correction1),
                               static_cast<T>(step.bias_correction2)});
        });
    }

private:
    template <class Slice>
    [[nodiscard]] static Index blocks_of(std::span<const Slice> slices) {
        Index blocks = 0;
        for (const Slice& slice : slices) blocks += SliceTable<Slice>::blocks_of(slice);
        return blocks;
    }

    /// Calls f(table, index of its first slice) for as many slices at once as a launch takes.
    template <class Slice, class F>
    static void for_each_table(std::span<const Slice> slices, F&& f) {
        for (std::size_t first = 0; first < slices.size(); first += SliceTable<Slice>::most) {
            const std::size_t count = std::min(SliceTable<Slice>::most, slices.size() - first);
            f(SliceTable<Slice>(slices.subspan(first, count)), first);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
