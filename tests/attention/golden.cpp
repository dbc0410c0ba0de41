// Attention against PyTorch's numbers, forward and backward, under each mask and score.
#include "support/golden.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <kasmina/attention/masks.hpp>
#include <kasmina/attention/scores.hpp>
#include <kasmina/autodiff/ops/attention.hpp>
#include <kasmina/autodiff/ops/attention_masks.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_module.hpp"

namespace kasmina {
namespace {

template <class B>
class Case {
public:
    using Scalar = typename B::Scalar;

    explicit Case(const test::GoldenCase& golden) : golden_(golden), tape_(context_) {
        for (const std::string name : {"input", "param.k", "param.v"}) {
            if (!golden.contains(name)) continue;
            const test::GoldenTensor& recorded = golden.at(name);
            leaves_.emplace(name, tape_.leaf(test::shape_of(recorded), recorded.as<Scalar>()));
        }
    }

    void check() {
        const Variable<B> y = with_mask();
        CHECK(test::agrees(y.to_host(), golden_.at("output")));
        tape_.backward(y, golden_.at("grad_output").as<Scalar>());
        for (const auto& [name, leaf] : leaves_) {
            INFO(name);
            const std::string recorded = name == "input" ? "grad_input" : "grad" + name.substr(5);
            CHECK(test::agrees(tape_.gradient(leaf), golden_.at(recorded)));
        }
    }

private:
    Variable<B> with_mask() {
        const std::string& mask = golden_.option("mask");
        const Index number = golden_.count("number");
        if (mask == "none") return with_score(masks::None{});
        if (mask == "causal") return with_score(masks::Causal{});
        if (mask == "sliding") return with_score(masks::Sliding{number});
        if (mask == "prefix") return with_score(masks::PrefixLm{number});
        if (mask != "document") throw test::GoldenError(golden_.file(), "unknown mask " + mask);
        const test::GoldenTensor& ids = golden_.at("documents");
        const std::vector<std::int32_t> values(ids.values.begin(), ids.values.end());
        const auto documents =
            Tensor<B, std::int32_t>::from_host(context_, test::shape_of(ids), values);
        return with_score(ops::Documents<B>(documents));
    }

    template <class Mask>
    Variable<B> with_score(const Mask& mask) {
        const Index heads = golden_.count("heads");
        const std::string& score = golden_.option("score");
        if (score == "none") return attend(mask, scores::None{});
        if (score == "alibi") return attend(mask, scores::Alibi{heads});
        if (score == "soft_cap") return attend(mask, scores::SoftCap{golden_.number("cap")});
        throw test::GoldenError(golden_.file(), "unknown score " + score);
    }

    template <class Mask, class Score>
    Variable<B> attend(const Mask& mask, const Score& score) {
        const Index heads = golden_.count("heads");
        if (leaves_.size() == 1) return ops::attention(leaves_.at("input"), heads, mask, score);
        return ops::attention(leaves_.at("input"), leaves_.at("param.k"), leaves_.at("param.v"),
                              heads, mask, score);
    }

    const test::GoldenCase& golden_;
    typename B::Context context_{};
    Tape<B> tape_;
    std::map<std::string, Variable<B>> leaves_;
};

TEMPLATE_TEST_CASE("attention gives PyTorch's numbers", "[golden][B-7][H-7][attention]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    for (const std::string& name : test::golden_cases("attention/")) {
        INFO(name);
        const test::GoldenCase golden = test::read_golden(name);
        Case<TestType>(golden).check();
    }
}

}  // namespace
}  // namespace kasmina
