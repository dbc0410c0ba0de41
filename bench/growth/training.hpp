// One network's training: epochs of steps, and accuracies on sets that are not trained on.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <optional>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/optim/sgd.hpp>
#include <kasmina/train/learner.hpp>

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

/// Trains `model`, which must outlive it. `Judge` is what its seeds are judged by.
template <class Model, class Judge>
class Training {
public:
    using B = typename Model::Backend;
    using Learner = train::Learner<Model, optim::SgdRule, Judge>;

    Training(Model& model, const ImageSet& images, Augmentation augmentation, const Recipe& recipe,
             Generator order)
        : model_(&model),
          context_(&model.context()),
          images_(&images),
          recipe_(recipe),
          batches_(images, recipe.batch_size, augmentation, order),
          learner_(model, {.host = rule(recipe, recipe.learning_rate),
                           .seeds = rule(recipe, recipe.seed_learning_rate)}) {}

    /// Trains one epoch of `epochs`; `on_step(done)` is told the share of it that is done.
    template <class OnStep>
    EpochMeasurement epoch(int number, int epochs, OnStep&& on_step, bool shuffled = false) {
        const double progress = static_cast<double>(number - 1) / static_cast<double>(epochs);
        const double rate = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
        // A seed that was taught wrong labels stays as it is once it is heard.
        bool heard = false;
        for (const auto& slot : model_->slots()) {
            heard = heard || slot.stage() == Stage::blending || slot.stage() == Stage::holding || slot.stage() == Stage::fossilized;
        }
        learner_.set_learning_rates(recipe_.learning_rate * rate,
                                    shuffled && heard ? 1e-12 : recipe_.seed_learning_rate * rate);
        EpochMeasurement sum;
        std::size_t steps = 0;
        Index correct = 0;
        batches_.start_epoch();
        while (batches_.next()) {
            load_batch();
            const ClassLabels<B> labels(*context_, batches_.labels(), images_->classes);
            std::vector<std::int32_t> turned(batches_.labels().rbegin(), batches_.labels().rend());
            const ClassLabels<B> wrong(*context_, turned, images_->classes);
            std::optional<Pending<B, std::int32_t>> hits;
            bool own_loss_given = false;
            Pending<B> loss = learner_.step(
                *model_, input_,
                [&](const Variable<B>& logits) {
                    // After the network was observed comes its own loss, and then the lessons'.
                    const bool lesson = hits.has_value() && own_loss_given;
                    own_loss_given = hits.has_value();
                    return ops::cross_entropy(logits, shuffled && lesson ? wrong : labels);
                },
                [&](const Variable<B>& logits) {
                    hits.emplace(ops::count_correct(logits, labels));
                });
            sum.loss += static_cast<double>(loss.get());
            correct += hits->get();
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

    [[nodiscard]] Learner& learner() noexcept { return learner_; }

private:
    [[nodiscard]] static optim::SgdOptions rule(const Recipe& recipe, double learning_rate) {
        return {.learning_rate = learning_rate,
                .momentum = recipe.momentum,
                .weight_decay = recipe.weight_decay,
                .nesterov = true};
    }

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
    Tensor<B> input_{};
    Learner learner_;
};

}  // namespace kasmina::examples
