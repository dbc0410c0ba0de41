// The operations on the tape, listed once: those that can be compiled once for a whole program.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/alias.hpp>
#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/autodiff/ops/batch_norm.hpp>
#include <kasmina/autodiff/ops/blend.hpp>
#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/depthwise_conv2d.hpp>
#include <kasmina/autodiff/ops/dropout.hpp>
#include <kasmina/autodiff/ops/embedding.hpp>
#include <kasmina/autodiff/ops/group_norm.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/autodiff/ops/reduce.hpp>

/// Every operation for the backend `B`. `KEYWORDS` is `extern template` in the header that a
/// program's sources see, `template` in the one source that compiles them.
#define KASMINA_OPS_OF(KEYWORDS, B)                                                             \
    namespace kasmina::ops {                                                                    \
    KEYWORDS decltype(relu<B>) relu<B>;                                                         \
    KEYWORDS decltype(sigmoid<B>) sigmoid<B>;                                                   \
    KEYWORDS decltype(tanh<B>) tanh<B>;                                                         \
    KEYWORDS decltype(gelu<B>) gelu<B>;                                                         \
    KEYWORDS decltype(gelu_tanh<B>) gelu_tanh<B>;                                               \
    KEYWORDS decltype(silu<B>) silu<B>;                                                         \
    KEYWORDS decltype(leaky_relu<B>) leaky_relu<B>;                                             \
    KEYWORDS decltype(elu<B>) elu<B>;                                                           \
    KEYWORDS decltype(softplus<B>) softplus<B>;                                                 \
    KEYWORDS decltype(add<B>) add<B>;                                                           \
    KEYWORDS decltype(subtract<B>) subtract<B>;                                                 \
    KEYWORDS decltype(multiply<B>) multiply<B>;                                                 \
    KEYWORDS decltype(add_scaled<B>) add_scaled<B>;                                             \
    KEYWORDS decltype(reshape<B>) reshape<B>;                                                   \
    KEYWORDS decltype(straight_through<B>) straight_through<B>;                                 \
    KEYWORDS decltype(batch_norm<B>) batch_norm<B>;                                             \
    KEYWORDS decltype(conv2d<B>) conv2d<B>;                                                     \
    KEYWORDS decltype(depthwise_conv2d<B>) depthwise_conv2d<B>;                                 \
    KEYWORDS Variable<B> cross_entropy(const Variable<B>&, const ClassLabels<B>&,               \
                                       CrossEntropyOptions);                                    \
    KEYWORDS Variable<B> cross_entropy(const Variable<B>&, std::span<const std::int32_t>,       \
                                       const CrossEntropyOptions&);                             \
    KEYWORDS Pending<B, std::int32_t> count_correct(const Variable<B>&, const ClassLabels<B>&); \
    KEYWORDS decltype(dropout<B>) dropout<B>;                                                   \
    KEYWORDS Variable<B> embedding(const Variable<B>&, const TokenIds<B>&);                     \
    KEYWORDS Variable<B> embedding(const Variable<B>&, const Tensor<B, std::int32_t>&);         \
    KEYWORDS decltype(group_norm<B>) group_norm<B>;                                             \
    KEYWORDS decltype(layer_norm<B>) layer_norm<B>;                                             \
    KEYWORDS decltype(linear<B>) linear<B>;                                                     \
    KEYWORDS decltype(max_pool<B>) max_pool<B>;                                                 \
    KEYWORDS decltype(max_positions<B>) max_positions<B>;                                       \
    KEYWORDS decltype(mean_positions<B>) mean_positions<B>;                                     \
    KEYWORDS Variable<B> sum(const Variable<B>&);                                               \
    KEYWORDS Variable<B> mean(const Variable<B>&);                                              \
    KEYWORDS Variable<B> blend_add(const Variable<B>&, const Variable<B>&, double);             \
    KEYWORDS Variable<B> blend_add(const Variable<B>&, const Variable<B>&,                      \
                                   std::span<const B::Scalar>);                                 \
    KEYWORDS Variable<B> blend_multiply(const Variable<B>&, const Variable<B>&,                 \
                                        const Variable<B>&, double);                            \
    KEYWORDS Variable<B> blend_multiply(const Variable<B>&, const Variable<B>&,                 \
                                        const Variable<B>&, std::span<const B::Scalar>);        \
    KEYWORDS Variable<B> blend_gate(const Variable<B>&, const Variable<B>&, const Variable<B>&, \
                                    double);                                                    \
    KEYWORDS Variable<B> blend_gate(const Variable<B>&, const Variable<B>&, const Variable<B>&, \
                                    std::span<const B::Scalar>);                                \
    }
