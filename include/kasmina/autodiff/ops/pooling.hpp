// max_pool and mean_positions: what shrinks a feature map.
#pragma once

#include <utility>

#include <kasmina/autodiff/ops/check.hpp>
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

/// 2x2 maximum with stride 2 over (batch, height, width, channels); an odd last row or column is
/// dropped. Errors: ShapeError, also where the pool would empty the map.
template <PoolingBackend B>
[[nodiscard]] Variable<B> max_pool(const Variable<B>& input) {
    const MapShape map = detail::map_shape("max_pool", input.shape());
    detail::require(map.height >= 2 && map.width >= 2, "max_pool", "a map of 2x2 or more",
                    input.shape(), "pool fewer times");
    Tape<B>& tape = input.tape();
    const PoolShape shape = halving(map);
    const Shape result{map.batch, shape.out_height, shape.out_width, map.channels};
    auto output = tape.acquire(result.elements());
    B::max_pool(tape.context(),
                MaxPool<typename B::Scalar>{.shape = shape, .x = input.data(), .y = output.data()});
    return tape.record(result, std::move(output), {input},
                       detail::MaxPoolOperation<B>{input, shape});
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
