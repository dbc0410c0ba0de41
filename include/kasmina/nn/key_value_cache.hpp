// KeyValueCache: what attention layers remember of the positions of a sequence that went before.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <kasmina/backend/attention.hpp>
#include <kasmina/backend/rearrange.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/sizes.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::nn {

/// Keys and values of each attention layer that a pass runs, host's and seeds' alike, so that a
/// sequence goes on a few positions at a time (`Pass::going_on`): what a layer makes of a position
/// is what it would make of it in the whole sequence. Between `forget` and the last position
/// neither parameters nor amplitudes may change. Memory is kept for the next sequence.
template <class B>
class KeyValueCache {
public:
    using Context = typename B::Context;

    /// For `batch` sequences of up to `capacity` positions. Errors: OptionError for less than one.
    KeyValueCache(Index batch, Index capacity)
        : batch_(checked_size("nn::KeyValueCache", "batch", batch)),
          capacity_(checked_size("nn::KeyValueCache", "capacity", capacity)) {}

    [[nodiscard]] Index batch() const noexcept { return batch_; }
    [[nodiscard]] Index capacity() const noexcept { return capacity_; }
    /// Positions that are there.
    [[nodiscard]] Index filled() const noexcept { return filled_; }

    /// The next position is the first.
    void forget() noexcept {
        filled_ = 0;
        for (Layer& layer : layers_) layer.filled = 0;
    }

    /// A pass over the next `positions` is over. Errors: OptionError for more than there is room
    /// for, or less than none.
    void advance(Index positions) {
        filled_ +=
            checked_size("nn::KeyValueCache", "positions", positions, 0, capacity_ - filled_);
    }

    /// Of one layer, each (batch, capacity, width).
    struct Layer {
        const void* owner;
        Tensor<B> keys;
        Tensor<B> values;
        Index filled = 0;
    };

    /// Puts the keys and values of the next positions behind those of the layer `owner`. Both lie
    /// in rows of (batch, positions, row): the first of each is given. Errors: ShapeError for
    /// another batch or more positions than there is room for; StateError for a layer that did not
    /// run in the passes before.
    const Layer& put(Context& context, const void* owner, const Shape& shape, Index row,
                     const typename B::Scalar* keys, const typename B::Scalar* values) {
        const Index positions = shape[1];
        const Index width = shape[2];
        if (shape[0] != batch_ || positions > capacity_ - filled_) throw_unfit(shape);
        Layer& layer = of(context, owner, width);
        if (layer.filled != filled_) throw_late(layer.filled);
        copy(context, positions, width, row, keys, layer.keys);
        copy(context, positions, width, row, values, layer.values);
        layer.filled += positions;
        return layer;
    }

private:
    Layer& of(Context& context, const void* owner, Index width) {
        for (Layer& layer : layers_) {
            if (layer.owner != owner) continue;
            if (layer.keys.shape()[2] == width) return layer;
            std::swap(layer, layers_.back());  // another layer of old at that address
            layers_.pop_back();
            break;
        }
        const Shape shape{batch_, capacity_, width};
        layers_.push_back(
            {owner, Tensor<B>::full(context, shape, 0), Tensor<B>::full(context, shape, 0), 0});
        return layers_.back();
    }

    void copy(Context& context, Index positions, Index width, Index row,
              const typename B::Scalar* from, Tensor<B>& to) const {
        StridedAxes axes;
        axes.append(batch_, positions * row, capacity_ * width);
        axes.append(positions, row, width);
        axes.append(width, 1, 1);
        B::rearrange(context, Rearrange<typename B::Scalar>{
                                  .axes = axes, .from = from, .to = to.data() + filled_ * width});
    }

    KASMINA_COLD [[noreturn]] void throw_unfit(const Shape& shape) const {
        throw ShapeError("a cache has no room for these positions", "nn::KeyValueCache",
                         std::to_string(batch_) + " sequences and at most " +
                             std::to_string(capacity_ - filled_) + " positions",
                         to_string(shape), "forget, or make a larger cache");
    }

    KASMINA_COLD [[noreturn]] void throw_late(Index held) const {
        throw StateError("an attention layer missed a part of the sequence", "nn::KeyValueCache",
                         "a layer that holds " + std::to_string(filled_) + " positions",
                         std::to_string(held),
                         "forget, and run the sequence from its start: the network has changed");
    }

    Index batch_;
    Index capacity_;
    Index filled_ = 0;
    std::vector<Layer> layers_{};
};

}  // namespace kasmina::nn
