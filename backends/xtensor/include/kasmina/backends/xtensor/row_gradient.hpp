// Rows of a gradient: look-ups in order of their ids, each row summed where its id comes first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <kasmina/backend/row_gradient.hpp>
#include <kasmina/backends/xtensor/context.hpp>

namespace kasmina::backends::xtensor_detail {

/// Capability: RowGradientBackend.
template <class T>
struct RowGradients {
    static void embedding_pullback_rows(Context&, const EmbeddingPullbackRows<T>& call) {
        const auto row_of = [&call](Index look_up) {
            const Index id = call.ids[look_up];
            return id >= 0 && id < call.rows ? id : call.rows;
        };
        std::vector<Index> look_ups(static_cast<std::size_t>(call.count));
        std::iota(look_ups.begin(), look_ups.end(), Index{0});
        std::ranges::stable_sort(look_ups, {}, row_of);
        Index sum = 0;  // the place where the row at hand is summed
        for (Index place = 0; place < call.count; ++place) {
            const Index look_up = look_ups[static_cast<std::size_t>(place)];
            const Index row = row_of(look_up);
            std::fill_n(call.values + place * call.width, call.width, T{0});
            call.row_ids[place] = -1;
            if (row == call.rows) continue;
            if (place == 0 || call.row_ids[sum] != row) {
                sum = place;
                call.row_ids[place] = static_cast<std::int32_t>(row);
            }
            for (Index c = 0; c < call.width; ++c) {
                call.values[sum * call.width + c] += call.grad_y[look_up * call.width + c];
            }
        }
    }

    static void rows_to_dense(Context&, const RowsToDense<T>& call) {
        const auto& [rows, width, count, ids, values] = call.gradient;
        std::fill_n(call.dense, rows * width, T{0});
        for (Index place = 0; place < count; ++place) {
            if (ids[place] < 0) continue;
            std::copy_n(values + place * width, width, call.dense + ids[place] * width);
        }
    }

    static void sgd_row_step(Context&, const SgdRowStep<T>& step) {
        const auto& [rows, width, count, ids, values] = step.gradient;
        const T rate = static_cast<T>(step.learning_rate);
        for (Index place = 0; place < count; ++place) {
            if (ids[place] < 0) continue;
            for (Index c = 0; c < width; ++c) {
                step.value[ids[place] * width + c] -= rate * values[place * width + c];
            }
        }
    }
};

}  // namespace kasmina::backends::xtensor_detail
