// Prints the memory rate of each kernel that is bound by memory, one line of JSON for each.
#include <cstdio>
#include <exception>

#include <kasmina/backends/cuda.hpp>

#include "kernel_rates.hpp"

int main() {
    try {
        using Backend = kasmina::backends::Cuda<float>;
        Backend::Context context{};
        kasmina::bench::KernelRates<Backend>(context).run();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gpu_kernel_rates: %s\n", error.what());
        return 1;
    }
}
