// One program of two units compiled for different instruction sets: both compute what they should.
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

#include "convolution.hpp"

namespace {

using kasmina::test::batch;
using kasmina::test::channels;
using kasmina::test::side;

/// Small whole numbers: products and their sums are exact.
std::vector<float> numbers(int count) {
    std::vector<float> values;
    for (int i = 0; i < count; ++i) values.push_back(static_cast<float>(i * 7 % 11 - 5));
    return values;
}

std::size_t pixel(int sample, int y, int x) {
    return static_cast<std::size_t>(((sample * side + y) * side + x) * channels);
}

/// The definition; `back` reads the weight as the way back does: channels swapped, kernel turned.
std::vector<float> expected(const std::vector<float>& from, const std::vector<float>& weight,
                            bool back) {
    std::vector<float> to(from.size());
    const auto tap = [&](int out, int in, int dy, int dx) {
        const int place = back ? (1 - dy) * 3 + 1 - dx : (1 + dy) * 3 + 1 + dx;
        return weight[static_cast<std::size_t>(
            (back ? in * channels + out : out * channels + in) * 9 + place)];
    };
    for (int sample = 0; sample < batch; ++sample) {
        for (int i = 0; i < side * side * 9; ++i) {
            const int y = i / 9 / side;
            const int x = i / 9 % side;
            const int dy = i % 9 / 3 - 1;
            const int dx = i % 3 - 1;
            if (y + dy < 0 || y + dy >= side || x + dx < 0 || x + dx >= side) continue;
            const float* in = from.data() + pixel(sample, y + dy, x + dx);
            float* out = to.data() + pixel(sample, y, x);
            for (int o = 0; o < channels; ++o) {
                for (int c = 0; c < channels; ++c) out[o] += in[c] * tap(o, c, dy, dx);
            }
        }
    }
    return to;
}

bool right(const char* what, const std::vector<float>& wanted, const std::vector<float>& got) {
    int wrong = wanted.size() == got.size() ? 0 : 1;
    for (std::size_t i = 0; i < got.size() && wanted.size() == got.size(); ++i) {
        // Winograd's way rounds. Written so that NaN is wrong.
        if (!(std::abs(wanted[i] - got[i]) < 0.05F)) ++wrong;
    }
    if (wrong > 0) std::printf("%s: %d of %zu numbers are wrong\n", what, wrong, wanted.size());
    return wrong == 0;
}

}  // namespace

int main() {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        std::puts("skipped: this processor has no x86-64-v3");
        return 77;
    }
    const std::vector<float> map = numbers(batch * side * side * channels);
    const std::vector<float> weight = numbers(channels * channels * 9);
    const bool forward = right("forward, x86-64-v3", expected(map, weight, false),
                               kasmina::test::convolve(map, weight));
    const bool back = right("back, x86-64-v2", expected(map, weight, true),
                            kasmina::test::convolve_back(map, weight));
    return forward && back ? 0 : 1;
}
