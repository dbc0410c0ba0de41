// Many tensors in one pass: sums of squares and optimiser steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <kasmina/backend/multi_tensor.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/pack.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/finite.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Tensors cut into pieces, numbered through all of them, so that one large tensor and many small
/// ones make equal work.
template <class Slice>
class PiecePlan {
public:
    PiecePlan(Context& context, std::span<const Slice> slices)
        : slices_(slices), first_piece_(context.buffer<Index>(std::ssize(slices) + 1)) {
        Index pieces = 0;
        for (Index i = 0; i < std::ssize(slices); ++i) {
            first_piece_.data()[i] = pieces;
            pieces += (slices[static_cast<std::size_t>(i)].size + piece_size - 1) / piece_size;
        }
        first_piece_.data()[std::ssize(slices)] = pieces;
    }

    [[nodiscard]] Index pieces() const { return first(std::ssize(slices_)); }
    /// The number of a tensor's first piece.
    [[nodiscard]] Index first(Index tensor) const { return first_piece_.data()[tensor]; }

    /// body(piece, slice, start, length) for all pieces, in parallel.
    template <class Body>
    void run(Context& context, Body&& body) const {
        context.parallel_for(pieces(), [&](Index piece) {
            const Index* begin = first_piece_.data();
            const Index* after = std::upper_bound(begin, begin + first_piece_.size(), piece);
            const Slice& slice = slices_[static_cast<std::size_t>(after - begin - 1)];
            const Index start = (piece - *(after - 1)) * piece_size;
            body(piece, slice, start, std::min(piece_size, slice.size - start));
        });
    }

private:
    static constexpr Index piece_size = 16384;

    std::span<const Slice> slices_;
    Buffer<Index> first_piece_;
};

/// The sum of squares, in double.
template <class T>
[[nodiscard]] double squared_norm(const T* from, Index size) {
    constexpr Index count = 16;  // sums that run side by side
    double sums[static_cast<std::size_t>(count)] = {};
    Index i = 0;
    for (; i + count <= size; i += count) {
#if defined(__clang__)
#pragma unroll
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
        for (Index lane = 0; lane < count; ++lane) {
            const double value = static_cast<double>(from[i + lane]);
            sums[lane] += value * value;
        }
    }
    for (Index lane = 0; i < size; ++i, ++lane) {
        const double value = static_cast<double>(from[i]);
        sums[lane] += value * value;
    }
    double total = 0.0;
    for (const double sum : sums) total += sum;
    return total;
}

/// norms[i] = the sum of squares of tensor i.
template <class T, class Slice>
void sum_squares(Context& context, std::span<const Slice> slices, double* norms) {
    const PiecePlan<Slice> plan(context, slices);
    Buffer<double> partials = context.buffer<double>(plan.pieces());
    plan.run(context, [&](Index piece, const Slice& slice, Index start, Index length) {
        partials.data()[piece] = squared_norm<T>(slice.data + start, length);
    });
    for (Index i = 0; i < std::ssize(slices); ++i) {
        double sum = 0.0;
        for (Index piece = plan.first(i); piece < plan.first(i + 1); ++piece) {
            sum += partials.data()[piece];
        }
        norms[i] = sum;
    }
}

template <class T>
void squared_norms(Context& context, const SquaredNorms<T>& call) {
    sum_squares<T>(context, call.tensors, call.norms);
}

template <class T>
void clip_by_norm(Context& context, const ClipByNorm<T>& call) {
    const Index tensors = std::ssize(call.gradients);
    Buffer<double> squares = context.buffer<double>(tensors);
    sum_squares<T>(context, call.gradients, squares.data());
    double total = 0.0;
    for (Index i = 0; i < tensors; ++i) total += squares.data()[i];
    *call.norm = std::sqrt(total);
    const double factor = call.max_norm / (*call.norm + 1e-6);
    if (!is_finite(*call.norm) || factor >= 1.0) return;
    const PiecePlan<GradientSlice<T>> plan(context, call.gradients);
    plan.run(context, [factor = static_cast<T>(factor)](Index, const GradientSlice<T>& slice,
                                                        Index start, Index length) {
        for_each_vector<T>(length, [=, to = slice.data + start](Index i, auto count) {
            store_lanes(to + i, load_lanes(to + i, count) * factor, count);
        });
    });
}

/// torch.optim.SGD with dampening 0. A slice's `first` is the momentum; it is not used, and may be
/// null, when the momentum is 0.
template <class T>
void sgd_step(Context& context, const SgdStep<T>& step) {
    const PiecePlan<OptimiserSlice<T>> plan(context, step.parameters);
    const T rate = static_cast<T>(step.learning_rate);
    const T momentum = static_cast<T>(step.momentum);
    const T decay = static_cast<T>(step.weight_decay);
    plan.run(context, [=](Index, const OptimiserSlice<T>& slice, Index start, Index length) {
        for_each_vector<T>(length, [=, tensor = slice](Index i, auto count) {
            const Index at = start + i;
            const Vector<T> value = load_lanes(tensor.value + at, count);
            Vector<T> move = load_lanes(tensor.gradient + at, count);
            if (step.weight_decay != 0.0) move += value * decay;
            if (step.momentum != 0.0) {
                const Vector<T> velocity =
                    step.first_step ? move : load_lanes(tensor.first + at, count) * momentum + move;
                store_lanes(tensor.first + at, velocity, count);
                move = step.nesterov ? move + velocity * momentum : velocity;
            }
            store_lanes(tensor.value + at, value - move * rate, count);
        });
    });
}

/// torch.optim.AdamW, its operations in PyTorch's order: the decay first, then the moments.
template <class T>
void adamw_step(Context& context, const AdamWStep<T>& step) {
    const PiecePlan<OptimiserSlice<T>> plan(context, step.parameters);
    const T kept = static_cast<T>(1.0 - step.learning_rate * step.weight_decay);
    const T rate = static_cast<T>(step.learning_rate / step.bias_correction1);
    const T root = static_cast<T>(std::sqrt(step.bias_correction2));
    const T epsilon = static_cast<T>(step.epsilon);
    const T new1 = static_cast<T>(1.0 - step.beta1);
    const T old2 = static_cast<T>(step.beta2);
    const T new2 = static_cast<T>(1.0 - step.beta2);
    plan.run(context, [=](Index, const OptimiserSlice<T>& slice, Index start, Index length) {
        for_each_vector<T>(length, [=, tensor = slice](Index i, auto count) {
            const Index at = start + i;
            const Vector<T> gradient = load_lanes(tensor.gradient + at, count);
            Vector<T> first = load_lanes(tensor.first + at, count);
            first += (gradient - first) * new1;
            const Vector<T> second =
                load_lanes(tensor.second + at, count) * old2 + gradient * gradient * new2;
            const Vector<T> deviation = math::sqrt(Pack<T>(second)).values / root + epsilon;
            store_lanes(tensor.first + at, first, count);
            store_lanes(tensor.second + at, second, count);
            store_lanes(tensor.value + at,
                        load_lanes(tensor.value + at, count) * kept - first / deviation * rate,
                        count);
        });
    });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
