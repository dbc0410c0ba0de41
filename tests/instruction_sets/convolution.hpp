// A convolution and its way back, each compiled for an instruction set of its own.
#pragma once

#include <vector>

#include <kasmina/backend/convolution.hpp>

namespace kasmina::test {

inline constexpr int batch = 2;
inline constexpr int side = 6;
/// As many channels in as out: whole registers of 16 bytes, not of 32.
inline constexpr int channels = 20;
inline constexpr ConvShape shape = keeping_size({.batch = batch,
                                                 .height = side,
                                                 .width = side,
                                                 .in_channels = channels,
                                                 .out_channels = channels,
                                                 .kernel_height = 3,
                                                 .kernel_width = 3});

/// y (batch, side, side, channels) = x convolved with weight (channels, channels, 3, 3); compiled
/// for x86-64-v3.
[[nodiscard]] std::vector<float> convolve(const std::vector<float>& x,
                                          const std::vector<float>& weight);

/// The gradient of x from that of y; compiled for x86-64-v2.
[[nodiscard]] std::vector<float> convolve_back(const std::vector<float>& grad_y,
                                               const std::vector<float>& weight);

}  // namespace kasmina::test
