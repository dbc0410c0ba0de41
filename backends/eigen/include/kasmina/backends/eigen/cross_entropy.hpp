// Mean cross-entropy of logits with label smoothing and ignored rows, and its pullback.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <kasmina/backend/loss.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/elementary.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/row_sums.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/finite.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// Rows of (rows, classes) per chunk of work.
[[nodiscard]] constexpr Index loss_rows_per_chunk(Index classes) {
    return std::max<Index>(1, 8192 / std::max<Index>(1, classes));
}

/// What log softmax(logits) of one row is: logits - most - log_sum. The two stay apart: between
/// equal huge logits log_sum is all that counts, and it would drown in `most`.
struct Normaliser {
    double most;
    double log_sum;
};

/// The greatest number of a row; a NaN counts only where the row begins.
template <class T>
[[nodiscard]] T greatest_of_row(Index columns, const T* row) {
    Vector<T> greatest = row[0] - Vector<T>{};
    Index c = 0;
    for (; c + lanes<T> <= columns; c += lanes<T>) {
        const Vector<T> x = load<Vector<T>>(row + c);
        greatest = x > greatest ? x : greatest;
    }
    T most = row[0];
    T numbers[static_cast<std::size_t>(lanes<T>)];
    store(numbers, greatest);
    for (const T number : numbers) most = std::max(most, number);
    for (; c < columns; ++c) most = std::max(most, row[c]);
    return most;
}

/// probabilities = softmax(logits) of one row.
template <class T>
[[nodiscard]] Normaliser softmax_row(Index classes, const T* logits, T* probabilities) {
    const T most = greatest_of_row(classes, logits);
    const double sum = sum_over_row<T>(classes, [=](Index c, auto count) {
        const Vector<T> power = elementary::exp<T>(load_lanes(logits + c, count) - most);
        store_lanes(probabilities + c, power, count);
        return power;
    });
    const T factor = static_cast<T>(1.0 / sum);
    for_each_vector<T>(classes, [=](Index c, auto count) {
        store_lanes(probabilities + c, load_lanes(probabilities + c, count) * factor, count);
    });
    return {static_cast<double>(most), std::log(sum)};
}

/// 0 where no row counts (PyTorch: NaN), so that a batch without targets moves nothing.
template <class T>
void cross_entropy(Context& context, const CrossEntropy<T>& call) {
    const Index classes = call.classes;
    const Index rows_per_chunk = loss_rows_per_chunk(classes);
    const Index chunks = (call.rows + rows_per_chunk - 1) / rows_per_chunk;
    const double smoothing = call.label_smoothing;
    Buffer<double> partials = context.buffer<double>(chunks);
    context.parallel_for(chunks, [&](Index chunk) {
        double sum = 0.0;
        const Index last = std::min(call.rows, (chunk + 1) * rows_per_chunk);
        for (Index row = chunk * rows_per_chunk; row < last; ++row) {
            const T* x = call.logits + row * classes;
            const std::int32_t target = call.targets[row];
            const bool counts = target != call.ignore_index;
            // Before the probabilities, which may take the logits' place.
            double expected = counts ? static_cast<double>(x[target]) : 0.0;
            if (counts && smoothing > 0.0) {
                const double total = sum_of_run(x, classes);
                expected += smoothing * (total / static_cast<double>(classes) - expected);
            }
            const Normaliser normaliser =
                softmax_row(classes, x, call.probabilities + row * classes);
            if (!counts) continue;
            sum += normaliser.log_sum - (expected - normaliser.most);
        }
        partials.data()[chunk] = sum;
    });
    double total = 0.0;
    for (Index chunk = 0; chunk < chunks; ++chunk) total += partials.data()[chunk];
    *call.loss =
        static_cast<T>(call.counted == 0 ? 0.0 : total / static_cast<double>(call.counted));
}

/// The gradient of the logits: upstream / counted rows * (probabilities - smoothed targets); 0 in
/// ignored rows.
template <class T>
void cross_entropy_pullback(Context& context, const CrossEntropyPullback<T>& call) {
    if (!call.grad_logits) return;
    const Index classes = call.classes;
    const Index rows_per_chunk = loss_rows_per_chunk(classes);
    const T factor = *call.grad_loss / static_cast<T>(std::max<Index>(1, call.counted));
    const T floor = static_cast<T>(call.label_smoothing / static_cast<double>(classes));
    const T top = static_cast<T>(1.0 - call.label_smoothing);
    context.parallel_for((call.rows + rows_per_chunk - 1) / rows_per_chunk, [&](Index chunk) {
        const Index last = std::min(call.rows, (chunk + 1) * rows_per_chunk);
        for (Index row = chunk * rows_per_chunk; row < last; ++row) {
            T* to = call.grad_logits.data + row * classes;
            const std::int32_t target = call.targets[row];
            if (target == call.ignore_index) {
                if (!call.grad_logits.accumulate) std::fill_n(to, classes, T{0});
                continue;
            }
            const T* probabilities = call.probabilities + row * classes;
            const GradientTarget<T> place{to, call.grad_logits.accumulate};
            for_each_vector<T>(classes, [=](Index c, auto count) {
                const Vector<T> difference = load_lanes(probabilities + c, count) - floor;
                put_lanes(place, c, difference * factor, count);
            });
            to[target] -= top * factor;
        }
    });
}

/// A row with a NaN has no maximum and is no hit.
template <class T>
void count_correct(Context&, const CountCorrect<T>& call) {
    std::int32_t correct = 0;
    for (Index row = 0; row < call.rows; ++row) {
        const T* x = call.logits + row * call.classes;
        const std::int32_t target = call.targets[row];
        if (target < 0 || target >= call.classes) continue;
        bool greatest = true;
        for (Index c = 0; c < call.classes; ++c) {
            greatest =
                greatest && !is_nan(x[c]) && (c < target ? x[target] > x[c] : x[target] >= x[c]);
        }
        correct += greatest ? 1 : 0;
    }
    *call.hits = correct;
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
