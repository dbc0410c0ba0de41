// Kernels compiled with -ffast-math: a NaN comes through to the loss, and is no hit.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/backends/eigen.hpp>
#include <kasmina/nn/batch_norm.hpp>
#include <kasmina/nn/group_norm.hpp>

#include "expect.hpp"

using namespace kasmina;
using B = backends::Eigen<float>;
using test::a_nan;

namespace {

/// Whether any value is NaN.
bool has_nan(const Variable<B>& variable) {
    for (const float value : variable.to_host()) {
        if (is_nan(value)) return true;
    }
    return false;
}

struct Clamped {
    template <class V>
    V operator()(const V& x) const {
        return math::clamp(x, -1.0, 1.0);
    }
};
struct Larger {
    template <class V>
    V operator()(const V& x) const {
        return math::maximum(x, x * 0 + 1);
    }
};

}  // namespace

int main() {
    test::Expectations all;
    B::Context context;
    Tape<B> tape(context);
    Pass<B> pass(tape, Mode::training);
    for (const float broken : {a_nan<float>, -a_nan<float>}) {
        for (const Index channels : {Index{3}, Index{16}, Index{21}}) {
            const Shape shape{2, 4, 4, channels};
            std::vector<float> values(static_cast<std::size_t>(shape.elements()), -0.5F);
            values[1] = 2.0F;
            values[static_cast<std::size_t>(channels - 1)] = broken;
            const Variable<B> x = tape.constant(shape, values);
            all.expect(has_nan(ops::relu(x)), "a ReLU keeps a NaN");
            all.expect(has_nan(ops::max_pool(x)), "a pool keeps a NaN");
            all.expect(has_nan(ops::sigmoid(x)), "a sigmoid keeps a NaN");
            all.expect(has_nan(ops::pointwise(Clamped{}, x)), "a clamp keeps a NaN");
            all.expect(has_nan(ops::pointwise(Larger{}, x)), "a maximum keeps a NaN");
            const nn::BatchNorm2d<B> batch_norm(context, channels);
            all.expect(has_nan(batch_norm.forward(pass, x, {.relu = true, .max_pool = true})),
                       "batch norm, ReLU and pool keep a NaN");
            const nn::GroupNorm<B> group_norm(context, channels);
            all.expect(has_nan(group_norm.forward(pass, x, {.relu = true})),
                       "group norm and ReLU keep a NaN");
            // Of two rows the second has its NaN at the label, the first elsewhere.
            std::vector<float> logits(static_cast<std::size_t>(2 * channels), 0.0F);
            logits[0] = 1.0F;
            logits[static_cast<std::size_t>(channels - 1)] = broken;
            logits[static_cast<std::size_t>(channels)] = broken;
            const std::vector<std::int32_t> labels{0, 0};
            const Variable<B> rows = tape.constant(Shape{2, channels}, logits);
            all.expect(
                is_nan(ops::cross_entropy(rows, std::span<const std::int32_t>(labels)).item()),
                "a loss keeps a NaN");
            all.expect(
                ops::count_correct(rows, ClassLabels<B>(context, labels, channels)).get() == 0,
                "a row with a NaN is no hit");
            tape.clear();
        }
    }
    return all.result();
}
