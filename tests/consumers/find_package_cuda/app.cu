// Adds numbers on a card.
#include <cstdio>

#include <kasmina/autodiff/ops/arithmetic.hpp>
#include <kasmina/backends/cuda.hpp>

using B = kasmina::backends::Cuda<float>;

int main() {
    try {
        B::Context context;
        auto numbers = B::acquire<float>(context, 3);
        B::fill(context, numbers.data(), 3, 3.0F);
        const kasmina::Operand<float> operand{numbers.data()};
        B::map(context, kasmina::ops::Add{},
               kasmina::Map<float, 2>{{1, 1, 3}, {{operand, operand}}, numbers.data()});
        auto reading = B::read<float>(context, numbers.data(), 3);
        const auto values = reading.get();
        std::printf("%g %g %g\n", values[0], values[1], values[2]);
    } catch (const kasmina::Error& error) {
        std::puts(error.what());
        return 1;
    }
}
