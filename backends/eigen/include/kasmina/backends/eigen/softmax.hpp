// Softmax of rows and its logarithm in whole registers, sums in double, rows over the threads.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>

#include <kasmina/backend/softmax.hpp>
#include <kasmina/backends/eigen/context.hpp>
#include <kasmina/backends/eigen/elementary.hpp>
#include <kasmina/backends/eigen/instruction_set.hpp>
#include <kasmina/backends/eigen/row_sums.hpp>
#include <kasmina/backends/eigen/rows.hpp>
#include <kasmina/backends/eigen/strided.hpp>

namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail {

/// The greatest number of a row; of NaNs any.
template <class T>
[[nodiscard]] T greatest_of_row(const T* x, Index columns) {
    Vector<T> most = *x - Vector<T>{};
    for_each_vector<T>(columns, [&](Index c, auto count) {
        const Vector<T> next = load_lanes(x + c, count);
        most = next > most ? next : most;
    });
    T numbers[static_cast<std::size_t>(lanes<T>)];
    store(numbers, most);
    return *std::max_element(std::begin(numbers), std::end(numbers));
}

template <class T>
void softmax_of_row(const T* x, T* y, Index columns) {
    const T most = greatest_of_row(x, columns);
    const double sum = sum_over_row<T>(columns, [=](Index c, auto count) {
        const Vector<T> power = elementary::exp<T>(load_lanes(x + c, count) - most);
        store_lanes(y + c, power, count);
        return power;
    });
    const T factor = static_cast<T>(1.0 / sum);
    for_each_vector<T>(columns, [=](Index c, auto count) {
        store_lanes(y + c, load_lanes(y + c, count) * factor, count);
    });
}

template <class T>
void log_softmax_of_row(const T* x, T* y, Index columns) {
    const T most = greatest_of_row(x, columns);
    const double sum = sum_over_row<T>(columns, [=](Index c, auto count) {
        return elementary::exp<T>(load_lanes(x + c, count) - most);
    });
    const T log_sum = static_cast<T>(std::log(sum));
    for_each_vector<T>(columns, [=](Index c, auto count) {
        store_lanes(y + c, (load_lanes(x + c, count) - most) - log_sum, count);
    });
}

/// body(row) for all rows.
template <class Body>
void for_each_softmax_row(Context& context, Index rows, Index columns, Body&& body) {
    const Index rows_per_chunk = std::max<Index>(1, 8192 / std::max<Index>(1, columns));
    context.parallel_for(pieces_of(rows, rows_per_chunk), [&](Index chunk) {
        const Index end = std::min(rows, (chunk + 1) * rows_per_chunk);
        for (Index row = chunk * rows_per_chunk; row < end; ++row) body(row);
    });
}

template <class T>
void softmax(Context& context, const Softmax<T>& call) {
    for_each_softmax_row(context, call.rows, call.columns, [&](Index row) {
        const T* const x = call.x + row * call.columns;
        T* const y = call.y + row * call.columns;
        if (call.log) {
            log_softmax_of_row(x, y, call.columns);
        } else {
            softmax_of_row(x, y, call.columns);
        }
    });
}

template <class T>
void softmax_pullback(Context& context, const SoftmaxPullback<T>& call) {
    if (!call.grad_x) return;
    for_each_softmax_row(context, call.rows, call.columns, [&](Index row) {
        const T* const y = call.y + row * call.columns;
        const T* const grad_y = call.grad_y + row * call.columns;
        const GradientTarget<T> target{call.grad_x.data + row * call.columns,
                                       call.grad_x.accumulate};
        if (call.log) {
            const T sum = static_cast<T>(sum_over_row<T>(
                call.columns, [=](Index c, auto count) { return load_lanes(grad_y + c, count); }));
            for_each_vector<T>(call.columns, [=](Index c, auto count) {
                const Vector<T> share = elementary::exp<T>(load_lanes(y + c, count)) * sum;
                put_lanes(target, c, load_lanes(grad_y + c, count) - share, count);
            });
        } else {
            const T sum = static_cast<T>(sum_over_row<T>(call.columns, [=](Index c, auto count) {
                return load_lanes(grad_y + c, count) * load_lanes(y + c, count);
            }));
            for_each_vector<T>(call.columns, [=](Index c, auto count) {
                put_lanes(target, c,
                          load_lanes(y + c, count) * (load_lanes(grad_y + c, count) - sum), count);
            });
        }
    });
}

}  // namespace kasmina::backends::inline KASMINA_INSTRUCTION_SET::eigen_detail
