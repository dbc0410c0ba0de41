// Embedding: rows of a table, and gradients summed back into them.
#pragma once

#include <limits>

#include <kasmina/backend/embedding.hpp>
#include <kasmina/backends/xtensor/context.hpp>
#include <kasmina/backends/xtensor/view.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: EmbeddingBackend.
template <class T>
struct Embeddings {
    static void embedding(Context&, const Embedding<T>& call) {
        for (Index i = 0; i < call.count; ++i) {
            const Index id = call.ids[i];
            for (Index c = 0; c < call.width; ++c) {
                const bool known = id >= 0 && id < call.rows;
                call.y[i * call.width + c] =
                    known ? call.table[id * call.width + c] : std::numeric_limits<T>::quiet_NaN();
            }
        }
    }
    static void embedding_pullback(Context&, const EmbeddingPullback<T>& call) {
        xt::xtensor<T, 2> gradient = xt::zeros<T>({call.rows, call.width});
        for (Index i = 0; i < call.count; ++i) {
            const Index id = call.ids[i];
            if (id < 0 || id >= call.rows) continue;
            for (Index c = 0; c < call.width; ++c) {
                gradient(id, c) += call.grad_y[i * call.width + c];
            }
        }
        put(call.grad_table, gradient);
    }
};

}  // namespace kasmina::backends::xtensor_detail
