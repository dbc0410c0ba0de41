// A small network with dropout and batch norm, and batches to train it on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/model/mean_scores.hpp>
#include <kasmina/model/model.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/conv2d.hpp>
#include <kasmina/nn/linear.hpp>
#include <kasmina/random/generator.hpp>

namespace kasmina::test {

/// Two blocks of conv3x3, batch norm, ReLU and dropout, with a slot after each; mean, linear.
template <class B>
class DropoutCnn : public nn::Visitable<DropoutCnn<B>> {
public:
    using Backend = B;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::cnn;
    static constexpr Index width = 4;

    explicit DropoutCnn(typename B::Context& context)
        : conv1_(context, 3, width, 3),
          norm1_(context, width),
          conv2_(context, width, width, 3),
          norm2_(context, width),
          head_(context, width, 3),
          points_{{"early", width, 0, {0, 1}, hosts::Surface::segment_end},
                  {"late", width, 1, {1, 2}, hosts::Surface::segment_end}} {}

    void initialise(typename B::Context& context, Generator& generator) {
        conv1_.initialise(context, generator);
        conv2_.initialise(context, generator);
        head_.initialise(context, generator);
    }

    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const noexcept {
        return points_;
    }

    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& images) const {
        return pass.constant(images);
    }

    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const {
        Variable<B> current = state;
        if (from < 1 && to >= 1) current = block(pass, current, conv1_, norm1_);
        if (from < 2 && to >= 2) current = block(pass, current, conv2_, norm2_);
        return current;
    }

    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& state) const {
        return head_.forward(pass, ops::mean_positions(state));
    }

    [[nodiscard]] static constexpr auto members() {
        return nn::members(
            nn::Member{"conv1", &DropoutCnn::conv1_}, nn::Member{"norm1", &DropoutCnn::norm1_},
            nn::Member{"conv2", &DropoutCnn::conv2_}, nn::Member{"norm2", &DropoutCnn::norm2_},
            nn::Member{"head", &DropoutCnn::head_});
    }

private:
    [[nodiscard]] static Variable<B> block(Pass<B>& pass, const Variable<B>& x,
                                           const nn::Conv2d<B>& conv,
                                           const nn::BatchNorm2d<B>& norm) {
        return ops::dropout(pass, norm.forward(pass, conv.forward(pass, x), {.relu = true}), 0.1);
    }

    nn::Conv2d<B> conv1_;
    nn::BatchNorm2d<B> norm1_;
    nn::Conv2d<B> conv2_;
    nn::BatchNorm2d<B> norm2_;
    nn::Linear<B> head_;
    std::vector<hosts::InjectionPoint> points_;
};

/// Batches of 8 images of noise around one of three means.
template <class B>
class NoiseBatches {
public:
    explicit NoiseBatches(std::uint64_t seed) : generator_(seed) {}

    struct Batch {
        Tensor<B> input;
        std::vector<std::int32_t> labels;
    };

    [[nodiscard]] Batch next(typename B::Context& context) {
        const Shape shape{8, 5, 6, 3};
        std::vector<std::int32_t> labels;
        std::vector<typename B::Scalar> pixels;
        for (Index image = 0; image < 8; ++image) {
            labels.push_back(static_cast<std::int32_t>(generator_.below(3)));
            for (Index i = 0; i < 5 * 6 * 3; ++i) {
                const double mean = i % 3 == labels.back() ? 0.5 : 0.0;
                pixels.push_back(static_cast<typename B::Scalar>(mean + generator_.normal()));
            }
        }
        return {Tensor<B>::from_host(context, shape, pixels), std::move(labels)};
    }

    [[nodiscard]] Generator::State state() const { return generator_.state(); }
    void restore(const Generator::State& state) { generator_ = Generator::from_state(state); }

private:
    Generator generator_;
};

/// The same, four of them an epoch.
template <class B>
class NoiseStream {
public:
    NoiseStream(typename B::Context& context, std::uint64_t seed)
        : context_(&context), batches_(seed) {}

    void start_epoch() { left_ = 4; }

    [[nodiscard]] std::optional<typename NoiseBatches<B>::Batch> next() {
        if (left_ == 0) return std::nullopt;
        --left_;
        return batches_.next(*context_);
    }

    [[nodiscard]] Generator::State state() const { return batches_.state(); }
    void restore(const Generator::State& state) { batches_.restore(state); }

private:
    typename B::Context* context_;
    NoiseBatches<B> batches_;
    int left_ = 0;
};

/// Batches to score on.
template <class B>
[[nodiscard]] std::vector<LabelledBatch<B>> held_out(typename B::Context& context) {
    NoiseBatches<B> batches(77);
    std::vector<LabelledBatch<B>> all;
    for (int i = 0; i < 4; ++i) {
        auto batch = batches.next(context);
        all.push_back({std::move(batch.input), ClassLabels<B>(context, batch.labels, 3)});
    }
    return all;
}

template <class B>
[[nodiscard]] auto loss_of(const std::vector<std::int32_t>& labels) {
    return [&labels](const Variable<B>& logits) {
        return ops::cross_entropy(logits, std::span<const std::int32_t>(labels));
    };
}

/// All values of the model, parameters and states, by names that begin with `prefix`.
template <class Model>
[[nodiscard]] std::map<std::string, std::vector<double>> values_of(Model& model,
                                                                   const std::string& prefix = "") {
    std::map<std::string, std::vector<double>> values;
    const auto contents = model.contents();
    for (const auto& [name, parameter] : contents.parameters) {
        if (!name.starts_with(prefix)) continue;
        const auto host = parameter->value().to_host(model.context());
        values[name].assign(host.begin(), host.end());
    }
    for (const auto& [name, state] : contents.states) {
        if (!name.starts_with(prefix)) continue;
        state.visit([&](const auto& tensor) {
            const auto host = tensor.to_host(model.context());
            values[name].assign(host.begin(), host.end());
        });
    }
    return values;
}

/// All values of the host.
template <class Model>
[[nodiscard]] std::map<std::string, std::vector<double>> host_values(Model& model) {
    return values_of(model, "host/");
}

}  // namespace kasmina::test
