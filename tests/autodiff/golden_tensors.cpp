// What is built from tensors against PyTorch: rearranging, products, softmax, activations, losses.
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/activations.hpp>
#include <kasmina/autodiff/ops/concatenate.hpp>
#include <kasmina/autodiff/ops/embedding.hpp>
#include <kasmina/autodiff/ops/expand.hpp>
#include <kasmina/autodiff/ops/group_norm.hpp>
#include <kasmina/autodiff/ops/losses.hpp>
#include <kasmina/autodiff/ops/matmul.hpp>
#include <kasmina/autodiff/ops/permute.hpp>
#include <kasmina/autodiff/ops/reduce_axes.hpp>
#include <kasmina/autodiff/ops/slice.hpp>
#include <kasmina/autodiff/ops/softmax.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_operation.hpp"

namespace kasmina::golden_tensors_test {
namespace {

/// The operation a case is of, applied to its leaves "input" and what it has of "weight", "bias",
/// "b", "target".
template <class B>
[[nodiscard]] Variable<B> apply(test::GoldenOperation<B>& operation) {
    using X = Variable<B>;
    const test::GoldenCase& golden = operation.golden();
    const std::map<std::string, std::function<X(const X&)>> operations{
        {"relu", [](const X& x) { return ops::relu(x); }},
        {"sigmoid", [](const X& x) { return ops::sigmoid(x); }},
        {"tanh", [](const X& x) { return ops::tanh(x); }},
        {"gelu", [](const X& x) { return ops::gelu(x); }},
        {"gelu_tanh", [](const X& x) { return ops::gelu_tanh(x); }},
        {"silu", [](const X& x) { return ops::silu(x); }},
        {"leaky_relu",
         [&](const X& x) { return ops::leaky_relu(x, golden.number("negative_slope")); }},
        {"elu", [&](const X& x) { return ops::elu(x, golden.number("alpha")); }},
        {"softplus", [&](const X& x) { return ops::softplus(x, golden.number("beta")); }},
        {"softmax", [&](const X& x) { return ops::softmax(x, golden.count("axis")); }},
        {"log_softmax", [&](const X& x) { return ops::log_softmax(x, golden.count("axis")); }},
        {"layer_norm",
         [&](const X& x) {
             return ops::layer_norm(x, operation.leaf("weight"), operation.leaf("bias"));
         }},
        {"matmul",
         [&](const X& x) {
             return ops::matmul(x, operation.leaf("b"),
                                {.transpose_a = golden.count("transpose_a") == 1,
                                 .transpose_b = golden.count("transpose_b") == 1});
         }},
        {"slice", [](const X& x) { return ops::slice(x, 1, 1, 4); }},
        {"permute",
         [](const X& x) {
             return ops::permute(x, {2, 0, 1});
         }},
        {"transpose", [](const X& x) { return ops::transpose(x, -1, 0); }},
        {"sum",
         [](const X& x) {
             return ops::sum(x, {0, 2});
         }},
        {"sum_keep", [](const X& x) { return ops::sum(x, 1, true); }},
        {"mean",
         [](const X& x) {
             return ops::mean(x, {0, 1});
         }},
        {"expand",
         [](const X& x) {
             return ops::expand(x, {3, 5, 7});
         }},
        {"concatenate",
         [&](const X& x) {
             return ops::concatenate({x, operation.leaf("b"), x}, 1);
         }},
        {"embedding",
         [&](const X& x) {
             const std::vector<double>& labels = golden.at("labels").values;
             return ops::embedding(
                 x, TokenIds<B>(operation.context(), {static_cast<Index>(labels.size())},
                                std::vector<std::int32_t>(labels.begin(), labels.end()),
                                x.shape()[0]));
         }},
        {"mean_squared_error",
         [&](const X& x) { return ops::mean_squared_error(x, operation.leaf("target")); }},
        {"l1_loss", [&](const X& x) { return ops::l1_loss(x, operation.leaf("target")); }},
        {"huber_loss",
         [&](const X& x) {
             return ops::huber_loss(x, operation.leaf("target"), golden.number("delta"));
         }},
        {"binary_cross_entropy_with_logits",
         [&](const X& x) {
             return ops::binary_cross_entropy_with_logits(
                 x, operation.leaf("target"),
                 {.positive_weight = golden.number("positive_weight")});
         }},
        {"kl_divergence",
         [&](const X& x) {
             return ops::kl_divergence(x, operation.leaf("target"),
                                       {.log_target = golden.count("log_target") == 1});
         }},
    };
    return operations.at(golden.option("op"))(operation.leaf("input"));
}

TEMPLATE_TEST_CASE("operations on tensors and losses agree with PyTorch, forward and backward",
                   "[N-2][N-3]", test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    test::check_golden_operations<TestType>("tensor/", 45,
                                            [](auto& operation) { return apply(operation); });
}

}  // namespace
}  // namespace kasmina::golden_tensors_test
