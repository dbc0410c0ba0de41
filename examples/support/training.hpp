// One network's training: epochs of steps, and accuracies on sets that are not trained on.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/optim/sgd.hpp>

#include "batches.hpp"

namespace kasmina::examples {

/// How both networks are trained.
struct Recipe {
    std::size_t batch_size = 64;
    double learning_rate = 0.05;       ///< at the start; falls to 0 along half a cosine
    double seed_learning_rate = 0.05;  ///< the same, for seeds
    double momentum = 0.9;
    double weight_decay = 5e-4;
};

/// Mean loss and share of hits over an epoch's training batches.
struct EpochMeasurement {
    double loss = 0.0;
    double accuracy = 0.0;  ///< in per cent
};

/// Trains `model`, which must outlive it. Group 0 of the optimiser is the host, group 1 the seeds.
template <class Model>
class Training {
public:
    using B = typename Model::Backend;

    Training(Model& model, const ImageSet& images, Augmentation augmentation, const Recipe& recipe,
             Generator order)
        : model_(&model),
          context_(&model.context()),
          images_(&images),
          recipe_(recipe),
          batches_(images, recipe.batch_size, augmentation, order),
          tape_(model.context()) {
        optimiser_.add_group({.learning_rate = recipe.learning_rate,
                              .momentum = recipe.momentum,
                              .weight_decay = recipe.weight_decay,
                              .nesterov = true});
        optimiser_.add_group({.learning_rate = recipe.seed_learning_rate,
                              .momentum = recipe.momentum,
                              .weight_decay = recipe.weight_decay,
                              .nesterov = true});
        synchronise();
    }

    /// Trains one epoch of `epochs`; `on_step(done)` is told the share of it that is done.
    template <class OnStep>
    EpochMeasurement epoch(int number, int epochs, OnStep&& on_step) {
        const double progress = static_cast<double>(number - 1) / static_cast<double>(epochs);
        const double rate = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
        optimiser_.set_learning_rate(0, recipe_.learning_rate * rate);
        optimiser_.set_learning_rate(1, recipe_.seed_learning_rate * rate);
        EpochMeasurement sum;
        std::size_t steps = 0;
        Index correct = 0;
        batches_.start_epoch();
        Pass<B> pass(tape_, Mode::training);
        while (batches_.next()) {
            tape_.clear();
            load_batch();
            const ClassLabels<B> labels(*context_, batches_.labels(), images_->classes);
            const Variable<B> logits = model_->forward(pass, input_);
            const Variable<B> loss = ops::cross_entropy(logits, labels);
            Pending<B> loss_read = loss.read();
            Pending<B, std::int32_t> hits = ops::count_correct(logits, labels);
            optimiser_.zero_gradients();
            tape_.backward(loss);
            optimiser_.step(*context_);
            sum.loss += static_cast<double>(loss_read.get());
            correct += hits.get();
            on_step(static_cast<double>(++steps) /
                    static_cast<double>(batches_.batches_per_epoch()));
        }
        sum.loss /= static_cast<double>(steps);
        sum.accuracy = per_cent(correct, images_->count());
        return sum;
    }

    /// Accuracy on a set, in per cent.
    [[nodiscard]] double accuracy(const ImageSet& images) {
        return accuracies(images, std::array{AlphaOverrides{}})[0];
    }

    /// The same once per configuration of amplitudes, in one pass over the set.
    [[nodiscard]] std::vector<double> accuracies(const ImageSet& images,
                                                 std::span<const AlphaOverrides> configurations) {
        constexpr std::size_t chunk = 256;
        const std::size_t chunks = (images.count() + chunk - 1) / chunk;
        const auto batch = [&](std::size_t number) {
            const std::size_t first = number * chunk;
            const std::size_t count = std::min(chunk, images.count() - first);
            return LabelledBatch<B>{
                Tensor<B>::from_host(*context_, batch_shape(count), images.pixels_of(first, count)),
                ClassLabels<B>(*context_, images.labels_of(first, count), images.classes)};
        };
        return mean_scores(*model_, *context_, configurations,
                           std::views::iota(std::size_t{0}, chunks) | std::views::transform(batch),
                           AccuracyScore{});
    }

    /// After seeds have come or gone.
    void synchronise() {
        optimiser_.synchronise(0, model_->host_parameters());
        optimiser_.synchronise(1, model_->seed_parameters());
    }

    /// After a panic.
    void forget_momentum() { optimiser_.clear_state(); }

private:
    [[nodiscard]] Shape batch_shape(std::size_t count) const {
        return {static_cast<Index>(count), images_->height, images_->width, images_->channels};
    }

    /// Takes the pixels of the batch into memory that is kept while batches have one size.
    void load_batch() {
        const std::span<const float> pixels = batches_.pixels();
        const Shape shape = batch_shape(batches_.count());
        if (input_.shape() != shape) input_ = Tensor<B>::persistent(*context_, shape);
        input_.assign(*context_, pixels);
    }

    [[nodiscard]] static double per_cent(Index part, std::size_t whole) {
        return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    }

    Model* model_;
    typename B::Context* context_;
    const ImageSet* images_;
    Recipe recipe_;
    Batches batches_;
    Tape<B> tape_;
    Tensor<B> input_{};
    optim::Sgd<B> optimiser_;
};

}  // namespace kasmina::examples
