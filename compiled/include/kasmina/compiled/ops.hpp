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
    KEYWORDS decltype(add<B>) add<B>;                                                           \
    KEYWORDS decltype(subtract<B>) subtract<B>;                                                 \
    KEYWORDS decltype(multiply<B>) multiply<B>;                                                 \
    KEYWORDS decltype(add_scaled<B>) add_scaled<B>;                                             \
    KEYWORDS decltype(reshape<B>) reshape<B>;                                                   \
    KEYWORDS decltype(straight_through<B>) straight_through<B>;                                 \
    KEYWORDS decltype(batch_norm_training<B>) batch_norm_training<B>;                           \
    KEYWORDS decltype(batch_norm_evaluation<B>) batch_norm_evaluation<B>;                       \
    KEYWORDS decltype(conv2d<B>) conv2d<B>;                                                     \
    KEYWORDS decltype(depthwise_conv2d<B>) depthwise_conv2d<B>;                                 \
    KEYWORDS decltype(cross_entropy<B>) cross_entropy<B>;                                       \
    KEYWORDS decltype(group_norm<B>) group_norm<B>;                                             \
    KEYWORDS decltype(layer_norm<B>) layer_norm<B>;                                             \
    KEYWORDS decltype(linear<B>) linear<B>;                                                     \
    KEYWORDS decltype(max_pool<B>) max_pool<B>;                                                 \
    KEYWORDS decltype(mean_positions<B>) mean_positions<B>;                                     \
    KEYWORDS decltype(sum<B>) sum<B>;                                                           \
    KEYWORDS decltype(mean<B>) mean<B>;                                                         \
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
