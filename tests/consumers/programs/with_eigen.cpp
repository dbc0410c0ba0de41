// A consumer of the CPU backend: one product of two matrices, on two threads.
#include <array>

#include <kasmina/backends/eigen.hpp>

int main() {
    using Backend = kasmina::backends::Eigen<double>;
    Backend::Context context{2};
    const std::array<double, 4> a{1, 2, 3, 4};
    const std::array<double, 4> b{5, 6, 7, 8};
    std::array<double, 4> c{};
    Backend::gemm(context, {.m = 2, .n = 2, .k = 2, .a = a.data(), .b = b.data(), .c = c.data()});
    return c == std::array<double, 4>{19, 22, 43, 50} ? 0 : 1;
}
