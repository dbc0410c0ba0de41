// What memory rate the kernels that are bound by memory reach, beside that of a plain copy.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/backend/rearrange.hpp>
#include <kasmina/backend/softmax.hpp>
#include <kasmina/kasmina.hpp>

namespace kasmina::bench {

/// Tensors of noise on a backend, and calls timed over them one after the other.
template <class B>
class KernelRates {
public:
    using Scalar = typename B::Scalar;
    using Context = typename B::Context;

    /// A map of 512 images of 32x32x32: 64 MiB in float, more than a GPU's cache holds.
    static constexpr MapShape map{512, 32, 32, 32};

    explicit KernelRates(Context& context, MapShape shape = map)
        : context_(&context), shape_(shape) {}

    /// Prints a line of JSON for each kernel.
    void run() {
        const Index count = shape_.elements();
        const Index channels = shape_.channels;
        const Index samples = shape_.batch;
        const Index positions = shape_.height * shape_.width;
        const auto x = noise(count);
        const auto upstream = noise(count);
        auto y = room(count);
        auto grad = room(count);
        const auto scale = noise(channels);
        const auto shift = noise(channels);
        auto mean = room(samples * channels);
        auto deviation = room(samples * channels);
        auto grad_scale = room(channels);
        auto grad_shift = room(channels);
        const double once = static_cast<double>(count) * sizeof(Scalar);

        time("copy", 2 * once, [&] { B::copy(*context_, x.data(), y.data(), count); });
        time("fill", once, [&] { B::fill(*context_, y.data(), count, Scalar(1)); });
        const MapGeometry geometry{samples, positions, channels};
        time("map: relu", 2 * once, [&] {
            B::map(*context_, ops::Relu{},
                   Map<Scalar, 1>{geometry, {Operand<Scalar>{x.data()}}, y.data()});
        });
        time("map: blend of two", 3 * once, [&] {
            B::map(*context_, Blend{Scalar(0.5)},
                   Map<Scalar, 2>{geometry,
                                  {Operand<Scalar>{x.data()}, Operand<Scalar>{upstream.data()}},
                                  y.data()});
        });
        // A blend's gradients need neither operand.
        time("map pullback: blend of two", 3 * once, [&] {
            B::map_pullback(
                *context_, Blend{Scalar(0.5)},
                MapPullback<Scalar, 2>{
                    geometry,
                    {Operand<Scalar>{x.data()}, Operand<Scalar>{upstream.data()}},
                    upstream.data(),
                    {GradientTarget<Scalar>{y.data()}, GradientTarget<Scalar>{grad.data()}}});
        });
        time("batch norm: statistics", once, [&] {
            B::batch_norm_statistics(*context_, {.shape = shape_,
                                                 .x = x.data(),
                                                 .mean = mean.data(),
                                                 .inverse_deviation = deviation.data()});
        });
        for (const bool pools : {false, true}) {
            const NormEpilogue epilogue{.relu = true, .max_pool = pools};
            const std::string with = pools ? " with relu and pool" : " with relu";
            time("batch norm" + with, (pools ? 1.25 : 2.0) * once, [&] {
                B::batch_norm(*context_, {.shape = shape_,
                                          .epilogue = epilogue,
                                          .x = x.data(),
                                          .mean = mean.data(),
                                          .inverse_deviation = deviation.data(),
                                          .scale = scale.data(),
                                          .shift = shift.data(),
                                          .y = y.data()});
            });
            // Once for the sums and once for the gradient: x and grad_y twice, grad_x once.
            time("batch norm pullback" + with, (pools ? 3.5 : 5.0) * once, [&] {
                B::batch_norm_pullback(*context_, {.shape = shape_,
                                                   .epilogue = epilogue,
                                                   .x = x.data(),
                                                   .mean = mean.data(),
                                                   .inverse_deviation = deviation.data(),
                                                   .scale = scale.data(),
                                                   .shift = shift.data(),
                                                   .grad_y = upstream.data(),
                                                   .grad_x = {grad.data()},
                                                   .grad_scale = {grad_scale.data()},
                                                   .grad_shift = {grad_shift.data()}});
            });
        }
        const NormGeometry groups{samples, positions, channels, 4};
        // What one sample's group holds is in the cache when it is read again.
        time("group norm with relu", 2 * once, [&] {
            B::group_norm(*context_, {.geometry = groups,
                                      .relu = true,
                                      .x = x.data(),
                                      .scale = scale.data(),
                                      .shift = shift.data(),
                                      .y = y.data(),
                                      .mean = mean.data(),
                                      .inverse_deviation = deviation.data()});
        });
        time("group norm pullback with relu", 3 * once, [&] {
            B::group_norm_pullback(*context_, {.geometry = groups,
                                               .relu = true,
                                               .x = x.data(),
                                               .scale = scale.data(),
                                               .shift = shift.data(),
                                               .mean = mean.data(),
                                               .inverse_deviation = deviation.data(),
                                               .grad_y = upstream.data(),
                                               .grad_x = {grad.data()},
                                               .grad_scale = {grad_scale.data()},
                                               .grad_shift = {grad_shift.data()}});
        });
        time("max pool", 1.25 * once, [&] {
            B::max_pool(*context_, {.shape = halving(shape_), .x = x.data(), .y = y.data()});
        });
        time("max pool pullback", 2.25 * once, [&] {
            B::max_pool_pullback(*context_, {.shape = halving(shape_),
                                             .x = x.data(),
                                             .grad_y = upstream.data(),
                                             .grad_x = {grad.data()}});
        });
        time("mean of positions", once, [&] {
            B::mean_positions(*context_, {.geometry = geometry, .x = x.data(), .y = mean.data()});
        });
        time("mean of positions pullback", once, [&] {
            B::mean_positions_pullback(
                *context_, {.geometry = geometry, .grad_y = mean.data(), .grad_x = {grad.data()}});
        });
        time("dropout", 2 * once, [&] {
            B::dropout(*context_, {.rate = 0.1, .count = count, .x = x.data(), .y = y.data()});
        });
        windows(x.data(), upstream.data(), y.data(), grad.data());
        strides(x.data(), y.data());
        rows(x.data(), upstream.data(), y.data(), grad.data());
        losses(x.data(), y.data(), grad.data(), count);
        optimisers(x.data(), y.data(), grad.data(), count);
    }

private:
    using Blend = ops::detail::BlendAdd<Scalar>;

    Tensor<B> room(Index count) { return Tensor<B>::persistent(*context_, {count}); }
    Tensor<B> noise(Index count) {
        std::vector<Scalar> values(static_cast<std::size_t>(count));
        for (Scalar& value : values) value = static_cast<Scalar>(random_.normal());
        return Tensor<B>::from_host(*context_, {count}, values);
    }

    /// Pools of 3x3 windows with stride 2, which share places.
    void windows(const Scalar* x, const Scalar* upstream, Scalar* y, Scalar* grad) {
        const PoolShape shape{.map = shape_,
                              .kernel_height = 3,
                              .kernel_width = 3,
                              .pad_top = 1,
                              .pad_left = 1,
                              .out_height = shape_.height / 2,
                              .out_width = shape_.width / 2};
        const double once = static_cast<double>(shape_.elements()) * sizeof(Scalar);
        time("max pool of 3x3", 1.25 * once,
             [&] { B::max_pool(*context_, {.shape = shape, .x = x, .y = y}); });
        time("max pool pullback of 3x3", 2.25 * once, [&] {
            B::max_pool_pullback(*context_,
                                 {.shape = shape, .x = x, .grad_y = upstream, .grad_x = {grad}});
        });
        time("average pool of 3x3", 1.25 * once,
             [&] { B::average_pool(*context_, {.shape = shape, .x = x, .y = y}); });
        time("average pool pullback of 3x3", 1.25 * once, [&] {
            B::average_pool_pullback(*context_,
                                     {.shape = shape, .grad_y = upstream, .grad_x = {grad}});
        });
    }

    /// The numbers as a matrix with lines of 1024.
    void strides(const Scalar* x, Scalar* y) {
        constexpr Index columns = 1024;
        const Index lines = shape_.elements() / columns;
        const double once = static_cast<double>(lines * columns) * sizeof(Scalar);
        StridedAxes turned;
        turned.append(lines, columns, 1);
        turned.append(columns, 1, lines);
        time("rearrange: transpose", 2 * once,
             [&] { B::rearrange(*context_, {.axes = turned, .from = x, .to = y}); });
        // Heads of 64 change places with the lines of a sample of 256.
        StridedAxes heads;
        heads.append(lines / 256, 256 * columns, 256 * columns);
        heads.append(256, columns, 64);
        heads.append(columns / 64, 64, 256 * 64);
        heads.append(64, 1, 1);
        time("rearrange: heads", 2 * once,
             [&] { B::rearrange(*context_, {.axes = heads, .from = x, .to = y}); });
        StridedAxes along;
        along.append(lines, columns, 1);
        along.append(columns, 1, 0);
        time("sum along lines", once,
             [&] { B::sum_axes(*context_, {.axes = along, .from = x, .to = y}); });
        StridedAxes down;
        down.append(lines, columns, 0);
        down.append(columns, 1, 1);
        time("sum down columns", once,
             [&] { B::sum_axes(*context_, {.axes = down, .from = x, .to = y}); });
    }

    void rows(const Scalar* x, const Scalar* upstream, Scalar* y, Scalar* grad) {
        for (const Index columns : {Index{256}, Index{32768}}) {
            const Index lines = shape_.elements() / columns;
            const double once = static_cast<double>(lines * columns) * sizeof(Scalar);
            const std::string of = " of " + std::to_string(columns);
            time("softmax" + of, 2 * once, [&] {
                B::softmax(*context_, {.rows = lines, .columns = columns, .x = x, .y = y});
            });
            time("softmax pullback" + of, 3 * once, [&] {
                B::softmax_pullback(*context_, {.rows = lines,
                                                .columns = columns,
                                                .y = y,
                                                .grad_y = upstream,
                                                .grad_x = {grad}});
            });
        }
    }

    void losses(const Scalar* logits, Scalar* probabilities, Scalar* grad, Index count) {
        for (const Index classes : {Index{10}, Index{1000}}) {
            const Index rows = count / classes;
            const auto targets = Tensor<B, std::int32_t>::from_host(
                *context_, {rows},
                std::vector<std::int32_t>(static_cast<std::size_t>(rows), std::int32_t{3}));
            auto loss = room(1);
            B::fill(*context_, loss.data(), 1, Scalar(1));
            const double once = static_cast<double>(rows * classes) * sizeof(Scalar);
            const std::string of = " of " + std::to_string(classes) + " classes";
            time("cross-entropy" + of, 2 * once, [&] {
                B::cross_entropy(*context_, {.rows = rows,
                                             .classes = classes,
                                             .counted = rows,
                                             .logits = logits,
                                             .targets = targets.data(),
                                             .probabilities = probabilities,
                                             .loss = loss.data()});
            });
            time("cross-entropy pullback" + of, 2 * once, [&] {
                B::cross_entropy_pullback(*context_, {.rows = rows,
                                                      .classes = classes,
                                                      .counted = rows,
                                                      .probabilities = probabilities,
                                                      .targets = targets.data(),
                                                      .grad_loss = loss.data(),
                                                      .grad_logits = {grad}});
            });
        }
    }

    /// 64 tensors together as large as a map.
    void optimisers(const Scalar* gradient, Scalar* value, Scalar* clipped, Index count) {
        auto first = room(count);
        auto second = room(count);
        B::fill(*context_, first.data(), count, Scalar(0));
        B::fill(*context_, second.data(), count, Scalar(0));
        auto norm = Tensor<B, double>::persistent(*context_, {1});
        constexpr Index tensors = 64;
        const Index each = count / tensors;
        std::vector<OptimiserSlice<Scalar>> slices;
        std::vector<GradientSlice<Scalar>> gradients;
        for (Index i = 0; i < tensors; ++i) {
            slices.push_back({value + i * each, gradient + i * each, first.data() + i * each,
                              second.data() + i * each, each});
            gradients.push_back({clipped + i * each, each});
        }
        const double once = static_cast<double>(tensors * each) * sizeof(Scalar);
        time("sgd with momentum, 64 tensors", 5 * once, [&] {
            B::sgd_step(
                *context_,
                SgdStep<Scalar>{.learning_rate = 1e-3, .momentum = 0.9, .parameters = slices});
        });
        time("adamw, 64 tensors", 7 * once, [&] {
            B::adamw_step(*context_, AdamWStep<Scalar>{.learning_rate = 1e-3,
                                                       .bias_correction1 = 0.1,
                                                       .bias_correction2 = 0.001,
                                                       .parameters = slices});
        });
        time("clip by norm, 64 tensors", 3 * once, [&] {
            B::clip_by_norm(
                *context_,
                ClipByNorm<Scalar>{.gradients = gradients, .max_norm = 1e-2, .norm = norm.data()});
        });
    }

    /// `bytes`: the least that the call must read and write.
    template <class Call>
    void time(const std::string& name, double bytes, Call&& call) {
        using Clock = std::chrono::steady_clock;
        constexpr int calls = 20;
        for (int i = 0; i < 3; ++i) call();
        B::synchronise(*context_);
        double best = 1e300;
        for (int round = 0; round < 3; ++round) {
            const auto start = Clock::now();
            for (int i = 0; i < calls; ++i) call();
            B::synchronise(*context_);
            const double took = std::chrono::duration<double>(Clock::now() - start).count();
            best = std::min(best, took / calls);
        }
        if (copy_rate_ == 0.0) copy_rate_ = bytes / best;
        std::printf("{\"kernel\": \"%s\", \"us\": %.2f, \"gb_per_s\": %.1f, \"of_copy\": %.3f}\n",
                    name.c_str(), best * 1e6, bytes / best * 1e-9, bytes / best / copy_rate_);
        std::fflush(stdout);
    }

    Context* context_;
    MapShape shape_;
    Generator random_{1};
    double copy_rate_ = 0.0;
};

}  // namespace kasmina::bench
