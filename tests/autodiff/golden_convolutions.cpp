// Convolutions and pools with options against PyTorch's numbers, forward and all gradients.
#include <optional>
#include <string>

#include <kasmina/autodiff/ops/average_pool.hpp>
#include <kasmina/autodiff/ops/conv1d.hpp>
#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/conv_transpose2d.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>
#include <kasmina/autodiff/ops/upsample_nearest.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_operation.hpp"

namespace kasmina::golden_convolutions_test {
namespace {

/// Whether a case has PyTorch's padding "same".
[[nodiscard]] bool same(const test::GoldenCase& golden) {
    return golden.count("same") == 1;
}

template <class B>
[[nodiscard]] std::optional<Variable<B>> bias_of(const test::GoldenOperation<B>& operation) {
    if (!operation.contains("bias")) return std::nullopt;
    return operation.leaf("bias");
}

/// The operation a case is of, applied to its leaves "input", "weight" and perhaps "bias".
template <class B>
[[nodiscard]] Variable<B> apply(const test::GoldenOperation<B>& operation) {
    const test::GoldenCase& golden = operation.golden();
    const std::string& op = golden.option("op");
    const auto pair = [&golden](const std::string& of) {
        return ops::HeightWidth{golden.count(of + "_height"), golden.count(of + "_width")};
    };
    const Variable<B>& input = operation.leaf("input");
    if (op == "conv2d") {
        return ops::conv2d(
            input, operation.leaf("weight"),
            {.stride = pair("stride"),
             .padding = same(golden) ? ops::Padding::same()
                                     : ops::Padding(pair("padding").height, pair("padding").width),
             .dilation = pair("dilation"),
             .groups = golden.count("groups")},
            bias_of(operation));
    }
    if (op == "conv1d") {
        return ops::conv1d(input, operation.leaf("weight"),
                           {.stride = golden.count("stride"),
                            .padding = same(golden) ? ops::Padding1d::same()
                                                    : ops::Padding1d(golden.count("padding")),
                            .dilation = golden.count("dilation"),
                            .groups = golden.count("groups")},
                           bias_of(operation));
    }
    if (op == "conv_transpose2d") {
        return ops::conv_transpose2d(input, operation.leaf("weight"),
                                     {.stride = pair("stride"),
                                      .padding = pair("padding"),
                                      .output_padding = pair("output_padding"),
                                      .dilation = pair("dilation"),
                                      .groups = golden.count("groups")},
                                     bias_of(operation));
    }
    if (op == "max_positions") return ops::max_positions(input);
    if (op == "upsample_nearest") return ops::upsample_nearest(input, pair("factor"));
    const ops::HeightWidth stride = pair("stride");
    if (op == "max_pool") {
        return ops::max_pool(input, {.window = pair("window"),
                                     .stride = {stride.height, stride.width},
                                     .padding = pair("padding")});
    }
    if (op == "average_pool" || op == "average_pool_of_map") {
        return ops::average_pool(input, {.window = pair("window"),
                                         .stride = {stride.height, stride.width},
                                         .padding = pair("padding"),
                                         .count_padding = op == "average_pool"});
    }
    throw test::GoldenError(golden.file(), "unknown operation " + op);
}

TEMPLATE_TEST_CASE("convolutions and pools with options agree with PyTorch, forward and backward",
                   "[B-7][N-1]", test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    test::check_golden_operations<TestType>("conv/", 28,
                                            [](const auto& operation) { return apply(operation); });
}

}  // namespace
}  // namespace kasmina::golden_convolutions_test
