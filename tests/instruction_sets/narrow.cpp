// Compiled for x86-64-v2: registers of 16 bytes.
#include <kasmina/backends/eigen.hpp>

#include "convolution.hpp"

using Cpu = kasmina::backends::Eigen<float>;

std::vector<float> kasmina::test::convolve_back(const std::vector<float>& grad_y,
                                                const std::vector<float>& weight) {
    Cpu::Context context{1};
    std::vector<float> grad_x(grad_y.size());
    Cpu::conv2d_pullback_input(context, {.shape = shape,
                                         .weight = weight.data(),
                                         .grad_y = grad_y.data(),
                                         .grad_x = {grad_x.data(), false}});
    return grad_x;
}
