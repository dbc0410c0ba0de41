// Every recorded operation against PyTorch's numbers, forward and backward (B-7, H-7).
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/batch_norm.hpp>
#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/depthwise_conv2d.hpp>
#include <kasmina/autodiff/ops/group_norm.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/ops/linear_gelu.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_operation.hpp"

namespace kasmina::golden_test {
namespace {

template <class B>
[[nodiscard]] Variable<B> batch_norm(test::GoldenOperation<B>& operation) {
    const test::GoldenCase& golden = operation.golden();
    const auto buffer = [&](const std::string& name) -> Tensor<B>& {
        const test::GoldenTensor& recorded = golden.at("buffer." + name);
        return operation.keep(Tensor<B>::from_host(operation.context(), test::shape_of(recorded),
                                                   recorded.as<typename B::Scalar>()));
    };
    Tensor<B>& mean = buffer("running_mean");
    Tensor<B>& variance = buffer("running_var");
    const bool training = golden.option("mode") == "train";
    const Pass<B> pass(operation.tape(), training ? Mode::training : Mode::evaluation);
    const Variable<B> y = ops::batch_norm(pass, operation.leaf("input"), operation.leaf("weight"),
                                          operation.leaf("bias"), mean, variance);
    CHECK(test::agrees(mean.to_host(operation.context()), golden.at("after.running_mean")));
    CHECK(test::agrees(variance.to_host(operation.context()), golden.at("after.running_var")));
    return y;
}

template <class B>
[[nodiscard]] Variable<B> cross_entropy(test::GoldenOperation<B>& operation) {
    const test::GoldenCase& golden = operation.golden();
    const std::vector<double>& labels = golden.at("labels").values;
    const auto& targets = operation.keep(std::vector<std::int32_t>(labels.begin(), labels.end()));
    return ops::cross_entropy(
        operation.leaf("input"), targets,
        {.label_smoothing = golden.number("label_smoothing"),
         .ignore_index = static_cast<std::int32_t>(golden.count("ignore_index"))});
}

/// The operation a case is of, applied to its leaves "input", "weight", "bias".
template <class B>
[[nodiscard]] Variable<B> apply(test::GoldenOperation<B>& operation) {
    const auto leaf = [&operation](const char* name) { return operation.leaf(name); };
    const std::string& op = operation.golden().option("op");
    if (op == "conv2d") return ops::conv2d(leaf("input"), leaf("weight"));
    if (op == "depthwise") return ops::depthwise_conv2d(leaf("input"), leaf("weight"));
    if (op == "linear") return ops::linear(leaf("input"), leaf("weight"), leaf("bias"));
    if (op == "linear_gelu") return ops::linear_gelu(leaf("input"), leaf("weight"), leaf("bias"));
    if (op == "max_pool") return ops::max_pool(leaf("input"));
    if (op == "global_mean_pool") return ops::mean_positions(leaf("input"));
    if (op == "batch_norm") return batch_norm(operation);
    if (op == "cross_entropy") return cross_entropy(operation);
    if (op == "group_norm") {
        return ops::group_norm(leaf("input"), leaf("weight"), leaf("bias"),
                               operation.golden().count("groups"));
    }
    throw test::GoldenError(operation.golden().file(), "unknown operation " + op);
}

TEMPLATE_TEST_CASE("every operation agrees with PyTorch, forward and backward", "[B-7][H-7]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    test::check_golden_operations<TestType>("op/", 38,
                                            [](auto& operation) { return apply(operation); });
}

}  // namespace
}  // namespace kasmina::golden_test
