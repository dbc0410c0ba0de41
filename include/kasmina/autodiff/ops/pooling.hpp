// max_pool, max_positions and mean_positions: what shrinks a feature map.
#pragma once

#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
#include <kasmina/autodiff/ops/pool_options.hpp>
#include <kasmina/autodiff/tape.hpp>
#include <kasmina/backend/pooling.hpp>

namespace kasmina::ops {
namespace detail {

template <PoolingBackend B>
struct MaxPoolOperation {
    Variable<B> input;
    PoolShape shape;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(input);
        if (!target) return;
        B::max_pool_pullback(
            tape.context(),
            MaxPoolPullback<typename B::Scalar>{
                .shape = shape, .x = input.data(), .grad_y = upstream.data(), .grad_x = target});
    }
};

template <PoolingBackend B>
[[nodiscard]] Variable<B> max_pool_of(const Variable<B>& input, const PoolShape& shape,
                                      const Shape& result) {
    Tape<B>& tape = input.tape();
    auto output = tape.acquire(result.elements());
    B::max_pool(tape.context(),
                MaxPool<typename B::Scalar>{.shape = shape, .x = input.data(), .y = output.data()});
    return tape.record(result, std::move(output), {input}, MaxPoolOperation<B>{input, shape});
}

template <PoolingBackend B>
struct MeanPositionsOperation {
    Edge<B> input;
    MapGeometry geometry;

    void pullback(Tape<B>& tape, Upstream<B>& upstream) {
        const auto target = tape.gradient_target(input);
        if (!target) return;
        B::mean_positions_pullback(
            tape.context(), MeanPositionsPullback<typename B::Scalar>{
                                .geometry = geometry, .grad_y = upstream.data(), .grad_x = target});
    }
};

}  // namespace detail

/// The maximum of each window of (batch, height, width, channels): without options 2x2 with stride
/// 2, where an odd last row or column is dropped. Of equals the first gets the gradient; a NaN is
/// the maximum of its window. Errors: ShapeError where the output would be empty; OptionError for
/// options out of range.
template <PoolingBackend B>
[[nodiscard]] Variable<B> max_pool(const Variable<B>& input, const PoolOptions& options = {}) {
    const PoolShape shape =
        detail::pool_shape("ops::max_pool", detail::map_shape("max_pool", input.shape()), options);
    return detail::max_pool_of(
        input, shape,
        Shape{shape.map.batch, shape.out_height, shape.out_width, shape.map.channels});
}

/// The maximum over all positions: (batch, ..., channels) -> (batch, channels). Errors: ShapeError.
template <PoolingBackend B>
[[nodiscard]] Variable<B> max_positions(const Variable<B>& input) {
    const Shape& shape = input.shape();
    detail::require(shape.rank() >= 3 && shape.elements() > 0, "max_positions",
                    "a non-empty (batch, positions ..., channels)", shape,
                    "pass a map or a sequence");
    // Of a map the rows and columns, of others all positions in one row.
    const MapGeometry geometry = detail::map_geometry(shape);
    const Index height = shape.rank() == 4 ? shape[1] : 1;
    const HeightWidth all(height, geometry.positions / height);
    const MapShape map{geometry.samples, all.height, all.width, geometry.channels};
    return detail::max_pool_of(input,
                               detail::pool_shape("ops::max_positions", map, {.window = all}),
                               Shape{geometry.samples, geometry.channels});
}

/// The mean over all positions: (batch, ..., channels) -> (batch, channels). Errors: ShapeError.
template <PoolingBackend B>
[[nodiscard]] Variable<B> mean_positions(const Variable<B>& input) {
    const Shape& shape = input.shape();
    detail::require(shape.rank() >= 3 && shape.elements() > 0, "mean_positions",
                    "a non-empty (batch, positions ..., channels)", shape,
                    "pass a map or a sequence");
    const MapGeometry geometry = detail::map_geometry(shape);
    Tape<B>& tape = input.tape();
    const Shape result{geometry.samples, geometry.channels};
    auto output = tape.acquire(result.elements());
    B::mean_positions(tape.context(),
                      MeanPositions<typename B::Scalar>{
                          .geometry = geometry, .x = input.data(), .y = output.data()});
    return tape.record(result, std::move(output), {input},
                       detail::MeanPositionsOperation<B>{input, geometry});
}

}  // namespace kasmina::ops
