// Softmax of rows and its logarithm, and the way back from what they gave.
#pragma once

#include <cmath>

#include <kasmina/backend/softmax.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: SoftmaxBackend.
template <class T>
struct Softmaxes {
    static void softmax(Context&, const Softmax<T>& call) {
        for (Index row = 0; row < call.rows; ++row) {
            const T* x = call.x + row * call.columns;
            T* y = call.y + row * call.columns;
            T most = x[0];
            for (Index c = 1; c < call.columns; ++c) most = x[c] > most ? x[c] : most;
            T sum{0};
            for (Index c = 0; c < call.columns; ++c) sum += std::exp(x[c] - most);
            const T log_sum = std::log(sum);
            for (Index c = 0; c < call.columns; ++c) {
                y[c] = call.log ? (x[c] - most) - log_sum : std::exp(x[c] - most) / sum;
            }
        }
    }

    static void softmax_pullback(Context&, const SoftmaxPullback<T>& call) {
        xt::xtensor<T, 2> gradient = xt::zeros<T>({call.rows, call.columns});
        for (Index row = 0; row < call.rows; ++row) {
            const T* y = call.y + row * call.columns;
            const T* grad_y = call.grad_y + row * call.columns;
            T sum{0};
            for (Index c = 0; c < call.columns; ++c) sum += call.log ? grad_y[c] : grad_y[c] * y[c];
            for (Index c = 0; c < call.columns; ++c) {
                gradient(row, c) =
                    call.log ? grad_y[c] - std::exp(y[c]) * sum : y[c] * (grad_y[c] - sum);
            }
        }
        put(call.grad_x, gradient);
    }
};

}  // namespace kasmina::backends::xtensor_detail
