// Matrix products: sums of products, spelled out.
#pragma once

#include <array>

#include <kasmina/backend/matrix.hpp>
#include <kasmina/backends/xtensor/bfloat16.hpp>
#include <kasmina/backends/xtensor/context.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: MatrixBackend.
template <class T>
struct Matrices {
    static void gemm(Context& context, const Gemm<T>& product) {
        const Multiplication times(context);
        const auto [m, n, k] = std::array{product.m, product.n, product.k};
        for (Index matrix = 0; matrix < product.batch; ++matrix) {
            const T* a = product.a + matrix * product.batch_stride_a;
            const T* b = product.b + matrix * product.batch_stride_b;
            T* c = product.c + matrix * product.batch_stride_c;
            for (Index i = 0; i < m; ++i) {
                for (Index j = 0; j < n; ++j) {
                    T sum{0};
                    for (Index l = 0; l < k; ++l) {
                        sum += times(product.transpose_a ? a[l * m + i] : a[i * k + l],
                                     product.transpose_b ? b[j * k + l] : b[l * n + j]);
                    }
                    if (product.bias != nullptr) sum += product.bias[j];
                    c[i * n + j] = product.accumulate ? c[i * n + j] + sum : sum;
                }
            }
        }
    }
};

}  // namespace kasmina::backends::xtensor_detail
