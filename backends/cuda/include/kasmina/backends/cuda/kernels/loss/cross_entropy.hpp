// Cross-entropy of logits with its softmax, and the gradient of the logits.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

#include <kasmina/backend/loss.hpp>
#include <kasmina/backends/cuda/divisor.hpp>
#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/loss/terms.hpp>

namespace kasmina::backends::cuda_detail {

/// One warp has a row at a time, whose numbers stay in its registers from the first read on.
template <class T, int Width>
struct KeptRowsKernel {
    static constexpr const char* name = "cross_entropy_of_kept_rows";
    static constexpr int kept = 8;  ///< of a lane: as many times `Width` numbers
    static constexpr Index step = Index{warp_size} * Width;
    static constexpr Index most_classes = step * kept;
    static constexpr Index rows_of_a_block = 4 * loss_threads / warp_size;
    CrossEntropy<T> call;
    WantedShares wanted;
    double* partials;  ///< null with one block

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        put_loss_of_rows(block, call, partials, [&](Index row) { return loss_of(block, row); });
    }

private:
    /// The lane's part of the row's loss.
    template <Block B>
    [[nodiscard]] KASMINA_DEVICE double loss_of(B& block, Index row) const {
        const T* logits = call.logits + row * call.classes;
        const Index first = Index{lane_of(block)} * Width;
        Lanes<T, Width> values[kept];
        T highest = -std::numeric_limits<T>::infinity();
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < kept; ++k) {
            if (first + k * step < call.classes) {
                values[k] = load_lanes<Width>(logits + first + k * step);
            }
        }
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < kept; ++k) {
            if (first + k * step >= call.classes) continue;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) highest = Greater{}(highest, values[k][i]);
        }
        highest = warp_reduce(block, highest, Greater{});
        const std::int32_t target = call.targets[row];
        LossTerms<T> terms(wanted, target, target != call.ignore_index);
        double exponentials = 0.0;
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < kept; ++k) {
            if (first + k * step >= call.classes) continue;
            T sum{0};
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const T distance = values[k][i] - highest;
                terms.add(first + k * step + i, distance);
                values[k][i] = std::exp(distance);
                sum += values[k][i];
            }
            exponentials += static_cast<double>(sum);
        }
        const T total = static_cast<T>(warp_sum(block, exponentials));
        T* probabilities = call.probabilities + row * call.classes;
        KASMINA_DEVICE_UNROLL
        for (int k = 0; k < kept; ++k) {
            if (first + k * step >= call.classes) continue;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) values[k][i] = values[k][i] / total;
            store_lanes(probabilities + first + k * step, values[k]);
        }
        return terms.loss(std::log(total));
    }
};

/// For rows that registers do not hold: the warp reads them twice. Of the softmax it first
/// keeps the greatest logit so far and the sum of the exponentials as they differ from that.
template <class T, int Width>
struct LongRowsKernel {
    static constexpr const char* name = "cross_entropy_of_long_rows";
    static constexpr Index rows_of_a_block = 4 * loss_threads / warp_size;
    CrossEntropy<T> call;
    WantedShares wanted;
    double* partials;  ///< null with one block

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        put_loss_of_rows(block, call, partials, [&](Index row) { return loss_of(block, row); });
    }

private:
    /// The lane's part of the row's loss.
    template <Block B>
    [[nodiscard]] KASMINA_DEVICE double loss_of(B& block, Index row) const {
        const T* logits = call.logits + row * call.classes;
        const Index first = Index{lane_of(block)} * Width;
        constexpr Index step = Index{warp_size} * Width;
        T mine = logits[0];
        double exponentials = 0.0;
        for (Index c = first; c < call.classes; c += step) {
            const Lanes<T, Width> values = load_lanes<Width>(logits + c);
            T greatest = mine;
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) greatest = Greater{}(greatest, values[i]);
            T sum{0};
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                // Infinitely small ones, too, are as great as the greatest.
                sum += values[i] == greatest ? T{1} : std::exp(values[i] - greatest);
            }
            if (greatest != mine) exponentials *= static_cast<double>(std::exp(mine - greatest));
            exponentials += static_cast<double>(sum);
            mine = greatest;
        }
        const T highest = warp_reduce(block, mine, Greater{});
        if (highest != mine) exponentials *= static_cast<double>(std::exp(mine - highest));
        const T total = static_cast<T>(warp_sum(block, exponentials));
        const std::int32_t target = call.targets[row];
        LossTerms<T> terms(wanted, target, target != call.ignore_index);
        T* probabilities = call.probabilities + row * call.classes;
        for (Index c = first; c < call.classes; c += step) {
            Lanes<T, Width> values = load_lanes<Width>(logits + c);
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i) {
                const T distance = values[i] - highest;
                terms.add(c + i, distance);
                values[i] = std::exp(distance) / total;
            }
            store_lanes(probabilities + c, values);
        }
        return terms.loss(std::log(total));
    }
};

/// grad_logits (+)= (softmax - wanted) * grad_loss / counted; nothing in rows that do not count. A
/// thread's numbers may lie in more than one row.
template <class T, int Width>
struct CrossEntropyPullbackKernel {
    static constexpr const char* name = "cross_entropy_pullback";
    CrossEntropyPullback<T> call;
    RowOf row_of;
    T own;    ///< what the target should have
    T other;  ///< what any other class should have

    explicit CrossEntropyPullbackKernel(const CrossEntropyPullback<T>& of)
        : call(of), row_of(of.rows, of.classes) {
        const WantedShares wanted(of);
        own = static_cast<T>(wanted.own + wanted.every);
        other = static_cast<T>(wanted.every);
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const T factor = call.counted > 0 ? *call.grad_loss / static_cast<T>(call.counted) : T{0};
        const Index count = call.rows * call.classes;
        for (Index at = first_of(block) * Width; at < count; at += stride_of(block) * Width) {
            Lanes<T, Width> result = load_lanes<Width>(call.probabilities + at);
            Index row = row_of(at);
            Index c = at - row * call.classes;
            std::int32_t target = call.targets[row];
            KASMINA_DEVICE_UNROLL
            for (int i = 0; i < Width; ++i, ++c) {
                if (c == call.classes) {
                    c = 0;
                    target = call.targets[++row];
                }
                const T difference = result[i] - (c == Index{target} ? own : other);
                result[i] = target != call.ignore_index ? difference * factor : T{0};
            }
            put_lanes(call.grad_logits, at, result);
        }
    }
};

}  // namespace kasmina::backends::cuda_detail
