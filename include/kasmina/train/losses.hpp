// Losses of a batch with `targets`: what makes a Trainer's regression one line.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include <kasmina/autodiff/ops/losses.hpp>

/// \file
/// Beside train::CrossEntropy (source.hpp): callables of the network's output and a batch, whose
/// member `targets` is a Tensor of the output's shape. See autodiff/ops/losses.hpp for each.
namespace kasmina::train {
namespace detail {

/// All that a loss with targets depends on but the output: also its option (step_recorder.hpp).
template <class Batch>
[[nodiscard]] std::array<std::uintptr_t, 2> reads_of_targets(const Batch& batch,
                                                             double option = 0.0) {
    return {std::bit_cast<std::uintptr_t>(batch.targets.data()),
            std::uintptr_t{std::bit_cast<std::uint64_t>(option)}};
}

}  // namespace detail

struct MeanSquaredError {
    template <class B, class Batch>
    [[nodiscard]] Variable<B> operator()(const Variable<B>& output, const Batch& batch) const {
        return ops::mean_squared_error(output, batch.targets);
    }
    template <class Batch>
    [[nodiscard]] auto reads(const Batch& batch) const {
        return detail::reads_of_targets(batch);
    }
};

struct L1Loss {
    template <class B, class Batch>
    [[nodiscard]] Variable<B> operator()(const Variable<B>& output, const Batch& batch) const {
        return ops::l1_loss(output, batch.targets);
    }
    template <class Batch>
    [[nodiscard]] auto reads(const Batch& batch) const {
        return detail::reads_of_targets(batch);
    }
};

struct HuberLoss {
    double delta = 1.0;

    template <class B, class Batch>
    [[nodiscard]] Variable<B> operator()(const Variable<B>& output, const Batch& batch) const {
        return ops::huber_loss(output, batch.targets, delta);
    }
    template <class Batch>
    [[nodiscard]] auto reads(const Batch& batch) const {
        return detail::reads_of_targets(batch, delta);
    }
};

/// The output are logits.
struct BinaryCrossEntropyWithLogits {
    ops::BinaryCrossEntropyOptions options{};

    template <class B, class Batch>
    [[nodiscard]] Variable<B> operator()(const Variable<B>& output, const Batch& batch) const {
        return ops::binary_cross_entropy_with_logits(output, batch.targets, options);
    }
    template <class Batch>
    [[nodiscard]] auto reads(const Batch& batch) const {
        return detail::reads_of_targets(batch, options.positive_weight);
    }
};

/// The output are logarithms of probabilities.
struct KlDivergence {
    ops::KlDivergenceOptions options{};

    template <class B, class Batch>
    [[nodiscard]] Variable<B> operator()(const Variable<B>& output, const Batch& batch) const {
        return ops::kl_divergence(output, batch.targets, options);
    }
    template <class Batch>
    [[nodiscard]] auto reads(const Batch& batch) const {
        return detail::reads_of_targets(batch, options.log_target ? 1.0 : 0.0);
    }
};

}  // namespace kasmina::train
