// Compiled for x86-64-v3: registers of 32 bytes.
#include <kasmina/backends/eigen.hpp>

#include "convolution.hpp"

using Cpu = kasmina::backends::Eigen<float>;

std::vector<float> kasmina::test::convolve(const std::vector<float>& x,
                                           const std::vector<float>& weight) {
    Cpu::Context context{1};
    std::vector<float> y(x.size());
    Cpu::conv2d(context, {.shape = shape, .x = x.data(), .weight = weight.data(), .y = y.data()});
    return y;
}
