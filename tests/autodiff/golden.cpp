// Every recorded operation against PyTorch's numbers, forward and backward (B-7, H-7).
#include "support/golden.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <kasmina/autodiff/ops/batch_norm.hpp>
#include <kasmina/autodiff/ops/conv2d.hpp>
#include <kasmina/autodiff/ops/cross_entropy.hpp>
#include <kasmina/autodiff/ops/depthwise_conv2d.hpp>
#include <kasmina/autodiff/ops/group_norm.hpp>
#include <kasmina/autodiff/ops/linear.hpp>
#include <kasmina/autodiff/ops/pooling.hpp>

#include "support/backend.hpp"
#include "support/catch.hpp"
#include "support/golden_module.hpp"

namespace kasmina {
namespace {

/// The operation a case is of, applied to its leaves "input", "weight", "bias".
template <class B>
class Case {
public:
    using Scalar = typename B::Scalar;

    explicit Case(const test::GoldenCase& golden) : golden_(golden), tape_(context_) {
        for (const auto& entry : golden.tensors()) {
            const std::string& name = entry.first;
            const test::GoldenTensor& recorded = entry.second;
            const bool parameter = name.starts_with("param.");
            if (name != "input" && !parameter) continue;
            leaves_.emplace(parameter ? name.substr(6) : name,
                            tape_.leaf(test::shape_of(recorded), recorded.as<Scalar>()));
        }
    }

    void check() {
        const Variable<B> y = apply();
        CAPTURE(test::relative_error(y.to_host(), golden_.at("output")));
        CHECK(test::agrees(y.to_host(), golden_.at("output")));
        if (golden_.contains("grad_output")) {
            tape_.backward(y, golden_.at("grad_output").as<Scalar>());
        } else {
            tape_.backward(y);
        }
        for (const auto& [name, leaf] : leaves_) {
            INFO(name);
            const auto& recorded = golden_.at(name == "input" ? "grad_input" : "grad." + name);
            CHECK(test::agrees(tape_.gradient(leaf), recorded));
        }
    }

private:
    const Variable<B>& leaf(const std::string& name) const { return leaves_.at(name); }

    Variable<B> apply() {
        const std::string& op = golden_.option("op");
        if (op == "conv2d") return ops::conv2d(leaf("input"), leaf("weight"));
        if (op == "depthwise") return ops::depthwise_conv2d(leaf("input"), leaf("weight"));
        if (op == "linear") return ops::linear(leaf("input"), leaf("weight"), leaf("bias"));
        if (op == "max_pool") return ops::max_pool(leaf("input"));
        if (op == "global_mean_pool") return ops::mean_positions(leaf("input"));
        if (op == "batch_norm") return batch_norm();
        if (op == "cross_entropy") return cross_entropy();
        if (op == "group_norm") {
            return ops::group_norm(leaf("input"), leaf("weight"), leaf("bias"),
                                   golden_.count("groups"));
        }
        throw test::GoldenError(golden_.file(), "unknown operation " + op);
    }

    Variable<B> batch_norm() {
        const auto buffer = [this](const std::string& name) {
            const test::GoldenTensor& recorded = golden_.at("buffer." + name);
            return Tensor<B>::from_host(context_, test::shape_of(recorded), recorded.as<Scalar>());
        };
        mean_ = buffer("running_mean");
        variance_ = buffer("running_var");
        const bool training = golden_.option("mode") == "train";
        const Pass<B> pass(tape_, training ? Mode::training : Mode::evaluation);
        const Variable<B> y =
            ops::batch_norm(pass, leaf("input"), leaf("weight"), leaf("bias"), mean_, variance_);
        CHECK(test::agrees(mean_.to_host(context_), golden_.at("after.running_mean")));
        CHECK(test::agrees(variance_.to_host(context_), golden_.at("after.running_var")));
        return y;
    }

    Variable<B> cross_entropy() {
        const std::vector<double>& labels = golden_.at("labels").values;
        targets_.assign(labels.begin(), labels.end());
        return ops::cross_entropy(
            leaf("input"), targets_,
            {.label_smoothing = golden_.number("label_smoothing"),
             .ignore_index = static_cast<std::int32_t>(golden_.count("ignore_index"))});
    }

    const test::GoldenCase& golden_;
    typename B::Context context_{};
    Tensor<B> mean_;
    Tensor<B> variance_;
    std::vector<std::int32_t> targets_;
    Tape<B> tape_;
    std::map<std::string, Variable<B>> leaves_;
};

TEMPLATE_TEST_CASE("every operation agrees with PyTorch, forward and backward", "[B-7][H-7]",
                   test::Eigen32, test::Eigen64, test::Oracle, test::Device64) {
    std::size_t cases = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(KASMINA_GOLDEN_DIR) + "/op")) {
        const std::string name = "op/" + entry.path().stem().string();
        INFO(name);
        const test::GoldenCase golden = test::read_golden(name);
        Case<TestType>(golden).check();
        ++cases;
    }
    CHECK(cases >= 35);
}

}  // namespace
}  // namespace kasmina
