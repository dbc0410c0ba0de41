// Attention against PyTorch's numbers, forward and backward, under each mask and score.
#include <cstdint>
#include <string>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/autodiff/ops/attention_masks.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_operation.hpp"

namespace kasmina::golden_test {
namespace {

template <class B, class Mask, class Score>
[[nodiscard]] Variable<B> attend(const test::GoldenOperation<B>& operation, const Mask& mask,
                                 const Score& score) {
    const Index heads = operation.golden().count("heads");
    const Variable<B>& input = operation.leaf("input");
    if (!operation.contains("k")) return ops::attention(input, heads, mask, score);
    return ops::attention(input, operation.leaf("k"), operation.leaf("v"), heads, mask, score);
}

template <class B, class Mask>
[[nodiscard]] Variable<B> with_score(const test::GoldenOperation<B>& operation, const Mask& mask) {
    const test::GoldenCase& golden = operation.golden();
    const std::string& score = golden.option("score");
    if (score == "none") return attend(operation, mask, scores::None{});
    if (score == "alibi") return attend(operation, mask, scores::Alibi{golden.count("heads")});
    if (score == "soft_cap") {
        return attend(operation, mask, scores::SoftCap{golden.number("cap")});
    }
    throw test::GoldenError(golden.file(), "unknown score " + score);
}

template <class B>
[[nodiscard]] Variable<B> with_mask(test::GoldenOperation<B>& operation) {
    const test::GoldenCase& golden = operation.golden();
    const std::string& mask = golden.option("mask");
    const Index number = golden.count("number");
    if (mask == "none") return with_score(operation, masks::None{});
    if (mask == "causal") return with_score(operation, masks::Causal{});
    if (mask == "sliding") return with_score(operation, masks::Sliding{number});
    if (mask == "prefix") return with_score(operation, masks::PrefixLm{number});
    if (mask != "document") throw test::GoldenError(golden.file(), "unknown mask " + mask);
    const test::GoldenTensor& ids = golden.at("documents");
    const std::vector<std::int32_t> values(ids.values.begin(), ids.values.end());
    const auto documents =
        Tensor<B, std::int32_t>::from_host(operation.context(), test::shape_of(ids), values);
    return with_score(operation, ops::Documents<B>(documents));
}

TEMPLATE_TEST_CASE("attention gives PyTorch's numbers", "[golden][B-7][H-7][attention]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    test::check_golden_operations<TestType>("attention/", 11,
                                            [](auto& operation) { return with_mask(operation); });
}

}  // namespace
}  // namespace kasmina::golden_test
