// Cross-entropy of few classes: a thread has a row, and a block's rows pass through shared memory.
#pragma once

#include <kasmina/requirements.hpp>

#include <cmath>
#include <cstdint>

#include <kasmina/backends/cuda/kernels/lanes.hpp>
#include <kasmina/backends/cuda/kernels/loss/terms.hpp>

namespace kasmina::backends::cuda_detail {

/// Rows are shorter than what a card reads at once, so a block reads many of them as one run of
/// numbers, and each of its threads finds its row in shared memory. There rows begin an odd number
/// of places apart: threads side by side meet in no bank.
template <class T>
struct FewClassesKernel {
    static constexpr const char* name = "cross_entropy_of_few_classes";
    static constexpr Index most_classes = 16;
    static constexpr Index rows_of_a_block = loss_threads;
    static constexpr int batch = 4;  ///< numbers whose loads are under way together
    CrossEntropy<T> call;
    WantedShares wanted;
    double* partials;  ///< null with one block

    [[nodiscard]] static int shared_bytes(Index classes) {
        return put_loss_bytes + loss_threads * pitch_of(classes) * static_cast<int>(sizeof(T));
    }

    template <Block B>
    KASMINA_DEVICE void operator()(B& block) const {
        const int pitch = pitch_of(call.classes);
        auto rows = block.template shared<T>(put_loss_bytes, loss_threads * pitch);
        double loss = 0.0;
        for (Index first = block.index() * loss_threads; first < call.rows;
             first += block.blocks() * loss_threads) {
            const Index left = call.rows - first;
            const int count = static_cast<int>(left < loss_threads ? left : Index{loss_threads});
            const T* logits = call.logits + first * call.classes;
            T* probabilities = call.probabilities + first * call.classes;
            each_number(block, count, [&](const int(&numbers)[batch], const int(&places)[batch]) {
                T values[batch];
                KASMINA_DEVICE_UNROLL
                for (int k = 0; k < batch; ++k) {
                    if (places[k] >= 0) values[k] = logits[numbers[k]];
                }
                KASMINA_DEVICE_UNROLL
                for (int k = 0; k < batch; ++k) {
                    if (places[k] >= 0) rows[places[k]] = values[k];
                }
            });
            block.barrier();
            if (block.thread() < count) {
                loss += softmax_of(rows, block.thread() * pitch, first + block.thread());
            }
            block.barrier();
            each_number(block, count, [&](const int(&numbers)[batch], const int(&places)[batch]) {
                KASMINA_DEVICE_UNROLL
                for (int k = 0; k < batch; ++k) {
                    if (places[k] >= 0) probabilities[numbers[k]] = rows[places[k]];
                }
            });
            block.barrier();
        }
        put_loss(block, call, partials, loss);
    }

private:
    [[nodiscard]] static KASMINA_HOST_DEVICE int pitch_of(Index classes) {
        return static_cast<int>(classes) | 1;
    }

    /// Calls use(numbers, places) with some of this thread's numbers of `count` rows, and where
    /// each lies in shared memory; -1 where there is none.
    template <Block B, class Use>
    KASMINA_DEVICE void each_number(const B& block, int count, const Use& use) const {
        const int classes = static_cast<int>(call.classes);
        const int pitch = pitch_of(call.classes);
        const int rows_on = loss_threads / classes;
        const int classes_on = loss_threads - rows_on * classes;
        const int row = block.thread() / classes;
        int c = block.thread() - row * classes;
        int place = row * pitch + c;
        for (int number = block.thread(); number < count * classes;) {
            int numbers[batch];
            int places[batch];
            KASMINA_DEVICE_UNROLL
            for (int k = 0; k < batch; ++k) {
                numbers[k] = number;
                places[k] = number < count * classes ? place : -1;
                number += loss_threads;
                c += classes_on;
                place += rows_on * pitch + classes_on;
                if (c >= classes) {
                    c -= classes;
                    place += pitch - classes;
                }
            }
            use(numbers, places);
        }
    }

    /// The row's loss; its logits become probabilities.
    template <class Shared>
    [[nodiscard]] KASMINA_DEVICE double softmax_of(Shared rows, int at, Index row) const {
        const int classes = static_cast<int>(call.classes);
        const std::int32_t target = call.targets[row];
        T highest = rows[at];
        for (int c = 1; c < classes; ++c) highest = Greater{}(highest, T{rows[at + c]});
        LossTerms<T> terms(wanted, target, target != call.ignore_index);
        T total{0};
        for (int c = 0; c < classes; ++c) {
            const T distance = rows[at + c] - highest;
            terms.add(c, distance);
            const T exponential = std::exp(distance);
            total += exponential;
            rows[at + c] = exponential;
        }
        for (int c = 0; c < classes; ++c) rows[at + c] = rows[at + c] / total;
        return terms.loss(std::log(total));
    }
};

}  // namespace kasmina::backends::cuda_detail
